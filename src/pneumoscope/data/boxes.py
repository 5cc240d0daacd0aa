"""Boxes that readers drew around findings: a manifest's column, and the table of a public challenge."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pneumoscope.data.film_files import stem_of
from pneumoscope.data.table_files import read_rows
from pneumoscope.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pneumoscope.data.table_files import Row

BOXES_HINT = (
    "A box is 'x y width height' as shares of the film's width and height; several are separated by "
    "';', and 'none' says that the reader drew nothing."
)
NONE = "none"
"""In a manifest: a reader looked, and drew no box."""
RSNA_SIDE = 1024
"""Width and height in pixels of the films of the RSNA Pneumonia Detection Challenge, to which its
boxes refer (Shih et al., Radiology: Artificial Intelligence 2019)."""
RSNA_COLUMNS = ("patientId", "x", "y", "width", "height", "Target")
_RSNA_HINT = (
    f"Boxes of this table are in pixels of {RSNA_SIDE} x {RSNA_SIDE} films, whatever the size of the "
    "copies at hand. Shares of the film's sides go into a manifest's column boxes."
)
_ROUNDING = 1e-3


class Box(NamedTuple):
    """A rectangle on a film, in shares of the film's width and height.

    Attributes:
        x: Left edge, in [0, 1); 0 is the left edge of the picture.
        y: Upper edge, in [0, 1).
        width: In (0, 1].
        height: In (0, 1].
    """

    x: float
    y: float
    width: float
    height: float


def boxes_of(text: str) -> tuple[Box, ...] | None:
    """The boxes of a manifest's cell.

    Args:
        text: Such as ``"0.1 0.2 0.3 0.4; 0.6 0.2 0.3 0.3"``, ``"none"`` or ``""``.

    Returns:
        Empty for ``"none"``, None for an empty cell: nobody looked.

    Raises:
        ValueError: It is none of these, or a box is not on the film.
    """
    if not text.strip():
        return None
    if text.strip().lower() == NONE:
        return ()
    return tuple(_box(part.split()) for part in text.split(";") if part.strip())


def text_of(boxes: tuple[Box, ...] | None) -> str:
    """A manifest's cell, which `boxes_of` reads."""
    if boxes is None:
        return ""
    return "; ".join(" ".join(f"{share:.6g}" for share in box) for box in boxes) or NONE


def read_rsna(file: Path) -> dict[str, tuple[Box, ...]]:
    """Boxes by film, from a table with the columns of RSNA's ``stage_2_train_labels.csv``.

    A film has one row per box, and rows that are there twice count once; a film without boxes has one
    row without numbers. Boxes are in pixels
    of films of 1024 x 1024, whatever the size of the copies at hand.

    Returns:
        Name of the film without its ending to its boxes.

    Raises:
        DataError: The table cannot be read, lacks a column, or a box is not on the film.
    """
    boxes: dict[str, tuple[Box, ...]] = {}
    for number, row in enumerate(rsna_rows(file), 2):
        known = boxes.setdefault(row["patientId"], ())
        edges = [row[name] for name in ("x", "y", "width", "height")]
        if not any(edges):
            continue
        try:
            box = _box(edges, RSNA_SIDE)
            if min(box.width, box.height) * RSNA_SIDE < 1:
                raise ValueError(f"box {' '.join(edges)} is less than a pixel wide or high")
        except ValueError as error:
            raise DataError(f"{file}, row {number}: {error}", _RSNA_HINT) from None
        if box not in known:
            boxes[row["patientId"]] = (*known, box)
    return boxes


def rsna_rows(file: Path) -> list[Row]:
    """The rows of such a table, with the names of its columns and films as RSNA writes them.

    Raises:
        DataError: The table cannot be read, or lacks a column.
    """
    header, rows = read_rows(file)
    if not is_rsna_header(header):
        raise DataError(
            f"{file}: has not the columns {','.join(RSNA_COLUMNS)}",
            "Other boxes go into a manifest's column boxes.",
        )
    spelled = {name.lower(): name for name in RSNA_COLUMNS}
    known = [{spelled.get(name.lower(), name): cell for name, cell in row.items()} for row in rows]
    return [row | {"patientId": stem_of(row["patientId"])} for row in known]


def is_rsna_header(header: Sequence[str]) -> bool:
    """Whether a table has the columns of RSNA's, in upper or lower case."""
    return {name.lower() for name in RSNA_COLUMNS} <= {name.lower() for name in header}


def number_of(text: str) -> float:
    """A number with a decimal point, or with a decimal comma as spreadsheets write it in many languages.

    Raises:
        ValueError: It is none.
    """
    return float(text.replace(",", "."))


def _box(words: Sequence[str], side: int = 1) -> Box:
    """A box of four numbers, in shares of the film or in pixels of a film with this side."""
    try:
        x, y, width, height = (number_of(word) / side for word in words)
    except ValueError:
        raise ValueError(f"box {' '.join(words)!r} is not four numbers") from None
    on_film = x >= 0 and y >= 0 and width > 0 and height > 0
    if not on_film or max(x + width, y + height) > 1 + _ROUNDING:
        raise ValueError(f"box {x:g} {y:g} {width:g} {height:g} is not on the film")
    return Box(x, y, width, height)
