"""Bundles whose training left a source out: their films for testing, and the table of their figures."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

for module in ("cv2", "scipy", "sklearn"):
    pytest.importorskip(module)

from evaluated import settings
from evaluations import film, manifest
from left_out_results import left_out, source
from pneumoscope.bundle import Bundle, write_bundle
from pneumoscope.evidence.evaluation import evaluate
from pneumoscope.evidence.evaluation.context import Context
from pneumoscope.evidence.evaluation.films import choose
from pneumoscope.evidence.evaluation.left_out import called_ill, left_out_result, to_csv, to_json
from pneumoscope.evidence.evaluation.settings import SUBGROUPS
from pneumoscope.evidence.evaluation.work import Work
from pneumoscope.evidence.statistics.intervals import Figure
from tiny import tiny_files, tiny_meta


def bundle(folder: Path, split: str) -> Bundle:
    meta = tiny_meta(
        recipe={"name": "tiny", "split": split, "validation": 0.25},
        validation={"plain": {"auc": {"value": 0.9, "low": 0.8, "high": 0.95}}},
    )
    return write_bundle(folder / "bundle", meta, tiny_files(folder / "parts"))


def two_sources(folder: Path, count: int, tested: int = 0) -> Path:
    """A manifest of films of the sources a and b, half each; the last ones are for testing."""
    rows = []
    for i in range(count):
        film(folder / f"{i}.png", 60 + 30 * i)
        label, source = ("normal", "bacterial")[i % 2], "ab"[2 * i // count]
        rows.append(f"{i}.png,{label},{source},{'test' * (i >= count - tested)}")
    return manifest(folder, "path,label,source,split", *rows)


def test_the_left_out_source_is_for_testing(tmp_path: Path) -> None:
    table = two_sources(tmp_path / "films", 4)
    left_out = bundle(tmp_path / "first", "leave-out:b")
    choice = choose(table, [left_out], "test")
    assert [entry.name for entry in choice.entries] == ["2.png", "3.png"]
    # Two trainings that left out different sources have no films for testing in common.
    other = bundle(tmp_path / "second", "leave-out:a")
    assert len(choose(table, [left_out, other]).entries) == 4
    assert choose(table, [bundle(tmp_path / "third", "patient")]).split == "all"


def test_films_that_the_data_reserve_for_testing_are_not_used(tmp_path: Path) -> None:
    table = two_sources(tmp_path / "films", 6, tested=2)
    left_out = bundle(tmp_path, "leave-out:b")
    for split in ("test", "auto"):
        assert [e.name for e in choose(table, [left_out], split).entries] == ["3.png"]
    assert len(choose(table, [left_out], "all").entries) == 6


def test_figures_of_a_group_and_of_its_sources(tmp_path: Path) -> None:
    # Source b is healthy, with one film too bright; source c is ill, with one film too dark.
    greys = {"a": (60, 200), "b": (60, 70, 80, 150), "c": (100, 200, 210, 220)}
    rows = []
    for name, levels in greys.items():
        for i, grey in enumerate(levels):
            film(tmp_path / "films" / f"{name}{i}.png", grey)
            label = "normal" if name == "b" or grey == 60 else "bacterial"
            rows.append(f"{name}{i}.png,{label},{name},{name}{i // 2}")
    table = manifest(tmp_path / "films", "path,label,source,patient", *rows)
    left = bundle(tmp_path, "leave-out:b+c")
    wanted = settings(sections=(SUBGROUPS,), split="test", by=())
    context = Context(wanted, Work(tmp_path / "work"), lambda _done, _total, _text: None)
    result = left_out_result("b+c", evaluate.evaluate(table, [left.path], context, tmp_path / "c"))
    whole = result.whole
    assert (whole.films, whole.patients, whole.positives) == (8, 4, 4)
    # Of 16 pairs, one is ranked wrongly: 100 below 150.
    assert whole.roc_auc.value == pytest.approx(15 / 16)
    assert (whole.sensitivity.value, called_ill(whole.specificity).value) == (0.75, 0.25)
    b, c = result.members
    assert (b.source, c.source) == ("b", "c")
    assert (b.roc_auc.value, called_ill(b.specificity).value, b.sensitivity.value) == (
        None,
        0.25,
        None,
    )
    assert (c.roc_auc.value, called_ill(c.specificity).value, c.sensitivity.value) == (
        None,
        None,
        0.75,
    )
    assert result.validation_auc == Figure(0.9, 0.8, 0.95)
    assert (result.operating_point, result.bundle_sha256) == ("balanced", left.sha256)
    assert any("may be that of the source altogether" in words for words in result.warnings)


def test_the_share_of_healthy_films_called_ill_by_hand() -> None:
    assert called_ill(Figure(0.75, 0.5, 0.875)) == Figure(0.25, 0.125, 0.5)
    assert called_ill(Figure(0.75, note="few")) == Figure(0.25, note="few")
    assert called_ill(Figure(None, note="no film is negative")).note == "no film is negative"


def test_the_table_as_json_and_csv() -> None:
    none = Figure(None, note="all films are of one class")
    members = [source("=b", none, films=30, positives=0), source("c", none)]
    results = [left_out("a", Figure(0.8, 0.7, 0.9), Figure(0.95, 0.9, 0.97)),
               left_out("=b+c", none, Figure(0.9), *members)]  # fmt: skip
    first, second = to_json(results)
    assert (first["source"], first["films"], first["healthy"], first["ill"]) == ("a", 40, 30, 10)
    assert first["healthy_called_ill"] == {"value": 0.25, "low": 0.125, "high": 0.5, "note": ""}
    assert first["validation_roc_auc"]["low"] == 0.9
    assert (first["sources"], first["warnings"]) == ([], ["few films"])
    assert [row["source"] for row in second["sources"]] == ["=b", "c"]
    assert second["sources"][0]["roc_auc"]["note"] == "all films are of one class"
    rows = list(csv.DictReader(io.StringIO(to_csv(results))))
    # No spreadsheet takes a name for a formula.
    assert [(row["left_out"], row["source"]) for row in rows] == [
        ("a", "a"), ("'=b+c", "'=b+c"), ("'=b+c", "'=b"), ("'=b+c", "c"),
    ]  # fmt: skip
    assert [row["roc_auc"] for row in rows] == ["0.8", "", "", ""]
    assert rows[0]["ill_called_ill_high"] == "0.95"
    assert [row["validation_roc_auc"] for row in rows] == ["0.95", "0.9", "", ""]
