"""A progress bar for commands that count."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator


class Count(Protocol):
    """Tells a bar how far the work is; another ``text`` is a bar of its own below the first."""

    def __call__(self, done: int, total: int, text: str | None = None) -> None: ...


@contextmanager
def progress_bar(text: str, *, as_bytes: bool = False) -> Iterator[Count]:
    """A bar on stderr if it is a terminal.

    Args:
        text: What is being done.
        as_bytes: Count bytes rather than things.
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        TaskID,
        TextColumn,
        TimeRemainingColumn,
    )

    bars = Console(stderr=True)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn() if as_bytes else MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=bars,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
        disable=not bars.is_terminal,
    ) as progress:
        tasks: dict[str, TaskID] = {}
        first = text

        # Not before there is something to count: Kaggle's own bar may come first.
        def count(done: int, total: int, text: str | None = None) -> None:
            name = text or first
            if name not in tasks:
                tasks[name] = progress.add_task(name)
            progress.update(tasks[name], completed=done, total=total)

        yield count
