"""The questions of a bundle, on the films whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("scipy", reason="needs the [evidence] extra")

from evaluated import settings
from pneumoscope.decision.calibration import Calibration
from pneumoscope.evidence.evaluation.questions import default_point, questions, scores_of
from pneumoscope.evidence.evaluation.truth import Truth
from tiny import findings_meta, tiny_meta


def test_a_verdict_is_one_question() -> None:
    p = np.array([[0.9, 0.05, 0.05], [0.2, 0.5, 0.3], [0.5, 0.25, 0.25]])
    truth = Truth(np.array([[0.0], [1], [np.nan]]), np.array([0, 1, -1]), {})
    meta = tiny_meta(calibration=Calibration((0.5,), (0.0,)))
    (question,) = questions(p, truth, meta, ["a", "b", "b"], settings())
    assert (question.name, question.negative, question.finding) == ("PNEUMONIA", "normal", None)
    assert (question.rows.tolist(), question.positive.tolist()) == ([0, 1], [False, True])
    assert question.p == pytest.approx([0.1, 0.8])
    # The calibration halves log odds: before it odds of 1 / 9 and 4 were 1 / 81 and 16.
    assert question.before == pytest.approx([1 / 82, 16 / 17])
    assert question.boot.patients == 2
    assert [point.name for point in question.points] == ["balanced", "screen"]
    assert default_point(question, meta).threshold == 0.5


def test_every_finding_is_a_question_unless_no_label_says_anything() -> None:
    p = np.array([[0.1, 0.7, 0.3], [0.2, 0.4, 0.6]])
    truth = Truth(np.array([[0.0, np.nan, np.nan], [1, 1, np.nan]]), None, {})
    meta = findings_meta()
    device, mass = questions(p, truth, meta, ["a", "b"], settings())
    assert (device.name, device.negative, device.finding) == ("Device", "no Device", "Device")
    assert (mass.rows.tolist(), mass.p.tolist(), mass.column) == ([1], [0.4], 1)
    assert [point.threshold for point in mass.points] == [0.5, 0.1]
    assert default_point(device, meta).threshold == 0.6
    assert scores_of(p, meta) is p
