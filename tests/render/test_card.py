"""The card says what the record holds, and no more."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pneumoscope.bundle import CARD, SHIPPED, Bundle, open_bundle
from pneumoscope.cli.app import app
from pneumoscope.errors import UsageError
from pneumoscope.render.card import card_of
from pneumoscope.render.card.evaluation import FORMAT, figure_text, section
from tiny import findings_meta, tiny_meta

SHIPPED_META = open_bundle().meta


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


def test_a_card_has_model_figures_and_data_sheet() -> None:
    card = card_of(SHIPPED_META)
    auc = SHIPPED_META.validation["plain"]["auc"]
    assert f"{auc['value']:.3f} [{auc['low']:.3f}, {auc['high']:.3f}]" in card
    assert "## Data sheet of the training films" in card
    assert "train: normal 1,142, bacterial 2,146, viral 1,148" in card
    assert SHIPPED_META.data["manifest_sha256"] in card


@pytest.mark.parametrize("meta", [tiny_meta(), findings_meta()], ids=["classes", "findings"])
def test_a_record_without_figures_gives_a_card_that_says_so(meta: Any) -> None:
    card = card_of(meta)
    assert "The record holds none." in card
    assert "does not tell which films" in card
    assert "Not recorded." in card
    assert "None" not in card
    assert "nan" not in card


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


def test_the_command_writes_a_file(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["card", "--out", str(tmp_path / "a" / "card.md")])
    assert done.exit_code == 0
    assert (tmp_path / "a" / "card.md").read_text() == card_of(SHIPPED_META)


def test_the_command_prints_without_a_file() -> None:
    assert CliRunner().invoke(app, ["card"]).stdout == card_of(SHIPPED_META)


def test_in_place_changes_the_card_and_nothing_else(tmp_path: Path, tiny_bundle: Bundle) -> None:
    own = tmp_path / "bundle"
    shutil.copytree(tiny_bundle.path, own)
    assert CliRunner().invoke(app, ["card", str(own), "--in-place"]).exit_code == 0
    after = open_bundle(own)  # checks every hash
    assert (own / CARD).read_text() == card_of(tiny_bundle.meta)
    assert after.meta == tiny_bundle.meta
    assert after.sha256 != tiny_bundle.sha256
    assert after.model.read_bytes() == tiny_bundle.model.read_bytes()


def test_a_file_inside_the_bundle_is_refused(tmp_path: Path) -> None:
    own = tmp_path / "bundle"
    shutil.copytree(SHIPPED, own)
    done = CliRunner().invoke(app, ["card", str(own), "--out", str(own / CARD)])
    assert isinstance(done.exception, UsageError)
    open_bundle(own)
