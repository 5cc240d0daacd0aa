"""Trainings that start from a finished run."""

from __future__ import annotations

import csv
import json
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest

import bright_films
from drawn import drawn_set
from trainings import SMALL, train

pytest.importorskip("tensorflow", reason="needs the [train] extra")

from train_marks import TRAINING

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # TensorFlow's own imports warn
    from pneumoscope.train import finished_run, line
    from pneumoscope.train import run as training
    from pneumoscope.train.recipe.reading import resolved
    from pneumoscope.train.recipe.settings import Recipe

from pneumoscope.bundle import Bundle
from pneumoscope.data import FilmSet
from pneumoscope.errors import UsageError

pytestmark = TRAINING

RECIPE = resolved(Recipe(filters=(8, 16)))


def half_trained() -> FilmSet:
    """Films 0 to 19 are trained on, the others are held out."""
    whole = bright_films.films()
    split = ("train", "validation")
    films = tuple(replace(f, split=split[i >= 20]) for i, f in enumerate(whole.films))
    return replace(whole, films=films)


def run_on(folder: Path, films: list[tuple[str, str, str]], **settings: Any) -> Path:
    """A finished run on films: hash, patient and source of each that it was trained on."""
    folder.mkdir()
    (folder / "weights.npz").write_bytes(b"weights")
    record = {
        "recipe": RECIPE | settings,
        "manifest_sha256": "cd",
        "start_weights": {"name": "w.h5", "sha256": "ab"},
    }
    (folder / "run.json").write_text(json.dumps(record))
    (folder / "log.csv").write_text("phase,epoch,seconds\nhead,1,9\n")
    with (folder / "films.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["path", "sha256", "patient", "split", "source"])
        writer.writerows(
            ["a.png", digest, patient, "train", north] for digest, patient, north in films
        )
        writer.writerow(["b.png", "30", "p30", "validation", ""])
    return folder


def test_a_run_on_other_films_or_the_same_split_may_be_the_start(tmp_path: Path) -> None:
    films = half_trained()
    same = run_on(tmp_path / "same", [(str(i), f"p{i}", "") for i in range(20)])
    others = run_on(tmp_path / "others", [("x", "y", "north")], task="binary", size=64)
    for run in (same, others):
        finished_run.check_start(run, RECIPE, films)


@pytest.mark.parametrize("film", [("25", "elsewhere", ""), ("another film", "p25", "")])
def test_no_film_that_is_held_out_was_trained_on(
    tmp_path: Path, film: tuple[str, str, str]
) -> None:
    run = run_on(tmp_path / "run", [("1", "p1", ""), film])
    with pytest.raises(
        UsageError, match=r"was trained on 1 of the 20 films that are held out here"
    ):
        finished_run.check_start(run, RECIPE, half_trained())


def test_networks_that_give_soft_labels_hold_every_film_out(tmp_path: Path) -> None:
    run = run_on(tmp_path / "run", [("1", "p1", "")])
    finished_run.check_start(run, RECIPE, half_trained())
    with pytest.raises(UsageError, match=r"was trained on 1 of the 40 films"):
        finished_run.check_start(run, RECIPE | {"soft_labels": 0.5}, half_trained())


def test_networks_of_another_run_that_give_soft_labels_start_from_none(tmp_path: Path) -> None:
    start = run_on(tmp_path / "start", [("1", "p1", "")])
    recipe = Recipe(filters=(8, 16), soft_labels=0.5)
    with pytest.raises(UsageError, match=r"was trained on 1 of the 40 films"):
        training._check_start(recipe, str(start / "weights.npz"), half_trained())
    training._check_start(recipe, str(start / "weights.npz"), half_trained(), own_teachers=False)


def test_a_source_that_is_left_out_was_not_trained_on(tmp_path: Path) -> None:
    run = run_on(tmp_path / "run", [("x", "y", "north"), ("z", "w", "south")])
    finished_run.check_start(run, RECIPE | {"split": "leave-out:east"}, half_trained())
    with pytest.raises(UsageError, match="films of north, which is left out here"):
        finished_run.check_start(run, RECIPE | {"split": "leave-out:east+north"}, half_trained())


@pytest.mark.parametrize(
    "text",
    [None, "path,patient\na.png,p1\n", "path,split\na.png,train\n", f"split\n{'9' * 200_000}"],
)
def test_without_the_list_of_its_films_a_run_is_refused(tmp_path: Path, text: str | None) -> None:
    run = run_on(tmp_path / "run", [])
    (run / "films.csv").unlink()
    if text is not None:
        (run / "films.csv").write_text(text)
    with pytest.raises(UsageError, match=r"films\.csv, the list of its films, cannot be read"):
        finished_run.check_start(run, RECIPE, half_trained())


def test_another_network_is_refused(tmp_path: Path) -> None:
    run = run_on(tmp_path / "run", [])
    with pytest.raises(
        UsageError, match="another network than the recipe's: tail is 'strided' there"
    ):
        finished_run.check_start(run, RECIPE | {"tail": "dilated"}, half_trained())
    (run / "weights.npz").unlink()
    with pytest.raises(UsageError, match="is not a finished run"):
        finished_run.check_start(run, RECIPE, half_trained())


def test_the_authors_of_the_first_weights_are_not_lost(tmp_path: Path) -> None:
    record = finished_run.start_record(run_on(tmp_path / "first", []))
    assert record["name"].startswith("run first (")
    assert len(record["run_sha256"]) == 64
    assert (record["began_with"], record["sha256"]) == ("w.h5", "ab")
    second = run_on(tmp_path / "second", [])
    before = json.loads((second / "run.json").read_text())
    (second / "run.json").write_text(json.dumps(before | {"start_weights": record}))
    again = finished_run.start_record(second)
    assert (again["began_with"], again["sha256"]) == ("w.h5", "ab")


def test_the_command_starts_from_a_run(tmp_path: Path, tiny_bundle: Bundle) -> None:
    """With nothing but the head to train, the rest of the network stays that of the run."""
    films = drawn_set(tmp_path / "films", 16, 24)
    with mock.patch.object(line, "bundle_of", return_value=tiny_bundle):
        done = train(SMALL.replace("epochs = 3", "epochs = 1"), tmp_path / "first", films)
        assert done.returncode == 0, done.stderr
        head_only = SMALL.replace("epochs = 3", "epochs = 0").replace('"small"', '"second"')
        run = ("--weights", tmp_path / "first")
        done = train(head_only, tmp_path / "second", films, *run, weights=None)
        assert done.returncode == 0, done.stderr
        stored = [dict(np.load(tmp_path / name / "weights.npz")) for name in ("first", "second")]
        assert np.array_equal(stored[0]["v0"], stored[1]["v0"])
        record = json.loads((tmp_path / "second" / "run.json").read_text())
        assert record["start_weights"]["name"].startswith("run first (")
        assert record["start_weights"]["began_with"] == "none"
        (tmp_path / "empty").mkdir()
        refused = train(
            head_only, tmp_path / "third", films, "--weights", tmp_path / "empty", weights=None
        )
        assert refused.returncode == 1, refused.stderr
        assert "empty: is not a finished run" in refused.stderr
        assert not (tmp_path / "third").exists()


def test_a_share_of_the_start_weights_is_kept(tmp_path: Path, tiny_bundle: Bundle) -> None:
    films = drawn_set(tmp_path / "films", 16, 24)
    short = SMALL.replace("epochs = 3", "epochs = 1")
    names = ("first", "without", "with")
    with mock.patch.object(line, "bundle_of", return_value=tiny_bundle):
        for name, share in zip(names, ("", "", "start_share = 0.25\n"), strict=True):
            run = [] if name == "first" else ["--weights", tmp_path / "first"]
            recipe = short + share
            done = train(recipe, tmp_path / name, films, *run, weights=None if run else "none")
            assert done.returncode == 0, done.stderr
        first, without, kept = (dict(np.load(tmp_path / name / "weights.npz")) for name in names)
        assert np.abs(without["v0"] - first["v0"]).max() > 1e-4
        assert kept["v0"] == pytest.approx(0.75 * without["v0"] + 0.25 * first["v0"], abs=1e-6)
        # What tells the classes apart is that of the training.
        last = max(without, key=lambda name: int(name[1:]) if name[1:].isdigit() else -1)
        assert np.array_equal(kept[last], without[last])
        refused = train(recipe, tmp_path / "fourth", films)
    assert refused.returncode == 1
    assert (
        "start_share is 0.25 in the recipe, but the training does not start from a run"
        in refused.stderr
    )
    assert "--weights" in refused.stderr
    assert not (tmp_path / "fourth").exists()
