"""What the columns of a table mean where their names are not those of a manifest."""

from __future__ import annotations

from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

from pneumoscope.data.film_files import films_below, stem_of
from pneumoscope.data.split_names import split_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from pneumoscope.data.table_files import Row

_LABELS = (
    "class", "class_name", "class name", "classes", "diagnosis", "finding", "category", "target",
    "ground_truth", "ground truth", "condition", "disease", "result",
)  # fmt: skip
_MOST_CLASSES = 20
VIEWS = (
    "frontal/lateral", "frontal_lateral", "view position", "viewposition", "view_position", "projection", "view",
)  # fmt: skip
"""Columns that say how a film was taken, in lower case, the most telling first."""
_LATERAL = {"lateral", "l", "ll", "rl", "lat", "llat", "left lateral", "right lateral"}
_FIRST = 100  # rows that are enough to recognise the column of the films


def label_column(header: Sequence[str], rows: Sequence[Row], known: Collection[str]) -> str | None:
    """The column of classes that has another name than ``label``, such as ``diagnosis``; None if there is none.

    Args:
        header: The columns.
        rows: Their cells.
        known: What a finding's cell may contain, in lower case: a column of nothing else is a finding.
    """
    lowered = {name.lower(): name for name in reversed(header)}
    for name in (lowered[label] for label in _LABELS if label in lowered):
        words = {cell for row in rows if (cell := row[name])}
        # Reports and remarks have about as many texts as films.
        if any(word.lower() not in known for word in words) and (
            len(words) <= _MOST_CLASSES or 2 * len(words) <= len(rows)
        ):
            return name
    return None


def split_column(header: Sequence[str], rows: Sequence[Row]) -> str | None:
    """The first column whose cells all name splits, such as ``Dataset_type`` with TRAIN and TEST; or None."""
    for name in header:
        splits = {split_of(row[name]) for row in rows}
        if "train" in splits and None not in splits:
            return name
    return None


def film_column(header: Sequence[str], rows: Sequence[Row], folder: Path) -> str | None:
    """The column whose cells are the names of films below a folder, with or without their endings; or None.

    This is the one with the most names of films, if these are half of its cells or more.
    """
    films = {name for film in films_below(folder) for name in (film.name, stem_of(film.name))}
    some = rows[:_FIRST]
    named = {column: sum(_name(row[column]) in films for row in some) for column in header}
    best = max(header, key=lambda column: named[column], default=None)
    return best if best is not None and named[best] and 2 * named[best] >= len(some) else None


def view_column(header: Sequence[str]) -> str | None:
    """The column that says how a film was taken; None if there is none."""
    lowered = {name.lower(): name for name in reversed(header)}
    return next((lowered[name] for name in VIEWS if name in lowered), None)


def is_lateral(view: str) -> bool:
    """Whether a view, such as ``"LL"`` or ``"Lateral"``, is from the side."""
    return view.lower() in _LATERAL


def _name(cell: str) -> str:
    return (PureWindowsPath(cell) if "\\" in cell else PurePosixPath(cell)).name
