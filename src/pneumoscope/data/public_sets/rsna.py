"""The RSNA Pneumonia Detection Challenge (Shih et al., Radiology: Artificial Intelligence 2019)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.data.boxes import is_rsna_header, number_of, read_rsna, rsna_rows
from pneumoscope.data.listing import Entry, Listing, one_hot
from pneumoscope.data.public_sets.film_index import films_by_stem, present
from pneumoscope.data.table_files import read_header
from pneumoscope.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ("no pneumonia", "pneumonia")
"""Target 0 and 1. Films of target 0 may show something other than pneumonia."""
_NOT_NORMAL = "films without pneumonia are not all normal: some show something else"


def is_rsna(file: Path) -> bool:
    """Whether a table has the columns of ``stage_2_train_labels.csv``."""
    return is_rsna_header(read_header(file))


def read_rsna_set(file: Path) -> Listing:
    """Lists the films of ``stage_2_train_labels.csv``: one per ``patientId``, whatever its number of boxes.

    The films are anywhere below the table's folder, except in a folder of test films.

    Raises:
        DataError: The table is broken, or none of its films exists.
    """
    targets: dict[str, int] = {}
    for row in rsna_rows(file):
        target = _target(row["Target"])
        if target is None or targets.setdefault(row["patientId"], target) != target:
            raise DataError(
                f"{file}, line {row.line}: Target is {row['Target']!r}",
                "It is 1 (pneumonia) or 0, the same for all rows of a film.",
            )
    films = films_by_stem(file.parent, lambda path: "test" not in path.parent.name.lower())
    known, warnings = present(file, films, targets)
    boxes = read_rsna(file)
    entries = tuple(
        Entry(
            path=films[film],
            name=films[film].relative_to(file.parent).as_posix(),
            values=one_hot(targets[film], len(NAMES)),
            patient=film,
            keyed=True,
            split=None,
            boxes=boxes.get(film),
        )
        for film in known
    )
    return Listing(
        layout="rsna",
        findings=False,
        names=NAMES,
        entries=entries,
        source="RSNA Pneumonia Detection Challenge (Shih et al., Radiology: Artificial Intelligence "
        f"2019), folder {file.parent.resolve().name}",
        warnings=(*warnings, _NOT_NORMAL),
    )


def _target(text: str) -> int | None:
    """0 or 1, also as 1.0; None for anything else."""
    try:
        value = number_of(text)
    except ValueError:
        return None
    return int(value) if value in (0, 1) else None
