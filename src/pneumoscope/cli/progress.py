"""Progress bars on stderr, for commands that count."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

_T = TypeVar("_T")
_FEW = 50
"""With fewer films a bar would only flicker."""


class Count(Protocol):
    """Updates a bar; another ``text`` starts another bar below the first.

    ``total`` is None as long as it is not known.
    """

    def __call__(self, done: int, total: int | None, text: str | None = None) -> None: ...


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

        # A bar starts with its first count, because Kaggle may show its own bar before.
        def count(done: int, total: int | None, text: str | None = None) -> None:
            name = text or first
            if name not in tasks:
                tasks[name] = progress.add_task(name, total=None)
            progress.update(tasks[name], completed=done, total=total)

        yield count


def over_films(films: Iterator[_T], total: int) -> Iterator[_T]:
    """Passes films on and counts them in a bar on stderr, if it is a terminal and they are many."""
    if total < _FEW or sys.stderr is None or not sys.stderr.isatty():
        yield from films
        return
    from rich.console import Console
    from rich.progress import Progress

    # With redirection, stdout would go to the terminal instead of the file that the user named.
    with Progress(
        console=Console(stderr=True), transient=True, redirect_stdout=False, redirect_stderr=False
    ) as bars:
        yield from bars.track(films, total=total, description="reading films")
