"""Shows the progress of a training."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bars

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType


class Progress:
    """A progress bar on a terminal, otherwise a line per epoch; always on stderr."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._bars = Bars(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[info]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task: TaskID | None = None
        self._began = 0.0
        self._films = self._first = self._done = self._steps = 0

    def __enter__(self) -> Progress:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bars.stop()

    def note(self, text: str) -> None:
        """Prints one line."""
        self._console.print(text, highlight=False, soft_wrap=True)

    def count(self, text: str, done: int, total: int) -> None:
        """Shows how many of a known number of items are done."""
        if self._task is None:
            self._task = self._bars.add_task(text, total=total, info="")
        self._bars.update(self._task, completed=done, description=text, total=total)
        if done >= total:
            self._close()

    def counter(self, text: str) -> Callable[[int, int], None]:
        """A function of (done, total) that shows the count with a text."""
        return partial(self.count, text)

    def training(self, steps: int, done: int) -> None:
        """A training of ``steps`` steps starts, or continues after ``done`` of them."""
        self._close()
        self._task = self._bars.add_task("training", total=steps, completed=done, info="")
        self._began, self._films, self._first, self._done, self._steps = (
            time.monotonic(), 0, done, done, steps,
        )  # fmt: skip

    def epoch(self, phase: str, number: int, of: int) -> None:
        """An epoch begins."""
        if self._task is not None:
            self._bars.update(self._task, description=f"{phase} {number}/{of}")

    def step(self, films: int, loss: float) -> None:
        """One step with ``films`` films is done; ``loss`` is the epoch's mean so far."""
        self._films += films
        self._done += 1
        if self._task is not None:
            rate = self._films / max(time.monotonic() - self._began, 1e-6)
            self._bars.update(self._task, advance=1, info=f"loss {loss:.4f}, {rate:.0f} films/s")

    def done(self, row: Mapping[str, Any]) -> None:
        """An epoch has ended: prints its row of the log and the estimated time left."""
        pace = (time.monotonic() - self._began) / max(self._done - self._first, 1)
        left = (self._steps - self._done) * pace / 60
        self.note(
            f"{row['phase']} {row['epoch']}: loss {row['loss']:.4f}, "
            f"validation AUC {row['validation_auc']:.4f}, "
            f"accuracy {row['validation_accuracy']:.3f}, {row['seconds']:.0f} s, "
            f"about {left:.0f} min left"
        )

    def _close(self) -> None:
        if self._task is not None:
            self._bars.remove_task(self._task)
            self._task = None
