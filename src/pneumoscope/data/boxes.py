"""Boxes that readers drew around findings: a manifest's column, and the table of a public challenge."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pneumoscope.data.film_files import stem_of
from pneumoscope.data.table_files import Row, read_rows
from pneumoscope.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

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
    parts = [part.split() for part in text.split(";") if part.strip()]
    return tuple(_on_film(Box(*four_numbers(part)), " ".join(part)) for part in parts)


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
    for row in rsna_rows(file):
        known = boxes.setdefault(row["patientId"], ())
        edges = [row[name] for name in ("x", "y", "width", "height")]
        if not any(edges):
            continue
        try:
            box = box_in_pixels(four_numbers(edges), RSNA_SIDE, RSNA_SIDE)
        except ValueError as error:
            raise DataError(f"{file}, line {row.line}: {error}", _RSNA_HINT) from None
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
            "VinDr's tables of boxes have image_id,x_min,y_min,x_max,y_max, and NIH's Image Index,x,y,w,h. "
            "Other boxes go into a manifest's column boxes.",
        )
    spelled = {name.lower(): name for name in RSNA_COLUMNS}
    known = [
        Row({spelled.get(name.lower(), name): cell for name, cell in row.items()}, row.line)
        for row in rows
    ]
    for row in known:
        row["patientId"] = stem_of(row["patientId"])
    return known


def is_rsna_header(header: Sequence[str]) -> bool:
    """Whether a table has the columns of RSNA's, in upper or lower case."""
    return {name.lower() for name in RSNA_COLUMNS} <= {name.lower() for name in header}


def number_of(text: str) -> float:
    """A number with a decimal point, or with a decimal comma as spreadsheets write it in many languages.

    Raises:
        ValueError: It is none.
    """
    return float(text.replace(",", "."))


def four_numbers(cells: Sequence[str]) -> tuple[float, float, float, float]:
    """The numbers of a box.

    Raises:
        ValueError: They are not four numbers.
    """
    try:
        first, second, third, fourth = map(number_of, cells)
    except ValueError:
        raise ValueError(f"box {' '.join(cells)!r} is not four numbers") from None
    return first, second, third, fourth


def box_in_pixels(edges: tuple[float, float, float, float], columns: int, rows: int) -> Box:
    """A box in pixels of a film of this size.

    Args:
        edges: Left edge, upper edge, width and height.
        columns: Width of the film.
        rows: Height of the film.

    Raises:
        ValueError: It is not on the film, or less than a pixel wide or high.
    """
    x, y, width, height = edges
    words = " ".join(f"{edge:g}" for edge in edges)
    box = _on_film(Box(x / columns, y / rows, width / columns, height / rows), words)
    if min(width, height) < 1:
        raise ValueError(f"box {words} is less than a pixel wide or high")
    return box


def _on_film(box: Box, words: str) -> Box:
    """The box itself.

    Raises:
        ValueError: It is not on the film.
    """
    is_area = box.x >= 0 and box.y >= 0 and box.width > 0 and box.height > 0
    if not is_area or max(box.x + box.width, box.y + box.height) > 1 + _ROUNDING:
        raise ValueError(f"box {words} is not on the film")
    return box
