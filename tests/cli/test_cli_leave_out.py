"""``pneumoscope train --leave-out``: the trainings, their table and what is refused."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

for module in ("cv2", "scipy", "sklearn", "matplotlib", "pyarrow"):
    pytest.importorskip(module, reason="needs the [evidence] extra")

from command_line import Done, run
from documented_output import undocumented
from evaluations import film, manifest
from pneumoscope.bundle import Bundle, write_bundle
from stub_trainings import Trainings, replace_training
from tiny import tiny_files, tiny_meta

AUC = {"value": 0.9, "low": 0.8, "high": 0.95}


@pytest.fixture
def trainings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Trainings:
    monkeypatch.chdir(tmp_path)
    files = tiny_files(tmp_path)

    def bundle_of(recipe: Any, run: Path) -> Bundle:
        meta = tiny_meta(recipe={"split": recipe.split}, validation={"plain": {"auc": AUC}})
        return write_bundle(run / "bundle", meta, files)

    return replace_training(monkeypatch, bundle_of)


@pytest.fixture
def films(tmp_path: Path) -> Path:
    """Source a: four of four films are called right. Source b: one healthy film of two is called ill."""
    rows = []
    for name, levels in {"a": (60, 70, 200, 210), "b": (65, 150, 205, 215)}.items():
        for i, grey in enumerate(levels):
            film(tmp_path / "films" / f"{name}{i}.png", grey)
            rows.append(f"{name}{i}.png,{('normal', 'bacterial')[i // 2]},{name},{name}{i}")
    return manifest(tmp_path / "films", "path,label,source,patient", *rows)


def leave_out(films: Path, *more: object) -> Done:
    return run("train", "--data", films, "--leave-out", *more, "--cache", "cache")


@pytest.mark.slow
def test_each_source_is_left_out_and_measured(trainings: Trainings, films: Path) -> None:
    done = leave_out(films, "all", "--out", "runs")
    assert done.returncode == 0, done.stderr
    out = Path("runs")
    assert trainings.runs == [out / "leave-out-a", out / "leave-out-b"]
    assert "1/2: without a, in runs/leave-out-a" in done.stderr
    shown = " ".join(done.stdout.split())
    heading = "left out films patients ill AUC validation AUC healthy called ill ill called ill"
    assert heading in shown
    validation = "0.900 [0.800, 0.950]"
    assert f"a 4 4 2 1.000 {validation} 0.000 1.000" in shown
    assert f"b 4 4 2 1.000 {validation} 0.500 1.000" in shown
    assert done.stdout.splitlines()[-3:] == [
        "runs/leave-out.csv", "runs/leave-out.png", "runs/leave-out.svg",
    ]  # fmt: skip
    with (out / "leave-out.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["left_out"], row["healthy_called_ill"]) for row in rows] == [
        ("a", "0.0"), ("b", "0.5"),
    ]  # fmt: skip
    stored = np.load(out / "leave-out-b" / "left-out.npz")
    assert stored["sources"].tolist() == ["b"] * 4
    # One of the two healthy films is called ill.
    assert (stored["p"] > 0.5).tolist() == [False, True, True, True]
    assert stored["positive"].tolist() == [False, False, True, True]
    for source in "ab":
        metrics = json.loads((out / f"leave-out-{source}/evaluation/metrics.json").read_text())
        assert metrics["films"]["sources"] == {source: {"bacterial": 2, "normal": 2}}


def test_one_source_as_json_in_the_default_folder(trainings: Trainings, films: Path) -> None:
    done = leave_out(films, "b", "--json")
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert undocumented("train --leave-out SOURCE", record) == []
    assert record["recipe"] == "flagship"
    assert [row["source"] for row in record["left_out"]] == ["b"]
    assert record["left_out"][0]["validation_roc_auc"]["value"] == 0.9
    (folder,) = {Path(file).parent for file in record["files"]}
    assert folder.parent == Path("runs")
    assert folder.name.startswith("flagship-")
    assert folder.name.endswith("-leave-out")


def test_a_film_that_cannot_be_read_is_reported(trainings: Trainings, films: Path) -> None:
    (films.parent / "b0.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    done = leave_out(films, "b", "--out", "runs")
    assert done.returncode == 1
    assert "b0.png" in done.stderr
    assert "b 3 3 2" in " ".join(done.stdout.split())


def test_finished_trainings_are_in_the_table_before_the_last(
    trainings: Trainings, films: Path
) -> None:
    trainings.most = 1
    done = leave_out(films, "all", "--out", "runs")
    assert done.returncode == 1
    assert "the loss is not a number" in done.stderr
    assert Path("runs/leave-out.csv").read_text().splitlines()[1].startswith("a,a,4,4,2,2,1.0")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("c",), "--leave-out c: no training film is from the source 'c'"),
        (("all", "--out", "run"), "run: contains the run of one training"),
        (("all", "--out", "films/manifest.csv"), "is not a folder"),
        (("a+b",), "all training films are from the source 'a+b'"),
    ],
)
def test_what_is_refused_before_any_training(
    trainings: Trainings, films: Path, more: tuple[str, ...], message: str
) -> None:
    Path("run").mkdir()
    (Path("run") / "run.json").write_text("{}")
    done = leave_out(films, *more)
    assert (done.returncode, done.stdout, trainings.runs) == (1, "", [])
    assert message in done.stderr
    assert "hint:" in done.stderr
