"""The conditions for shipping int8, on verdicts by hand."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import int8
from pneumoscope.bundle import Bundle
from pneumoscope.records import NORMAL, REFUSED, UNDETERMINED

ILL = "PNEUMONIA"
POSITIVE = np.array([False] * 100 + [True] * 100)


def verdicts(**others: str) -> list[Any]:
    """Two hundred sound verdicts, and others at some places: ``at_7="REFUSED"``."""
    labels = [ILL if positive else NORMAL for positive in POSITIVE]
    for place, label in others.items():
        labels[int(place.removeprefix("at_"))] = label
    return [
        SimpleNamespace(label=label, p_positive=0.99 if positive else 0.01)
        for label, positive in zip(labels, POSITIVE, strict=True)
    ]


@pytest.mark.parametrize(
    ("quantised", "fails"),
    [
        (verdicts(), set()),
        (verdicts(at_7=UNDETERMINED), set()),  # one of 200 is 0.5 %
        (verdicts(at_7=UNDETERMINED, at_8=UNDETERMINED), {"verdicts changed"}),
        (verdicts(at_7=ILL), {"from a clear verdict"}),
        (verdicts(at_7=REFUSED), {"refused by one"}),
    ],
)
def test_each_condition_by_hand(quantised: list[Any], fails: set[str]) -> None:
    checks = int8.checks(POSITIVE, verdicts(), quantised)
    assert {c.words for c in checks if not c.passes} == {
        c.words for c in checks if any(c.words.startswith(words) for words in fails)
    }
    assert len([c for c in checks if not c.passes]) == len(fails)


def test_auc_and_calibration_count() -> None:
    worse = verdicts()
    for verdict in worse[100:103]:
        verdict.p_positive = 0.005
    fails = [c.words for c in int8.checks(POSITIVE, verdicts(), worse) if not c.passes]
    assert [words.split(",")[0] for words in fails] == ["loss of AUC", "calibration error"]


def test_no_film_calibrates_and_is_judged(tmp_path: Path) -> None:
    for name in (NORMAL, ILL):
        (tmp_path / name).mkdir()
        for i in range(15):
            (tmp_path / name / f"{i:02}.png").touch()
    calibrating, judged = int8.chosen(tmp_path, 10, 20)
    assert (len(calibrating), len(judged)) == (10, 20)
    assert not set(calibrating) & set(judged)
    for films in (calibrating, judged):
        assert {path.parent.name for path in films} == {NORMAL, ILL}
    with pytest.raises(SystemExit, match="has 0 films"):
        int8.chosen(tmp_path / NORMAL / "00.png", 10, 20)


def test_a_copy_in_int8_is_a_bundle(tiny_bundle: Bundle, tmp_path: Path) -> None:
    inputs = np.full((2, 32, 32, 1), 200, np.uint8)
    copy = int8.in_int8(tiny_bundle, inputs, tmp_path)
    assert copy.sha256 != tiny_bundle.sha256
    runs = int8.runners({"float": tiny_bundle, "int8": copy})
    p = [runs[f"ONNX Runtime, {name}"](inputs) for name in ("float", "int8")]
    np.testing.assert_allclose(p[1], p[0])  # it has no convolution
