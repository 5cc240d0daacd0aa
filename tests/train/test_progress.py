"""How far a training is, where there is no terminal."""

from __future__ import annotations

from typing import Any

import pytest

from pneumoscope.train.progress import Progress

ROW: dict[str, Any] = {
    "phase": "head", "epoch": 1, "loss": 0.5, "validation_auc": 0.75, "validation_accuracy": 0.5,
    "seconds": 12.0,
}  # fmt: skip


def test_an_epoch_is_one_line_with_the_time_left(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([0.0, 60.0, 60.0])
    monkeypatch.setattr("pneumoscope.train.progress.time.monotonic", lambda: next(clock))
    with Progress() as progress:
        progress.training(steps=10, done=0)
        for _ in range(5):
            progress._done += 1
        progress.done(ROW)
    written = capsys.readouterr()
    assert written.out == ""
    (line,) = written.err.splitlines()
    # Five of ten steps took a minute, so five more take another.
    assert line == (
        "head 1: loss 0.5000, validation AUC 0.7500, accuracy 0.500, 12 s, about 1 min left"
    )


def test_a_counter_counts_under_its_text() -> None:
    progress = Progress()
    counter = progress.counter("reading films")
    counter(1, 3)
    assert progress._bars.tasks[0].description == "reading films"
    assert (progress._bars.tasks[0].completed, progress._bars.tasks[0].total) == (1, 3)
    counter(3, 3)
    assert progress._bars.tasks == []
