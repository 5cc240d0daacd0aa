"""Figures by source, and the share of the source in a pooled AUC, by hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

for module in ("cv2", "scipy", "sklearn", "pyarrow"):
    pytest.importorskip(module)

import pyarrow.parquet

from evaluated import evaluated_film, question, settings
from evaluations import BRIGHT, DARK, QUICK, Run, film, manifest
from pneumoscope.bundle import Bundle
from pneumoscope.data.sources import UNNAMED
from pneumoscope.evidence.evaluation.evaluated_films import EvaluatedFilm
from pneumoscope.evidence.evaluation.sources import source_result


def films(sources: str) -> list[EvaluatedFilm]:
    return [evaluated_film(i, source=source.strip("-")) for i, source in enumerate(sources)]


def test_pairs_within_and_between_sources_by_hand() -> None:
    # Source a: ill 0.9 and 0.4, well 0.3. Source b: ill 0.5, well 0.6 and 0.2.
    q = question([0.9, 0.4, 0.3, 0.5, 0.6, 0.2], [True, True, False, True, False, False])
    result = source_result(q, films("aaabbb"), 0.45, settings())
    assert result is not None
    # Within a 2 of 2 pairs are ranked rightly, within b 1 of 2; of all nine pairs 7.
    assert result.within.value == pytest.approx(3 / 4)
    assert result.between.value == pytest.approx(4 / 5)
    assert result.pairs_within == pytest.approx(4 / 9)
    # Shares 2/3 and 1/3: of nine pairs four are right, one is wrong, four are ties.
    assert result.source_alone.value == pytest.approx((4 + 4 / 2) / 9)
    a, b = result.sources
    assert (a.source, a.films, a.patients, a.positives) == ("a", 3, 3, 2)
    assert (a.roc_auc.value, b.roc_auc.value) == (1.0, 0.5)
    assert (a.sensitivity.value, a.specificity.value) == (0.5, 1.0)
    assert (b.sensitivity.value, b.specificity.value) == (1.0, 0.5)
    assert "gives AUC 0.667. 44% of the pairs" in result.words


def test_a_source_with_one_class_has_no_auc_and_says_why() -> None:
    ill = [True] * 12 + [False] * 12
    q = question([0.8] * 12 + list(np.linspace(0.1, 0.7, 12)), ill)
    result = source_result(q, films("a" * 12 + "-" * 12), 0.5, settings())
    assert result is not None
    unnamed, a = result.sources
    assert (a.source, unnamed.source) == ("a", UNNAMED)
    assert a.roc_auc.value is None
    assert a.roc_auc.note == "all films are of one class"
    assert a.specificity.value is None
    assert a.sensitivity.value == 1.0
    # The source tells the class: it alone is as good as the model.
    assert result.source_alone.value == 1.0
    assert (result.within.value, result.pairs_within) == (None, 0.0)
    assert "that of the source altogether" in result.words


def test_intervals_draw_patients_and_one_source_says_nothing() -> None:
    rng = np.random.default_rng(4)
    ill = [bool(i % 3 == 0) for i in range(60)]
    q = question([0.3 * x + 0.7 * float(rng.random()) for x in ill], ill)
    result = source_result(q, films("ab" * 30), 0.5, settings())
    assert result is not None
    for figure in (result.within, result.between):
        assert figure.low is not None
        assert figure.value is not None
        assert figure.high is not None
        assert figure.low < figure.value < figure.high
    assert source_result(q, films("a" * 60), 0.5, settings()) is None


def test_one_class_ranks_nothing() -> None:
    result = source_result(question([0.2, 0.4], [True, True]), films("ab"), 0.3, settings())
    assert result is not None
    assert (result.pairs_within, result.source_alone.value, result.between.value) == (None,) * 3
    assert result.words == "All films are of one class, so nothing can be ranked."


def test_the_command_measures_by_source(
    evaluate: Run, tmp_path: Path, tiny_bundle: Bundle, capsys: pytest.CaptureFixture[str]
) -> None:
    """Hospital a has both classes, hospital b ill films only."""
    rows = []
    for kind, greys in (("normal", DARK), ("pneumonia", BRIGHT)):
        for i, grey in enumerate(greys):
            film(tmp_path / "films" / f"{kind}{i}.png", grey, seed=i)
            source = "b" if kind == "pneumonia" and i >= 10 else "a"
            rows.append(f"{kind}{i}.png,{kind},{source},{kind}{i}")
    table = manifest(tmp_path / "films", "path,label,source,patient", *rows)
    code, metrics, _ = evaluate(tiny_bundle.path, table, "--by", "source", *QUICK)
    assert code == 0
    assert metrics["films"]["sources"] == {
        "a": {"normal": 20, "pneumonia": 10},
        "b": {"pneumonia": 10},
    }
    (target,) = metrics["bundles"][0]["targets"]
    a, b = target["sources"]["sources"]
    # The pneumonia films from number 10 on include the two dark ones.
    assert (a["films"], b["films"], b["positives"]) == (30, 10, 10)
    assert a["sensitivity"]["value"] == 1.0
    assert a["specificity"]["value"] == b["sensitivity"]["value"] + 0.1 == pytest.approx(0.9)
    assert (b["roc_auc"]["value"], b["roc_auc"]["note"]) == (None, "all films are of one class")
    # Shares of ill: a 1/3, b 1; of 400 pairs 200 tie, 200 are right.
    assert target["sources"]["source_alone"]["value"] == pytest.approx(0.75)
    # Only hospital a has pairs of its own.
    assert target["sources"]["within"]["value"] == pytest.approx(a["roc_auc"]["value"])
    assert {(g["column"], g["value"]) for g in target["subgroups"]} == {
        ("source", "a"),
        ("source", "b"),
    }
    parquet = pyarrow.parquet.read_table(tmp_path / "evidence" / "predictions.parquet").to_pylist()
    assert [row["source"] for row in parquet].count("b") == 10
    json.dumps(metrics, allow_nan=False)


def test_sources_of_folders_come_from_the_data_sheet(
    evaluate: Run, tmp_path: Path, tiny_bundle: Bundle
) -> None:
    for kind, grey in (("normal", 60), ("pneumonia", 200)):
        for i in range(3):
            film(tmp_path / "films" / kind / f"{i}.png", grey + i)
    code, _, err = evaluate(tiny_bundle.path, tmp_path / "films", "--by", "source", *QUICK)
    assert code == 1
    assert "has no table with columns" in err
    (tmp_path / "films" / "datasheet.toml").write_text('collection = "north"\n')
    code, metrics, _ = evaluate(tiny_bundle.path, tmp_path / "films", "--by", "source", *QUICK)
    assert code == 0
    (target,) = metrics["bundles"][0]["targets"]
    assert [group["value"] for group in target["subgroups"]] == ["north"]
    assert target["sources"] is None
