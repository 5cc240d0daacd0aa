"""One reader for two populations: which bundle judges a film, and which networks run for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import pneumoscope
from pneumoscope.bundle import Bundle, folder, names
from pneumoscope.decision.conformal import Scores, Sides
from pneumoscope.decision.profile import write_profile
from pneumoscope.errors import (
    BundleMismatch,
    ProfileMismatch,
    UnknownOperatingPoint,
    UsageError,
)
from pneumoscope.records import FilmFacts, Settings
from pneumoscope.runtime import Classifier, PopulationReader, Prepared, load
from tiny import TINY_SIZE, site_profile
from two_populations import CHILDREN, children_and_adults, population_bundle

DARK, BRIGHT = 51, 204
"""Grey levels; the children's gate accepts dark films, that of the adults bright ones."""


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Bundle]:
    return children_and_adults(tmp_path_factory.mktemp("populations"))


@pytest.fixture
def reader(bundles: dict[str, Bundle]) -> PopulationReader:
    return reader_of(bundles)


def reader_of(bundles: dict[str, Bundle], **choices: object) -> PopulationReader:
    classifiers = {name: Classifier(bundle, threads=1) for name, bundle in bundles.items()}
    return PopulationReader(classifiers, Settings(**choices))  # type: ignore[arg-type]


def film(level: int, age: float | None = None) -> Prepared:
    facts = FilmFacts("DICOM", 240, 260, age_years=age)
    return Prepared("film", facts, np.full((TINY_SIZE, TINY_SIZE), level, np.uint8), read_ms=1.0)


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Runs of the networks: name of the bundle, and films."""
    done: list[tuple[str, int]] = []
    run: Callable[..., object] = Classifier.run

    def counted(self: Classifier, inputs: np.ndarray) -> object:
        done.append((self.bundle.path.name, len(inputs)))
        return run(self, inputs)

    monkeypatch.setattr(Classifier, "run", counted)
    return done


@pytest.mark.parametrize(
    ("level", "age", "population", "source", "networks"),
    [
        (DARK, None, "children", "film", ["children"]),
        (BRIGHT, None, "adults", "film", ["children", "adults"]),
        (BRIGHT, 3.0, "children", "age", ["children"]),
        (DARK, 40.0, "adults", "age", ["adults"]),
        (DARK, 10.0, "children", "film", ["children"]),  # an age that no population covers
        (BRIGHT, 10.0, "adults", "film", ["children", "adults"]),
    ],
)
def test_the_age_chooses_or_else_the_film(
    reader: PopulationReader,
    runs: list[tuple[str, int]],
    level: int,
    age: float | None,
    population: str,
    source: str,
    networks: list[str],
) -> None:
    (p,) = reader.judge([film(level, age)])
    assert (p.population, p.population_source) == (population, source)
    assert p.bundle == f"{population} 1"
    assert runs == [(name, 1) for name in networks]


def test_the_readers_choice_comes_before_the_age(
    bundles: dict[str, Bundle], runs: list[tuple[str, int]]
) -> None:
    (p,) = reader_of(bundles, population="adults").judge([film(DARK, 3.0)])
    assert (p.population, p.population_source, p.bundle) == ("adults", "reader", "adults 1")
    assert p.label == "UNDETERMINED"  # a child's age, and a film that the gate says is of others
    assert runs == [("adults", 1)]


def test_an_age_that_no_population_covers_is_outside(reader: PopulationReader) -> None:
    (p,) = reader.judge([film(DARK, 10.0)])
    assert p.label == "UNDETERMINED"
    assert "10 years" in p.gate.reasons[0].sentence


def test_a_film_that_every_gate_calls_foreign_goes_to_the_nearest(tmp_path: Path) -> None:
    """Of a film of mean 0.8: scores 1 / (1 + exp(-6)) = 0.9975 and 1 / (1 + exp(-1.5)) = 0.8176."""
    a = population_bundle(tmp_path / "a", dark=True)
    b = population_bundle(tmp_path / "b", dark=True, slope=5)
    (p,) = reader_of({"a": a, "b": b}).judge([film(BRIGHT)])
    assert (p.population, p.label) == ("b", "UNDETERMINED")
    assert p.gate.scores["other-population"] == pytest.approx(0.8176, abs=1e-4)
    (p,) = reader_of({"b": b, "a": a}).judge([film(BRIGHT)])
    assert p.population == "b"


def test_without_the_score_the_first_bundle_takes_every_film_without_an_age(
    tmp_path: Path, bundles: dict[str, Bundle], runs: list[tuple[str, int]]
) -> None:
    plain = population_bundle(tmp_path / "plain", population=CHILDREN)
    for p in reader_of({"plain": plain, "adults": bundles["adults"]}).judge([film(BRIGHT)] * 2):
        assert (p.population, p.population_source) == ("plain", "film")
    assert runs == [("plain", 2)]
    (p,) = reader_of({"children": bundles["children"], "plain": plain}).judge([film(BRIGHT)])
    assert p.population == "plain"  # its gate does not object


def test_a_batch_runs_each_network_once(
    reader: PopulationReader, runs: list[tuple[str, int]]
) -> None:
    batch = [
        film(BRIGHT),
        film(DARK),
        film(DARK, 40.0),
        film(BRIGHT, 3.0),
        film(DARK),
        film(BRIGHT),
    ]
    predictions = reader.judge(batch)
    assert [p.population for p in predictions] == [
        "adults", "children", "adults", "children", "children", "adults"
    ]  # fmt: skip
    assert runs == [("children", 5), ("adults", 3)]
    alone = [reader.judge([item])[0] for item in batch]
    for p, q in zip(predictions, alone, strict=True):
        assert (p.label, p.called, p.population_source) == (q.label, q.called, q.population_source)
        assert p.p_positive == pytest.approx(q.p_positive, abs=1e-6)


def test_the_chosen_bundle_gives_verdict_labels_and_heatmap(reader: PopulationReader) -> None:
    p, q = reader.judge([film(BRIGHT), film(BRIGHT, 3.0)])
    assert (p.label, p.positive, p.kinds) == ("ABNORMAL", "ABNORMAL", ())
    assert list(p.probabilities) == ["normal", "opacity", "other"]
    assert p.heatmap is not None
    assert (q.called, q.positive) == ("PNEUMONIA", "PNEUMONIA")
    assert p.timings_ms["infer"] > 0
    assert reader.explained(p) == ("ABNORMAL", p.p_positive)
    assert reader.classifier_of(q).bundle.path.name == "children"


def test_many_films_of_both_populations_in_order(reader: PopulationReader, tmp_path: Path) -> None:
    levels = [DARK, BRIGHT, BRIGHT, DARK, BRIGHT] * 4
    paths = [tmp_path / f"{i:02}.png" for i in range(len(levels))]
    for path, level in zip(paths, levels, strict=True):
        Image.fromarray(np.full((240, 260), level, np.uint8)).save(path)
    (tmp_path / "99.png").write_bytes(b"no film")
    outcomes = list(reader.predict_many([*paths, tmp_path / "99.png"], batch_size=3))
    assert [o.source for o in outcomes[:-1]] == list(map(str, paths))
    assert outcomes[-1].error is not None
    populations = [o.prediction.population for o in outcomes[:-1] if o.prediction]
    assert populations == ["children" if level == DARK else "adults" for level in levels]
    prediction = reader.predict(paths[1])
    assert (prediction.population, prediction.label) == ("adults", "ABNORMAL")


def test_an_occlusion_map_is_of_the_network_that_judged(
    reader: PopulationReader, tmp_path: Path, runs: list[tuple[str, int]]
) -> None:
    Image.fromarray(np.full((240, 260), BRIGHT, np.uint8)).save(tmp_path / "bright.png")
    assert reader.occlusion(tmp_path / "bright.png").shape == (16, 16)
    assert {name for name, _ in runs[1:]} == {"adults"}
    assert reader.occlusion(pneumoscope.read(tmp_path / "bright.png")).shape == (16, 16)


def test_other_settings_share_the_networks(reader: PopulationReader) -> None:
    forced = reader.with_settings(Settings(population="adults", explain="none"))
    assert forced.settings.population == "adults"
    assert forced.classifiers["adults"]._network is reader.classifiers["adults"]._network
    (p,) = forced.judge([film(DARK)])
    assert (p.population, p.heatmap) == ("adults", None)
    (p,) = forced.with_settings(Settings()).judge([film(DARK)])
    assert p.population == "children"
    assert reader.check() < 1e-6


def test_wrong_choices_are_refused(bundles: dict[str, Bundle], tiny_bundle: Bundle) -> None:
    with pytest.raises(UsageError) as error:
        reader_of(bundles, population="elderly")
    assert error.value.hint == "Choose one of: children, adults."
    with pytest.raises(UnknownOperatingPoint):
        reader_of(bundles, operating_point="nonsense")
    with pytest.raises(UsageError, match="reads alone"):
        load(tiny_bundle, settings=Settings(population="adults"))


def test_bundles_of_different_sizes_are_no_choice(
    tmp_path: Path, bundles: dict[str, Bundle]
) -> None:
    large = population_bundle(tmp_path / "large", source_size=256)
    with pytest.raises(BundleMismatch, match="32 pixels of films of 256, that of children"):
        reader_of(bundles | {"large": large})


def test_a_site_profile_is_used_with_its_bundle_only(
    bundles: dict[str, Bundle], tmp_path: Path
) -> None:
    adults = bundles["adults"]
    profile = replace(
        site_profile(conformal=Scores({"ABNORMAL": Sides((0.2,) * 39, (0.5,) * 39)}, {})),
        bundle=adults.title,
        bundle_sha256=adults.sha256,
    )
    write_profile(tmp_path / "ward.json", profile)
    reader = reader_of(bundles, profile=tmp_path / "ward.json")
    child, adult = reader.judge([film(DARK), film(BRIGHT)])
    assert (child.population, child.profile) == ("children", None)
    assert (adult.population, adult.profile) == (
        "adults",
        reader.classifiers["adults"].profile.title,
    )  # type: ignore[union-attr]
    write_profile(tmp_path / "other.json", site_profile())
    with pytest.raises(ProfileMismatch):
        reader_of(bundles, profile=tmp_path / "other.json")


def test_what_is_shipped_is_the_choice(
    bundles: dict[str, Bundle], monkeypatch: pytest.MonkeyPatch
) -> None:
    packaged = load(threads=1)
    assert isinstance(packaged, PopulationReader)
    assert list(packaged.classifiers) == ["children", "adults"]
    shipped = tuple(bundle.path for bundle in bundles.values())
    monkeypatch.setattr(names, "SHIPPED_SET", shipped)
    reader = load(threads=1, settings=Settings(explain="none"))
    assert isinstance(reader, PopulationReader)
    assert list(reader.classifiers) == ["children", "adults"]
    assert [bundle.path for bundle in reader.bundles] == list(shipped)
    assert isinstance(load(bundles["adults"].path), Classifier)
    monkeypatch.setattr(names, "SHIPPED_SET", shipped[:1])
    monkeypatch.setattr(folder, "SHIPPED", shipped[0])
    assert isinstance(load(threads=1), Classifier)  # one bundle
