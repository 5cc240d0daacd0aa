"""Films of the training and films held out from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

for module in ("cv2", "scipy", "sklearn", "pyarrow"):
    pytest.importorskip(module)


from evaluations import BRIGHT, DARK, QUICK, Run, film, folders, manifest, three_as_two
from pneumoscope import data
from pneumoscope.evidence.audit.listing import open_films
from pneumoscope.evidence.evaluation.training_films import training_films
from tiny import tiny_meta


@pytest.mark.slow
def test_training_films_are_kept_apart_from_films_held_out(evaluate: Run, tmp_path: Path) -> None:
    greys = {"NORMAL": DARK, "PNEUMONIA": BRIGHT}
    films = folders(tmp_path / "films", **greys)
    trained = data.load(films, 224, task="binary", share=0.25, seed=3, cache=tmp_path / "c")
    record = {
        "source": trained.source,
        "manifest_sha256": trained.manifest_sha256,
        "split_seed": 3,
        "films": {
            split: {
                name: int(trained.targets[trained.rows(split), i].sum())
                for i, name in enumerate(trained.names)
            }
            for split in ("train", "validation")
        },
    }
    bundle = three_as_two(tmp_path, record)
    code, metrics, _ = evaluate(bundle.path, films, *QUICK)
    assert code == 0
    assert metrics["films"]["films"] == len(trained.rows("validation")) == 10
    assert metrics["films"]["split"] == "validation"
    assert "held out in the bundle's training" in metrics["films"]["chosen"]
    overlap = metrics["bundles"][0]["overlap"]
    assert (overlap["known"], overlap["films"], overlap["patients"]) == (True, 0, 0)
    gallery = metrics["bundles"][0]["gallery"]
    assert gallery["training_films"] == 30
    held = {trained.films[i].path for i in trained.rows("validation")}
    near = [n for f in gallery["films"] for n in f["neighbours"]]
    assert near
    assert not held & {n["path"] for n in near}
    assert all(-1.0001 <= n["similarity"] <= 1.0001 for n in near)
    assert {n["same"] for n in near} == {True, False}

    code, metrics, _ = evaluate(bundle.path, films, *QUICK, "--split", "all")
    overlap = metrics["bundles"][0]["overlap"]
    assert (metrics["films"]["films"], overlap["films"]) == (40, 30)
    assert "figures are too good" in overlap["words"]

    film(films / "NORMAL" / "NORMAL00.png", 61)
    code, metrics, _ = evaluate(bundle.path, films, *QUICK)
    assert (metrics["films"]["split"], metrics["bundles"][0]["overlap"]["known"]) == ("all", False)
    assert "some may have been training films" in metrics["bundles"][0]["overlap"]["words"]


TRAINED = {
    "manifest_sha256": "a" * 64,
    "split_seed": 3,
    "films": {"train": {"NORMAL": 2}, "validation": {"NORMAL": 1, "PNEUMONIA": 3}},
}
RECIPE = {"name": "tiny", "split": "patient", "validation": 0.25}


@pytest.mark.parametrize(
    ("recipe", "record"),
    [
        ({}, TRAINED),
        (RECIPE, {}),
        (RECIPE, {k: v for k, v in TRAINED.items() if k != "split_seed"}),
        (RECIPE, {k: v for k, v in TRAINED.items() if k != "manifest_sha256"}),
        (RECIPE, {**TRAINED, "films": {"train": {"NORMAL": 2}}}),
        (RECIPE, {**TRAINED, "films": {"train": {"NORMAL": 2}, "validation": {"NORMAL": 2}}}),
    ],
    ids=["no recipe", "no record", "no seed", "no manifest", "no validation", "other counts"],
)
def test_a_split_that_cannot_be_reproduced_costs_no_decoding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recipe: dict[str, Any], record: dict[str, Any]
) -> None:
    def no_decoding(*_arguments: object, **_settings: object) -> None:
        raise AssertionError("films were decoded")

    monkeypatch.setattr(data, "load", no_decoding)
    root = folders(tmp_path / "films", NORMAL=[60, 70, 80], PNEUMONIA=[200, 210, 220])
    listing = open_films(root)[0]
    meta = tiny_meta(
        task="binary", labels=("NORMAL", "PNEUMONIA"), kinds=(), kinds_warning="",
        negative="NORMAL", recipe=recipe, data=record,
    )  # fmt: skip
    assert training_films(root, listing, meta, None, lambda *_: None) is None


def test_the_same_counts_are_not_enough(tmp_path: Path) -> None:
    # As many films of each label as the training had, but other films.
    root = folders(tmp_path / "films", NORMAL=[60, 70, 80], PNEUMONIA=[200, 210, 220])
    steps: list[str] = []
    meta = tiny_meta(
        task="binary", labels=("NORMAL", "PNEUMONIA"), kinds=(), kinds_warning="",
        negative="NORMAL", recipe=RECIPE, data=TRAINED,
    )  # fmt: skip
    listing, cache = open_films(root)[0], tmp_path / "c"
    made = training_films(root, listing, meta, cache, lambda _d, _t, step: steps.append(step))
    assert made is None
    assert set(steps) == {"looking for training films"}


def test_films_that_cannot_be_read_now_are_not_those_of_the_training(tmp_path: Path) -> None:
    root = folders(tmp_path / "films", NORMAL=[60, 70, 80], PNEUMONIA=[200, 210, 220])
    for path in root.glob("*/*.png"):
        path.write_bytes(b"")
    meta = tiny_meta(
        task="binary", labels=("NORMAL", "PNEUMONIA"), kinds=(), kinds_warning="",
        negative="NORMAL", recipe=RECIPE, data=TRAINED,
    )  # fmt: skip
    listing = open_films(root)[0]
    assert training_films(root, listing, meta, tmp_path / "c", lambda *_: None) is None


def test_films_of_a_population_and_of_sources_that_were_not_left_out(tmp_path: Path) -> None:
    rows = []
    for i, source in enumerate("a" * 8 + "b" * 4 + "c" * 4):
        film(tmp_path / "films" / f"{i}.png", 40 + 10 * i)
        rows.append(f"{i}.png,{('NORMAL', 'PNEUMONIA')[i % 2]},{source}")
    root = manifest(tmp_path / "films", "path,label,source", *rows)
    recipe = {"name": "tiny", "split": "leave-out:c", "validation": 0.25}
    trained = data.load(
        root, 224, task="binary", split="leave-out:c", share=0.25, seed=3, population=("a",),
        cache=tmp_path / "c",
    )  # fmt: skip
    counts = {
        split: {name: int(trained.targets[trained.rows(split), i].sum())
                for i, name in enumerate(trained.names)}
        for split in ("train", "validation")
    }  # fmt: skip
    record = TRAINED | {"manifest_sha256": trained.manifest_sha256, "films": counts}
    meta = tiny_meta(
        task="binary", labels=("NORMAL", "PNEUMONIA"), kinds=(), kinds_warning="",
        negative="NORMAL", recipe=recipe, data=record | {"population": ["a"]},
    )  # fmt: skip
    listing = open_films(root)[0]
    films = training_films(root, listing, meta, tmp_path / "c", lambda *_: None)
    assert films is not None
    assert {film.source for film in films.films} == {"a", "b"}
    assert {film.source for film in films.films if film.split == "validation"} == {"a"}


def test_films_of_other_classes_are_not_those_of_the_training(tmp_path: Path) -> None:
    root = folders(tmp_path / "films", NORMAL=[60, 70], PNEUMONIA=[200, 210])
    record = TRAINED | {"films": {"train": {"normal": 2}, "validation": {"viral": 1}}}
    meta = tiny_meta(recipe=RECIPE, data=record)
    assert meta.labels == ("normal", "bacterial", "viral")
    assert training_films(root, open_films(root)[0], meta, None, lambda *_: None) is None
