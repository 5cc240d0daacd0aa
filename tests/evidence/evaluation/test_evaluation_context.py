"""What the steps of an evaluation share."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from evaluated import settings
from pneumoscope.evidence.evaluation.context import Context, Predicted
from pneumoscope.evidence.evaluation.truth import UNKNOWN, Truth
from pneumoscope.evidence.evaluation.work import Work
from reported import outcomes_of
from tiny import findings_meta, tiny_meta


def context(tmp_path: Path) -> tuple[Context, list[tuple[int, int, str]]]:
    steps: list[tuple[int, int, str]] = []
    return Context(settings(), Work(tmp_path), lambda *step: steps.append(step)), steps


def test_a_clock_adds_up_the_time_of_its_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, _ = context(tmp_path)
    ticks = iter([0.0, 2.0, 10.0, 13.0])
    spent = iter([0.0, 1.0, 5.0, 5.5])
    base = "pneumoscope.evidence.evaluation.context"
    monkeypatch.setattr(f"{base}.perf_counter", lambda: next(ticks))
    monkeypatch.setattr(f"{base}.process_time", lambda: next(spent))
    with made.clock("reading"):
        pass
    with made.clock("reading"):
        pass
    assert made.seconds == {"reading": 5.0}
    assert made.cpu_seconds == {"reading": 1.5}


def test_a_step_that_fails_is_timed_too(tmp_path: Path) -> None:
    made, _ = context(tmp_path)
    with pytest.raises(ZeroDivisionError), made.clock("reading"):
        _ = 1 / 0
    assert list(made.seconds) == ["reading"]
    assert made.seconds["reading"] >= 0


def test_progress_names_its_step(tmp_path: Path) -> None:
    made, steps = context(tmp_path)
    made.counting("reading films")(3, 9)
    assert steps == [(3, 9, "reading films")]


def predicted(truth: Truth, *, several: bool = False) -> Predicted:
    meta = findings_meta() if several else tiny_meta()
    films = len(truth.targets)
    p = np.full((films, 3), 1 / 3)
    bundle = SimpleNamespace(meta=meta)
    return Predicted(
        title="tiny 1",
        classifier=SimpleNamespace(bundle=bundle),  # type: ignore[arg-type]
        truth=truth,
        p=p,
        outcomes=outcomes_of(p, meta),
        pixels=np.zeros((films, 8, 8), np.uint8),
        hashes=("",) * films,
        patients=("p",) * films,
        training=None,
        seconds=(1.0, 1.0),
    )


def test_targets_of_classes_are_one_hot_as_far_as_the_class_is_known() -> None:
    # normal, viral, ill in an unknown way, not labelled at all.
    truth = Truth(np.array([[0.0], [1.0], [1.0], [np.nan]]), np.array([0, 2, UNKNOWN, UNKNOWN]), {})
    nan = np.nan
    assert predicted(truth).targets == pytest.approx(
        np.array([[1, 0, 0], [0, 0, 1], [0, nan, nan], [nan, nan, nan]]), nan_ok=True
    )


def test_targets_of_findings_are_those_of_the_films() -> None:
    targets = np.array([[1.0, 0.0, np.nan]])
    assert predicted(Truth(targets, None, {}), several=True).targets is targets
