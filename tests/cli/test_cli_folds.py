"""``pneumoscope train --folds``: the trainings, their figures and what is refused."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

for module in ("cv2", "scipy", "sklearn", "matplotlib"):
    pytest.importorskip(module, reason="needs the [evidence] extra")

from command_line import Done, run
from cross_validations import fold_bundle
from documented_output import undocumented
from evaluations import film, manifest
from pneumoscope.bundle import Bundle
from stub_trainings import Trainings, replace_training

RECIPE = 'name = "mine"\nvalidation = 0.5\nfolds = 2\n'


def bundle_of(recipe: Any, run: Path) -> Bundle:
    """The tiny network, which calls bright films."""
    number = int(recipe.split.removeprefix("fold:").split("/")[0])
    useless = {"learned_nothing": ["no film is called"]} if number == 2 else {}
    return fold_bundle(run, number, useless=useless)


@pytest.fixture
def trainings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Trainings:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").write_text(RECIPE)
    return replace_training(monkeypatch, bundle_of)


@pytest.fixture
def films(tmp_path: Path) -> Path:
    """Four patients of each class with one film each; one of the healthy films is bright."""
    rows = []
    # No two films are alike: patients who share one would count as one.
    greys = {"normal": (60, 70, 65, 200), "bacterial": range(201, 205), "viral": range(210, 214)}
    for name, levels in greys.items():
        for i, grey in enumerate(levels):
            film(tmp_path / "films" / f"{name}{i}.png", grey)
            rows.append(f"{name}{i}.png,{name},{name}{i}")
    return manifest(tmp_path / "films", "path,label,patient", *rows)


def cross_validate(films: Path, *more: object, recipe: str = "mine.toml") -> Done:
    return run("train", recipe, "--data", films, *more, "--cache", "cache")


@pytest.mark.slow
def test_each_fold_is_trained_and_all_films_are_measured(trainings: Trainings, films: Path) -> None:
    done = cross_validate(films, "--out", "runs")
    assert done.returncode == 0, done.stderr
    out = Path("runs")
    assert trainings.runs == [out / "fold-1", out / "fold-2"]
    assert "fold 1/2, in runs/fold-1" in done.stderr
    shown = " ".join(done.stdout.split())
    assert "fold films patients ill AUC accuracy sensitivity specificity" in shown
    # 11 of 12 films are called correctly: all eight ill ones, three of four healthy ones.
    assert "pooled 12 12 8" in shown
    assert "0.917" in shown
    assert "warning: fold 2 learned nothing that can be shown: no film is called." in shown
    assert "specificity by fold: mean 0.750, standard deviation 0.354, from 0.500 to 1.000" in shown
    assert "ships no bundle" in shown
    assert "--folds 0" in shown
    with (out / "out-of-fold.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert sorted(row["path"] for row in rows) == sorted(
        f"{name}{i}.png" for name in ("normal", "bacterial", "viral") for i in range(4)
    )
    assert [row["fold"] for row in rows] == ["1"] * 6 + ["2"] * 6
    called = {row["path"] for row in rows if float(row["p_positive"]) >= float(row["threshold"])}
    assert {path for path in called if path.startswith("normal")} == {"normal3.png"}
    record = json.loads((out / "folds.json").read_text())
    assert record["pooled"]["figures"]["specificity"]["value"] == 0.75
    for name in ("folds.csv", "folds.png", "folds.svg"):
        assert (out / name).stat().st_size > 0


@pytest.mark.slow
def test_folds_as_json_in_the_default_folder(trainings: Trainings, films: Path) -> None:
    done = cross_validate(films, "--seed", 3, "--json")
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert undocumented("train --folds N", record) == []
    assert (record["recipe"], record["folds"], record["finished"]) == ("mine", 2, 2)
    assert record["bundle"] is None
    assert [fold["fold"] for fold in record["by_fold"]] == [1, 2]
    assert {Path(file).parent for file in record["files"]} == {Path("runs/mine-3-folds")}


@pytest.mark.slow
def test_finished_folds_are_in_the_files_before_the_last(trainings: Trainings, films: Path) -> None:
    trainings.most = 1
    done = cross_validate(films, "--out", "runs")
    assert done.returncode == 1
    assert "the loss is not a number" in done.stderr
    record = json.loads(Path("runs/folds.json").read_text())
    assert (record["finished"], record["folds"]) == (1, 2)
    # The same command goes on.
    trainings.most = 9
    assert cross_validate(films, "--out", "runs").returncode == 0
    assert json.loads(Path("runs/folds.json").read_text())["finished"] == 2


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--leave-out", "all"), "--leave-out and 2 folds"),
        (("--folds", 1), "folds is 1"),
        (("--folds", 5), "too few for 5 folds"),
        (("--out", "run"), "run: contains the run of one training"),
        (("--out", "films/manifest.csv"), "is not a folder"),
    ],
)
def test_what_is_refused_before_any_training(
    trainings: Trainings, films: Path, more: tuple[object, ...], message: str
) -> None:
    Path("run").mkdir()
    (Path("run") / "run.json").write_text("{}")
    done = cross_validate(films, *more)
    assert (done.returncode, done.stdout, trainings.runs) == (1, "", [])
    assert message in done.stderr
    assert "hint:" in done.stderr


def test_without_folds_there_is_one_training(trainings: Trainings, films: Path) -> None:
    """--folds 0 takes the recipe's folds away; other splits have none."""
    Path("film.toml").write_text(RECIPE + 'split = "film"\n')
    done = cross_validate(films, recipe="film.toml")
    assert (done.returncode, trainings.runs) == (1, [])
    assert "0 unless the split is 'patient'" in done.stderr
    done = cross_validate(films, "--find-learning-rate", "--folds", 2)
    assert done.returncode == 2
    assert "works without --folds" in done.stderr
