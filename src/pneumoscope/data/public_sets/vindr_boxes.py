"""The boxes that the readers of VinDr-CXR, VinDr-PCXR and VinBigData drew (Nguyen et al. 2022)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope import images
from pneumoscope.data.boxes import box_in_pixels, four_numbers, number_of
from pneumoscope.data.film_files import stem_of
from pneumoscope.data.table_files import read_header, read_rows
from pneumoscope.errors import DataError, ImageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pneumoscope.data.boxes import Box
    from pneumoscope.data.table_files import Row

    Size = tuple[int, int]
    """Columns and rows."""

_FILM = "image_id"
_EDGES = ("x_min", "y_min", "x_max", "y_max")
COLUMNS = (_FILM, *_EDGES)
_SIZES = (("width", "height"), ("dim1", "dim0"))
"""Names of columns with the size of the original film; the second ones are those of ``train_meta.csv``,
which comes with the reduced copies of the challenge."""
_HINT = (
    "Boxes of this table are in pixels of the original films. For smaller copies, add the columns width and "
    "height to the table: the size of the original film in pixels."
)


def has_vindr_boxes(header: Sequence[str]) -> bool:
    """Whether a table has the columns of VinDr's boxes."""
    return set(COLUMNS) <= set(header)


def read_vindr_boxes(file: Path, films: Mapping[str, Path]) -> dict[str, tuple[Box, ...]]:
    """Boxes by film, from a table with a row per film, reader and finding.

    The boxes of all readers and findings count, and boxes that are there twice count once. A film on which
    no reader drew any has rows without edges. Edges are in pixels of the original film. Its size is that of
    the table's columns ``width`` and ``height``; else that of ``dim1`` and ``dim0`` in the table beside it
    whose name ends in ``_meta``; else the film's.

    Args:
        file: The table.
        films: Name of a film without its ending to its path. Films of the table that are not here are
            left out, and so are films that cannot be read.

    Raises:
        DataError: The table cannot be read, lacks a column, or a box is not on its film.
    """
    header, rows = read_rows(file)
    if not has_vindr_boxes(header):
        raise DataError(f"{file}: has not the columns {','.join(COLUMNS)}", _HINT)
    sizes = _sizes(file, rows) or _sizes_beside(file)
    boxes: dict[str, tuple[Box, ...]] = {}
    for row in rows:
        name = stem_of(row[_FILM])
        if name not in films:
            continue
        cells = [row[edge] for edge in _EDGES]
        try:
            if any(cells) and name not in sizes:
                sizes[name] = images.size_of(films[name])[::-1]
            drawn = (_box(cells, sizes[name]),) if any(cells) else ()
        except ImageError:  # whoever reads the film reports it
            continue
        except ValueError as error:
            raise DataError(f"{file}, line {row.line}: {error}", _HINT) from None
        known = boxes.get(name, ())
        boxes[name] = known + tuple(box for box in drawn if box not in known)
    return boxes


def _box(cells: Sequence[str], size: Size) -> Box:
    left, top, right, bottom = four_numbers(cells)
    try:
        return box_in_pixels((left, top, right - left, bottom - top), *size)
    except ValueError:
        columns, rows = size
        raise ValueError(
            f"box {' '.join(cells)} is not on the film of {columns} x {rows} pixels"
        ) from None


def _sizes_beside(file: Path) -> dict[str, Size]:
    table = file.with_name(f"{file.stem}_meta{file.suffix}")
    return _sizes(table, read_rows(table)[1]) if _FILM in read_header(table) else {}


def _sizes(file: Path, rows: Sequence[Row]) -> dict[str, Size]:
    """Sizes of the original films by their names; empty if no columns have them.

    Raises:
        DataError: A cell is no number of pixels.
    """
    names = next((pair for pair in _SIZES if rows and set(pair) <= rows[0].keys()), None)
    sizes: dict[str, Size] = {}
    for row in rows if names else ():
        cells = [row[name] for name in names or ()]
        if not any(cells):
            continue
        try:
            columns, height = (int(number_of(cell)) for cell in cells)
            if min(columns, height) < 1:
                raise ValueError
        except (ValueError, OverflowError):
            raise DataError(
                f"{file}, line {row.line}: {' x '.join(map(repr, cells))} is no size in pixels",
                _HINT,
            ) from None
        sizes[stem_of(row[_FILM])] = columns, height
    return sizes
