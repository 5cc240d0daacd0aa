"""The films below a folder, by the name that a table gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.data.film_files import films_below, stem_of
from pneumoscope.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path


def films_by_stem(root: Path, keep: Callable[[Path], bool] = lambda _path: True) -> dict[str, Path]:
    """Name without its ending to path; the first in alphabetical order if several have the same name."""
    films: dict[str, Path] = {}
    for path in films_below(root):
        if keep(path):
            films.setdefault(stem_of(path.name), path)
    return films


def present(
    file: Path, films: dict[str, Path], wanted: Iterable[str]
) -> tuple[list[str], tuple[str, ...]]:
    """The films of a table that exist, and a warning about the others.

    Args:
        file: The table.
        films: From `films_by_stem`.
        wanted: The films' names in the table.

    Raises:
        DataError: None exists.
    """
    names = list(wanted)
    known = [name for name in names if name in films]
    if not known:
        raise DataError(
            f"{file}: none of its {len(names):,} films lies below {file.parent}",
            "Put the films beside the table.",
        )
    missing = len(names) - len(known)
    if not missing:
        return known, ()
    return known, (f"films of {file.name} that are not there: {missing:,} of {len(names):,}",)
