"""NIH ChestX-ray14 (Wang et al., CVPR 2017)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.data.boxes import box_in_pixels, four_numbers
from pneumoscope.data.class_names import negative_first
from pneumoscope.data.film_files import films_below, stem_of
from pneumoscope.data.finding_lists import words_of
from pneumoscope.data.listing import Entry, Listing
from pneumoscope.data.table_files import read_header, read_rows
from pneumoscope.data.tables import NIH_COLUMNS
from pneumoscope.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pneumoscope.data.boxes import Box

SIDE = 1024
"""Width and height in pixels of the films of the set, to which its boxes refer."""
_FILM = NIH_COLUMNS[0]
_EDGES = ("x", "y", "w", "h")
_BOXES_HINT = f"Boxes of this table are in pixels of {SIDE} x {SIDE} films, whatever the size of the copies at hand."
_NIH_TRAIN, _NIH_TEST = "train_val_list.txt", "test_list.txt"


def is_nih(file: Path) -> bool:
    """Whether a CSV file is the table of NIH ChestX-ray14, by its columns."""
    return set(NIH_COLUMNS) <= set(read_header(file))


def read_nih(file: Path) -> Listing:
    """Lists NIH ChestX-ray14 (Wang et al., CVPR 2017): the films of its table, below its folder.

    The official lists, if they are beside the table, decide which films are for testing; films on
    neither list are left out. "No Finding" is one of the names.

    Raises:
        DataError: No film of the table exists.
    """
    _, rows = read_rows(file)
    root = file.parent
    path_of: dict[str, Path] = {}
    for path in films_below(root):
        path_of.setdefault(path.name, path)
    train, test = _list(root / _NIH_TRAIN), _list(root / _NIH_TEST)
    present = [row for row in rows if row["Image Index"] in path_of]
    if not present:
        raise DataError(
            f"{file}: none of its films lies below {root}",
            "Unpack the archives images_*.tar.gz beside the table.",
        )
    warnings = []
    if len(present) < len(rows):
        warnings.append(
            f"films of {file.name} that are not there: {len(rows) - len(present):,} of {len(rows):,}"
        )
    if test is None:
        warnings.append(f"{_NIH_TEST} is not there: official test films count as training films")
    listed = [
        row
        for row in present
        if train is None or row["Image Index"] in train or row["Image Index"] in (test or ())
    ]
    if len(listed) < len(present):
        warnings.append(f"films on no official list, left out: {len(present) - len(listed):,}")
    labels_of_rows = [words_of(row["Finding Labels"]) for row in listed]
    names = negative_first(sorted({label for labels in labels_of_rows for label in labels}))
    entries = tuple(
        Entry(
            path=path_of[row["Image Index"]],
            name=path_of[row["Image Index"]].relative_to(root).as_posix(),
            values=tuple(float(name in labels) for name in names),
            patient=row["Patient ID"],
            keyed=True,
            split="test" if test is not None and row["Image Index"] in test else "train",
        )
        for row, labels in zip(listed, labels_of_rows, strict=True)
    )
    source = f"NIH ChestX-ray14 (Wang et al., CVPR 2017), folder {root.resolve().name}"
    return Listing(
        layout="nih",
        findings=True,
        names=names,
        entries=entries,
        source=source,
        obeyed=True,
        warnings=tuple(warnings),
    )


def has_nih_boxes(header: Sequence[str]) -> bool:
    """Whether a table has the columns of ``BBox_List_2017.csv``."""
    return _FILM.lower() in map(str.lower, header) and len(_edges_in(header)) == len(_EDGES)


def read_nih_boxes(file: Path) -> dict[str, tuple[Box, ...]]:
    """Boxes by film, from ``BBox_List_2017.csv``: a row per box, of any finding.

    Boxes that are there twice count once. Nobody looked for boxes on films that the table does not have.

    Returns:
        Name of the film without its ending to its boxes.

    Raises:
        DataError: The table cannot be read, or a box is not on the film.
    """
    header, rows = read_rows(file)
    edges = _edges_in(header)
    film = next(name for name in header if name.lower() == _FILM.lower())
    boxes: dict[str, tuple[Box, ...]] = {}
    for row in rows:
        try:
            numbers = four_numbers([row[edges[name]] for name in _EDGES])
            box = box_in_pixels(numbers, SIDE, SIDE)
        except ValueError as error:
            raise DataError(f"{file}, line {row.line}: {error}", _BOXES_HINT) from None
        name = stem_of(row[film])
        known = boxes.get(name, ())
        boxes[name] = known if box in known else (*known, box)
    return boxes


def _edges_in(header: Sequence[str]) -> dict[str, str]:
    """The columns of a box; the set's header is ``Bbox [x,y,w,h]``, whose commas make columns of it."""
    names = {name.lower().removeprefix("bbox").strip(" []"): name for name in header}
    return {edge: names[edge] for edge in _EDGES if edge in names}


def _list(file: Path) -> set[str] | None:
    if not file.is_file():
        return None
    return {line.strip() for line in file.read_text(encoding="utf-8").splitlines()} - {""}
