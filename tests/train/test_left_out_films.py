"""Healthy films of sources that trainings left out, in which the limit of another training is to hold."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="needs the [train] extra")

from train_marks import TRAINING

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # TensorFlow's own imports warn
    from pneumoscope.train import left_out_films
    from pneumoscope.train.recipe.reading import resolved
    from pneumoscope.train.recipe.settings import Recipe
    from pneumoscope.train.validation import left_out

from pneumoscope.bundle import sha256_of
from pneumoscope.errors import UsageError

pytestmark = TRAINING

RECIPE = resolved(Recipe(task="binary"))
HEALTHY = np.linspace(0.05, 0.95, 19)


def finished(folder: Path, recipe: dict[str, Any] = RECIPE) -> Path:
    folder.mkdir(parents=True)
    (folder / "weights.npz").write_bytes(folder.name.encode())
    (folder / "log.csv").write_text("phase,epoch,seconds\n")
    record = {"recipe": recipe, "manifest_sha256": "ab", "start_weights": {"name": "none"}}
    (folder / "run.json").write_text(json.dumps(record))
    return folder


def of(folder: Path, source: str, p: np.ndarray = HEALTHY, **changes: Any) -> Path:
    """A finished training without a source: its healthy films, and as many ill ones with P = 1."""
    run = finished(folder / f"leave-out-{source}", RECIPE | changes)
    every, ill = np.r_[p, np.ones(len(p))], np.repeat([False, True], len(p))
    left_out.save(run / left_out.FILE, [source] * len(every), every, ill)
    return run


def test_healthy_films_of_each_source(tmp_path: Path) -> None:
    run = of(tmp_path, "north")
    of(tmp_path, "south", HEALTHY[::-1] / 2)
    (tmp_path / "leave-out.csv").touch()
    north, south = left_out_films.read(tmp_path, RECIPE)
    assert (north.source, south.source) == ("north", "south")
    assert north.p.tolist() == HEALTHY.tolist()
    assert south.p.tolist() == (HEALTHY[::-1] / 2).tolist()
    assert north.run_sha256 == sha256_of(run / "weights.npz")


def test_sources_of_one_training_are_told_apart(tmp_path: Path) -> None:
    run = finished(tmp_path / "leave-out-east+west")
    sources = ["east", "west"] * 20
    p = np.arange(40) / 40
    left_out.save(run / left_out.FILE, sources, p, np.zeros(40, bool))
    east, west = left_out_films.read(tmp_path, RECIPE)
    assert (east.p.tolist(), west.p.tolist()) == (p[::2].tolist(), p[1::2].tolist())


def test_small_sources_and_other_patients_do_not_count(tmp_path: Path) -> None:
    for source, films in {"north": 19, "south": 18, "children": 30}.items():
        of(tmp_path, source, np.linspace(0, 1, films), population=["north", "south"])
    recipe = RECIPE | {"population": ["north", "south"]}
    assert [each.source for each in left_out_films.read(tmp_path, recipe)] == ["north"]


def test_a_shorter_training_with_another_split_counts(tmp_path: Path) -> None:
    of(tmp_path, "north", epochs=1, name="short", split="leave-out:north")
    assert len(left_out_films.read(tmp_path, RECIPE)) == 1


def test_what_has_no_limits_for_a_recipe(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has no training that left a source out"):
        left_out_films.read(tmp_path, RECIPE)
    of(tmp_path, "south", HEALTHY[:18])
    with pytest.raises(UsageError, match="no source has 19 healthy films or more"):
        left_out_films.read(tmp_path, RECIPE)
    with pytest.raises(UsageError, match="a recipe with a healthy class"):
        left_out_films.read(tmp_path, RECIPE | {"task": "multilabel"})
    of(tmp_path, "north", prevalence=0.3)
    with pytest.raises(UsageError, match=r"prevalence is 0\.3 there, and 0\.0 in the recipe"):
        left_out_films.read(tmp_path, RECIPE)


def test_a_source_that_was_left_out_twice(tmp_path: Path) -> None:
    of(tmp_path, "north")
    (tmp_path / "leave-out-north").rename(tmp_path / "leave-out-south+north")
    of(tmp_path, "north")
    with pytest.raises(UsageError, match="two trainings left north out"):
        left_out_films.read(tmp_path, RECIPE)


def test_every_training_of_the_folder_has_to_be_finished(tmp_path: Path) -> None:
    """Otherwise the limit would silently hold in fewer sources."""
    of(tmp_path, "north")
    finished(tmp_path / "of-all-sources")
    assert len(left_out_films.read(tmp_path, RECIPE)) == 1
    south = finished(tmp_path / "leave-out-south", RECIPE | {"split": "leave-out:south"})
    (south / "weights.npz").unlink()
    with pytest.raises(UsageError, match=r"leave-out-south: has no left-out\.npz") as caught:
        left_out_films.read(tmp_path, RECIPE)
    assert "with --leave-out again" in str(caught.value.hint)


def test_probabilities_for_other_films(tmp_path: Path) -> None:
    of(tmp_path, "north", population=["north"])
    with pytest.raises(UsageError, match="its probabilities are for other films") as caught:
        left_out_films.read(tmp_path, RECIPE)
    assert "Leave the sources out with the same recipe" in str(caught.value.hint)


def test_a_file_in_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="has no training that left a source out"):
        left_out_films.read(tmp_path / "file", RECIPE)


@pytest.mark.parametrize("damage", ["start", "cut", "empty", "bits"])
def test_a_damaged_file_and_an_unfinished_run(damage: str, tmp_path: Path) -> None:
    run = of(tmp_path, "north")
    whole = (run / left_out.FILE).read_bytes()
    broken = {
        "start": b"PK",
        "cut": whole[:-40],
        "empty": b"",
        "bits": whole[:90] + b"??" + whole[92:],
    }
    (run / left_out.FILE).write_bytes(broken[damage])
    with pytest.raises(UsageError, match=r"left-out\.npz: cannot be read") as caught:
        left_out_films.read(tmp_path, RECIPE)
    assert "--leave-out again" in str(caught.value.hint)
    (run / "weights.npz").unlink()
    with pytest.raises(UsageError, match="is not a finished run"):
        left_out_films.read(tmp_path, RECIPE)
