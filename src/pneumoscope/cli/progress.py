"""A progress bar for commands that count."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def progress_bar(text: str, *, as_bytes: bool = False) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr if it is a terminal."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
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
        # Not before there is something to count: Kaggle's own bar may come first.
        def count(done: int, total: int) -> None:
            task = progress.task_ids[0] if progress.task_ids else progress.add_task(text)
            progress.update(task, completed=done, total=total)

        yield count
