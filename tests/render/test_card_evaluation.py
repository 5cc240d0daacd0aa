"""The results of an evaluation on the card: figures of the right bundle, or a clear error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pneumoscope.bundle import Bundle
from pneumoscope.errors import UsageError
from pneumoscope.render.card.evaluation import FORMAT, figure_text, section


def figure(value: float | None, note: str = "") -> dict[str, Any]:
    if value is None:
        return {"value": None, "low": None, "high": None, "note": note}
    return {"value": value, "low": value - 0.01, "high": value + 0.01, "note": note}


def record(sha256: str) -> dict[str, Any]:
    """The parts of a metrics.json that the card reads."""
    names = ("sensitivity", "specificity", "balanced_accuracy", "accuracy", "ppv", "npv", "f1")
    figures: dict[str, Any] = {name: figure(0.9) for name in names}
    figures["npv"] = figure(None, "no film is called negative")
    point = {"name": "balanced", "default": True, "figures": {"threshold": 0.5, **figures}}
    target = {
        "name": "PNEUMONIA",
        "negative": "normal",
        "films": 40,
        "patients": 30,
        "positives": 25,
        "ranking": {"roc_auc": figure(0.95)},
        "points": [point],
        "calibration": None,
    }
    verdicts = {
        "films": 40,
        "operating_point": "balanced",
        "labels": [
            {"label": label, "films": films, "share": figure(films / 40), "error": figure(error)}
            for label, films, error in (
                ("NORMAL", 12, 0.0), ("PNEUMONIA", 20, 0.1), ("UNDETERMINED", 6, 0.5), ("REFUSED", 2, None),
            )
        ],
        "shown": {"films": 32, "error": figure(2 / 32)},
    }  # fmt: skip
    bad = {
        "kind": "jpeg",
        "severity": 5,
        "words": "JPEG quality 5",
        "figures": {"roc_auc": figure(0.7)},
    }
    return {
        "format": FORMAT,
        "version": "0.1",
        "created": "2026-01-02T03:04:05+00:00",
        "settings": {"draws": 2000},
        "films": {
            "films": 40,
            "patients": 30,
            "keyed": 40,
            "source": "drawn films",
            "chosen": "all films",
            "limits": ["nobody knows their ages"],
        },
        "bundles": [
            {
                "title": "tiny 1",
                "sha256": sha256,
                "overlap": {"words": "no film is a training film"},
                "verdicts": verdicts,
                "targets": [target],
                "robustness": {"conditions": [bad], "worst": {"roc_auc": ["jpeg", 5]}},
            }
        ],
    }


def test_an_evaluation_adds_its_figures(tmp_path: Path, tiny_bundle: Bundle) -> None:
    (tmp_path / "metrics.json").write_text(json.dumps(record(tiny_bundle.sha256)))
    text = section(tmp_path, tiny_bundle.sha256)
    assert "40 films of 30 patients: drawn films. All films. No film is a training film." in text
    assert "| AUC | 0.950 [0.940, 0.960] | 0.700 [0.690, 0.710] (JPEG quality 5) |" in text
    assert "| NPV | not defined: no film is called negative |  |" in text
    assert "- Nobody knows their ages." in text
    assert "| UNDETERMINED | 6 | 0.150 [0.140, 0.160] | 0.500 [0.490, 0.510] |" in text
    assert "| REFUSED | 2 | 0.050 [0.040, 0.060] | not defined:  |" in text
    assert "Wrong among the 32 films with a verdict: 0.062 [0.052, 0.072]." in text


def test_evidence_of_another_bundle_is_refused(tmp_path: Path) -> None:
    (tmp_path / "metrics.json").write_text(json.dumps(record("0" * 64)))
    with pytest.raises(UsageError, match=r"about other bundles \(tiny 1\)"):
        section(tmp_path, "1" * 64)


@pytest.mark.parametrize("content", [None, "{", "[]", "{}"])
def test_no_evidence_is_a_clear_error(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "metrics.json").write_text(content)
    with pytest.raises(UsageError, match=r"metrics\.json") as caught:
        section(tmp_path, "1" * 64)
    assert "pneumoscope evaluate" in caught.value.hint


def test_figures_without_interval_say_why() -> None:
    alone = {"value": 0.5, "low": None, "high": None, "note": "3 patients are too few"}
    assert figure_text(alone) == "0.500 (no interval: 3 patients are too few)"
    assert figure_text(None) == "not measured"


def test_the_threshold_of_a_rare_finding_is_not_zero(tmp_path: Path) -> None:
    content = record("ab" * 32)
    content["bundles"][0]["targets"][0]["points"][0]["figures"]["threshold"] = 0.00025
    (tmp_path / "metrics.json").write_text(json.dumps(content))
    assert "at `balanced`, threshold 2.5e-04:" in section(tmp_path, "ab" * 32)
