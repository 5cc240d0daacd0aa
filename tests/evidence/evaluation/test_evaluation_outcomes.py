"""Verdicts as readers see them, from films to figures."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

for module in ("cv2", "scipy", "sklearn", "pyarrow"):
    pytest.importorskip(module)

import pyarrow.parquet

from command_line import run
from evaluations import QUICK, Run, scored_films
from pneumoscope.bundle import write_bundle
from tiny import scored_meta, tiny_files


def test_verdicts_are_counted_as_readers_see_them(evaluate: Run, tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "scored", scored_meta(), tiny_files(tmp_path / "parts"))
    films = scored_films(tmp_path / "films")
    code, metrics, _ = evaluate(bundle.path, films, *QUICK)
    assert code == 0
    verdicts = metrics["bundles"][0]["verdicts"]
    assert (verdicts["films"], verdicts["known"], verdicts["error"]) == (44, 44, 0.05)
    assert (verdicts["operating_point"], verdicts["classes"]) == (
        "balanced",
        ["NORMAL", "PNEUMONIA"],
    )
    labels = {label["label"]: label for label in verdicts["labels"]}
    # Of 23 normal films 4 are up to grey 73 and 2 from 145 on, 3 are too small; of 21 ill ones 18
    # are from 145 on, 1 is too small.
    assert {name: label["counts"] for name, label in labels.items()} == {
        "NORMAL": {"NORMAL": 4, "PNEUMONIA": 0},
        "PNEUMONIA": {"NORMAL": 2, "PNEUMONIA": 18},
        "UNDETERMINED": {"NORMAL": 14, "PNEUMONIA": 2},
        "REFUSED": {"NORMAL": 3, "PNEUMONIA": 1},
    }
    shares = {name: label["share"]["value"] for name, label in labels.items()}
    assert shares == pytest.approx(
        {"NORMAL": 4 / 44, "PNEUMONIA": 20 / 44, "UNDETERMINED": 16 / 44, "REFUSED": 4 / 44}
    )
    refused = labels["REFUSED"]
    assert refused["share"]["low"] < 4 / 44 < refused["share"]["high"]
    assert refused["by_class"]["NORMAL"]["value"] == pytest.approx(3 / 23)
    # Calls at grey 117.5: the undetermined ill films, 110 and 100, and the refused normal one of 160.
    errors = {name: label["error"]["value"] for name, label in labels.items()}
    assert errors == pytest.approx(
        {"NORMAL": 0, "PNEUMONIA": 2 / 20, "UNDETERMINED": 2 / 16, "REFUSED": 1 / 4}
    )
    shown = verdicts["shown"]
    assert (shown["films"], shown["error"]["value"]) == (24, pytest.approx(2 / 24))
    assert (shown["sensitivity"]["value"], shown["specificity"]["value"]) == (1.0, 4 / 6)
    # Of the films that are not refused; between the limits sets are empty.
    assert verdicts["coverage"]["NORMAL"]["value"] == pytest.approx(4 / 20)
    assert verdicts["coverage"]["PNEUMONIA"]["value"] == pytest.approx(18 / 20)
    (reason,) = verdicts["gate"]
    assert (reason["code"], reason["refused"], reason["noted"]) == ("too-small", 4, 40)
    assert reason["by_class"] == {"NORMAL": 3, "PNEUMONIA": 1}
    groups = {group["value"]: group for group in verdicts["groups"]}
    assert groups["NORMAL"]["labels"]["UNDETERMINED"]["value"] == pytest.approx(14 / 23)
    assert groups["NORMAL"]["shown_error"]["value"] == pytest.approx(2 / 6)

    (target,) = metrics["bundles"][0]["targets"]
    assert target["films"] == 44
    with_verdict = target["with_verdict"]
    assert (with_verdict["films"], with_verdict["positives"]) == (24, 18)
    assert with_verdict["ranking"]["roc_auc"]["value"] == 1.0
    assert with_verdict["figures"]["specificity"]["value"] == pytest.approx(4 / 6)
    shipped = target["conformal"]["shipped"]
    assert (shipped["films"], shipped["limits"]) == (40, [0.8, 0.7])
    assert shipped["by_class"]["normal"]["value"] == pytest.approx(4 / 20)
    assert (shipped["empty"]["value"], shipped["undetermined"]["value"]) == (16 / 40, 0.0)
    assert shipped["error_of_single"]["value"] == pytest.approx(2 / 24)

    rows = pyarrow.parquet.read_table(tmp_path / "evidence" / "predictions.parquet").to_pylist()
    by_path = {row["path"]: row for row in rows}
    small = by_path["NORMAL/b.png"]
    assert (small["label"], small["verdict"], small["set"]) == ("NORMAL", "REFUSED", ["PNEUMONIA"])
    assert (small["gate"], small["gate_codes"]) == ("refuse", ["too-small"])
    bright = by_path["PNEUMONIA/PNEUMONIA00.png"]
    assert (bright["verdict"], bright["gate"]) == ("PNEUMONIA", "note")
    assert bright["kinds"] == ["bacterial", "viral"]
    assert by_path["NORMAL/NORMAL02.png"]["set"] == []


def test_the_summary_says_how_many_films_get_no_verdict(tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "scored", scored_meta(), tiny_files(tmp_path / "parts"))
    films = scored_films(tmp_path / "films")
    done = run("evaluate", bundle.path, films, "--out", tmp_path / "out", *QUICK)
    assert done.returncode == 0, done.stderr
    shown = " ".join(done.stdout.split())
    assert "NORMAL PNEUMONIA UNDETERMINED REFUSED wrong verdicts" in shown
    assert re.search(r"0\.364 \[0\.\d{3}, 0\.\d{3}\]", shown)  # 16 of 44
    assert re.search(r"0\.091 \[0\.\d{3}, 0\.\d{3}\]", shown)  # 4 of 44
