"""Figures of perturbed films, with perturbations whose effect is given."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("cv2", reason="needs the [train] extra")
pytest.importorskip("scipy", reason="needs the [evidence] extra")

from evaluated import question, settings
from pneumoscope.evidence.evaluation.robustness import robustness, worst_of
from tiny import findings_meta, tiny_meta

POSITIVE = np.arange(40) % 2 == 1


def probabilities(p: np.ndarray) -> np.ndarray:
    return np.stack([1 - p, p / 2, p / 2], axis=1)


def perturbed(name: str, _perturb: object) -> np.ndarray:
    """All films are right, but 3 of 20 positive ones are missed under blur and all under noise 5."""
    p = np.where(POSITIVE, 0.9, 0.1)
    if name.startswith("blur"):
        p[[1, 3, 5]] = 0.4
    if name.startswith("noise") and name == noise_names()[-1]:
        p[POSITIVE] = 0.05
    return probabilities(p)


def noise_names() -> list[str]:
    from pneumoscope.data.stress import severities

    return [f"noise {s.words}" for s in severities() if s.kind == "noise"]


def test_the_worst_condition_by_hand() -> None:
    plain = np.where(POSITIVE, 0.9, 0.1)
    steps: list[tuple[int, int]] = []
    result = robustness(
        [question(plain.tolist(), POSITIVE.tolist())],
        tiny_meta(),
        [f"p{i}" for i in range(40)],
        perturbed,
        settings(),
        lambda *at: steps.append(at),
    )
    assert result is not None
    assert steps[-1] == (65, 65)
    assert (result.point, result.plain["sensitivity"].value) == ("balanced", 1.0)
    assert result.worst["sensitivity"] == ("noise", 5)
    assert result.worst_realistic["sensitivity"] == ("blur", 1)
    worst = worst_of(result, "sensitivity")
    assert worst is not None
    assert (worst.figures["sensitivity"].value, worst.figures["specificity"].value) == (0.0, 1.0)
    blurred = worst_of(result, "sensitivity", realistic=True)
    assert blurred is not None
    assert blurred.figures["sensitivity"].value == pytest.approx(17 / 20)
    assert blurred.change["sensitivity"].difference.value == pytest.approx(-3 / 20)
    # The three films still rank above every normal one.
    assert blurred.figures["roc_auc"].value == 1.0
    assert worst_of(result, "mcc") is None


def test_findings_of_one_kind_cannot_be_measured() -> None:
    ill = question([0.9] * 20, [True] * 20)
    patients = [f"p{i}" for i in range(20)]
    assert robustness([ill], findings_meta(), patients, perturbed, settings()) is None
