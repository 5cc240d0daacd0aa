from __future__ import annotations

import dataclasses
from pathlib import Path

import pyarrow as pa

from pneumoscope import runtime
from pneumoscope.batch.columns import columns, row_of, schema
from pneumoscope.bundle import Bundle
from pneumoscope.errors import MissingFile
from pneumoscope.records import Outcome
from pneumoscope.render.serialise import outcome_to_json

LABELS = ("normal", "bacterial", "viral")


def test_a_row_says_what_the_json_says(tiny_bundle: Bundle, film_files: Path) -> None:
    reader = runtime.load(tiny_bundle.path)
    (outcome,) = reader.predict_many([film_files / "bright.png"])
    fills = columns(LABELS, heatmaps=True)
    row = row_of(outcome, fills, sha256="ab", size=7, stamp="7-1")
    record = outcome_to_json(outcome)
    assert {name: row[name] for name in ("sha256", "bytes", "stamp")} == {
        "sha256": "ab",
        "bytes": 7,
        "stamp": "7-1",
    }
    same = ("label", "called", "p_positive", "p_unadjusted", "classes", "kinds", "bundle_sha256")
    assert {name: row[name] for name in same} == {name: record[name] for name in same}
    assert {name: row[f"p_{name}"] for name in LABELS} == record["probabilities"]
    assert row["reasons"] == [reason["code"] for reason in record["gate"]["reasons"]]
    assert dict(row["gate_scores"]) == record["gate"]["scores"]
    assert row["threshold"] == record["operating_point"]["threshold"]
    prediction = outcome.prediction
    assert prediction is not None
    assert prediction.heatmap is not None
    assert row["heatmap"] == prediction.heatmap.tolist()
    assert set(row) <= {column.name for column in fills}
    assert pa.Table.from_pylist([row], schema(fills)).num_rows == 1
    assert "heatmap" not in row_of(
        outcome, columns(LABELS, heatmaps=False), sha256="ab", size=7, stamp=""
    )


def test_a_refused_film_shows_no_figure(tiny_bundle: Bundle, film_files: Path) -> None:
    reader = runtime.load(tiny_bundle.path)
    (outcome,) = reader.predict_many([film_files / "bright.png"])
    assert outcome.prediction is not None
    refused = dataclasses.replace(outcome.prediction, label="REFUSED")
    fills = columns(LABELS, heatmaps=True)
    row = row_of(Outcome("a", 0, prediction=refused), fills, sha256="ab", size=7, stamp="")
    hidden = ("called", "p_positive", "p_unadjusted", "p_viral", "classes", "kinds", "findings")
    assert [row[name] for name in hidden] == [None] * len(hidden)
    assert (row["label"], "heatmap" in row) == ("REFUSED", False)


def test_the_row_of_an_error() -> None:
    row = row_of(
        Outcome("a.png", 0, error=MissingFile("a.png")), (), sha256=None, size=None, stamp=""
    )
    assert row == {
        "path": "a.png",
        "sha256": None,
        "bytes": None,
        "stamp": "",
        "error_code": "MissingFile",
        "error": "a.png: no such file",
        "hint": "Check the path; quote names that contain spaces.",
    }


def test_names_of_columns_are_unique() -> None:
    names = [column.name for column in columns(("positive", "unadjusted", "x"), heatmaps=True)]
    assert len(set(names)) == len(names)
    assert "p_x" in names
    assert [column.name for column in columns((), heatmaps=False)][-1] == "hint"
