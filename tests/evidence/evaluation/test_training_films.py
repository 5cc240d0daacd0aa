"""Films of the training and films held out from it."""

from __future__ import annotations

from pathlib import Path

import pytest

for module in ("cv2", "scipy", "sklearn", "pyarrow"):
    pytest.importorskip(module)


from evaluations import BRIGHT, DARK, QUICK, Run, film, folders, three_as_two
from pneumoscope import data


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
