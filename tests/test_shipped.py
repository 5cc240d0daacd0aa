"""The bundles inside the package keep what their cards say."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

import pneumoscope
from pneumoscope import images
from pneumoscope.bundle import CARD, Bundle, open_bundle
from pneumoscope.bundle.names import BUNDLES, DEFAULTS, SHIPPED_SET
from pneumoscope.render.card import card_of
from pneumoscope.runtime import Classifier

NAMES = ("children", "adults")
CLASSIFIERS = {name: Classifier(open_bundle(name)) for name in NAMES}


@pytest.fixture(params=NAMES)
def classifier(request: pytest.FixtureRequest) -> Classifier:
    return CLASSIFIERS[request.param]


@pytest.fixture
def bundle(classifier: Classifier) -> Bundle:
    return classifier.bundle


@pytest.fixture
def children() -> Classifier:
    return CLASSIFIERS["children"]


def test_the_package_has_these_bundles_and_no_others() -> None:
    assert DEFAULTS == NAMES
    assert sorted(path.name for path in BUNDLES.iterdir()) == sorted(NAMES)
    assert all(sum(p.stat().st_size for p in path.iterdir()) < 15_000_000 for path in SHIPPED_SET)


def test_their_classes() -> None:
    children, adults = (CLASSIFIERS[name].bundle.meta for name in NAMES)
    assert children.labels == ("normal", "bacterial", "viral")
    assert (children.positive, children.population.age_years) == ("PNEUMONIA", (1, 5))
    assert adults.labels == ("normal", "abnormal")
    assert (adults.positive, adults.population.age_years) == ("ABNORMAL", (18, 95))
    assert "Pneumonia is one possible reason" in adults.warnings[0]


def test_figures_of_children_reach_what_was_asked_for(children: Classifier) -> None:
    v = children.bundle.meta.validation
    assert v["operating_point"]["name"] == children.bundle.meta.default_operating_point
    assert v["plain"]["auc"]["value"] >= 0.99
    assert v["plain"]["auc"]["value"] - v["worst"]["auc"]["value"] <= 0.02
    assert v["worst"]["balanced_accuracy"]["value"] >= 0.93
    assert len(v["stress"]) >= 16
    assert v["heatmaps"]["pointing"]["low"] >= 0.85
    assert v["heatmaps"]["same_peak"] <= 0.25


def test_each_gate_knows_films_of_the_other_population(bundle: Bundle) -> None:
    assert bundle.meta.gate is not None
    measured = bundle.meta.gate["measured"]
    assert measured["other-population"]["films"] >= 390
    assert measured["other-population"]["recognised"] >= 0.95
    assert measured["plain"]["other-population"] <= 0.02
    assert measured["plain"]["refused"] <= 0.02


def test_operating_points_are_in_order(bundle: Bundle) -> None:
    screen, balanced, rule_in = (
        bundle.meta.operating_point(name).threshold for name in ("screen", "balanced", "rule-in")
    )
    assert screen < balanced < rule_in


def test_parity_is_close_enough(bundle: Bundle) -> None:
    parity = bundle.meta.validation["parity"]
    assert parity["films"] >= 200
    assert parity["max_dp"] <= 1e-4
    assert parity["max_heatmap_error"] <= 1e-3


def test_the_card_tells_what_the_record_holds(bundle: Bundle) -> None:
    card = (bundle.path / CARD).read_text(encoding="utf-8")
    assert card == card_of(bundle.meta)
    assert "with a head that reads the evidence on each lung" in card
    v = bundle.meta.validation
    for figure in (v["plain"]["auc"], v["statistics_baseline"]["positive"]):
        assert f"{figure['value']:.3f} [{figure['low']:.3f}, {figure['high']:.3f}]" in card
    for text in ("Not a medical device", "CC BY 4.0", "MIT licence"):
        assert text in card


def test_golden_outputs(classifier: Classifier) -> None:
    assert classifier.check() <= 1e-3


def test_outputs_have_the_promised_shapes(classifier: Classifier) -> None:
    meta = classifier.bundle.meta
    outputs = classifier.run(np.zeros((3, meta.size, meta.size, 1), np.uint8))
    assert outputs.probabilities.shape == (3, len(meta.labels))
    assert outputs.heatmaps.shape == (3, len(meta.labels), 16, 16)
    assert outputs.embedding.shape == (3, 128)
    assert outputs.lungs is not None
    assert outputs.lungs.shape == (3, 16, 16)
    for values in (outputs.probabilities, outputs.heatmaps, outputs.embedding, outputs.lungs):
        assert values.dtype == np.float32
        assert np.isfinite(values).all()
    assert outputs.heatmaps.min() >= 0
    assert outputs.lungs.min() >= 0
    assert outputs.lungs.max() <= 1


def test_exposure_and_contrast_do_not_change_the_verdict(classifier: Classifier) -> None:
    rng = np.random.default_rng(0)
    size = classifier.bundle.meta.size
    film = rng.integers(0, 100, (1, size, size, 1)).astype(np.uint8)
    changed = (film * 2 + 30).astype(np.uint8)
    p, q = (classifier.run(x).probabilities for x in (film, changed))
    assert np.abs(p - q).max() < 0.01


@pytest.mark.slow
def test_reduced_decoding_hardly_changes_the_answer(children: Classifier, films_dir: Path) -> None:
    films = sorted((films_dir / "full_size").glob("*/*"))
    reduced = [children.predict(path) for path in films]
    size = children.bundle.meta.size
    whole = children.run(
        np.stack([images.model_input(images.read(path), size) for path in films])[..., None]
    )
    differences = [
        abs(p.p_positive - (1 - q[0])) for p, q in zip(reduced, whole.probabilities, strict=True)
    ]
    assert sum(p.facts.reduced_by > 1 for p in reduced) >= 20
    assert np.median(differences) <= 0.002
    assert max(differences) <= 0.1


@pytest.mark.slow
def test_a_full_size_film_and_its_224_pixel_copy_agree(
    children: Classifier, films_dir: Path
) -> None:
    full = sorted((films_dir / "full_size").glob("*/*"))
    twins = [films_dir / "chest_xray" / "train" / p.parent.name / p.name for p in full]
    pairs = [
        (a.prediction, b.prediction)
        for a, b in zip(children.predict_many(full), children.predict_many(twins), strict=True)
    ]
    assert len(pairs) == 29
    differences = []
    for large, small in pairs:
        assert large is not None
        assert small is not None
        assert large.called == small.called
        differences.append(abs(large.p_positive - small.p_positive))
    assert np.median(differences) <= 0.03


@pytest.mark.slow
def test_films_choose_their_population(films_dir: Path) -> None:
    of_children = sorted((films_dir / "chest_xray" / "train").glob("*/*"))[::100]
    of_adults = sorted((films_dir / "hospitals" / "nih").glob("*/*"))[::10]
    for films, name, least in ((of_children, "children", 0.95), (of_adults, "adults", 0.9)):
        outcomes = pneumoscope.load().predict_many(films)
        chosen = [o.prediction.population for o in outcomes if o.prediction is not None]
        assert len(chosen) == len(films) > 40
        assert chosen.count(name) / len(chosen) >= least


def test_they_were_trained_by_the_shipped_recipes(bundle: Bundle) -> None:
    pytest.importorskip("cv2", reason="needs the [train] extra")
    from pneumoscope.train.recipe import reading

    # Settings that came after the bundle have their defaults: its start weights were of its seed.
    trained = reading.from_json(dict(bundle.meta.recipe))
    shipped = reading.load(bundle.meta.name)
    assert trained.seed_of_start_weights == shipped.seed_of_start_weights
    assert dataclasses.replace(trained, start_seed=shipped.start_seed) == shipped
