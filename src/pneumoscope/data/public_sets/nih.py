"""NIH ChestX-ray14 (Wang et al., CVPR 2017)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.data.class_names import negative_first
from pneumoscope.data.film_files import films_below
from pneumoscope.data.listing import Entry, Listing
from pneumoscope.data.table_files import read_header, read_rows
from pneumoscope.data.tables import NIH_COLUMNS, words_of
from pneumoscope.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

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


def _list(file: Path) -> set[str] | None:
    if not file.is_file():
        return None
    return {line.strip() for line in file.read_text(encoding="utf-8").splitlines()} - {""}
