"""MIMIC-CXR-JPG (Johnson et al. 2019): findings by study, views and splits by film, in a table each."""

from __future__ import annotations

import gzip
import io
import re
import zlib
from typing import TYPE_CHECKING

from pneumoscope.data.class_names import negative_first
from pneumoscope.data.column_roles import is_lateral
from pneumoscope.data.finding_cells import value_of
from pneumoscope.data.listing import Entry, Listing
from pneumoscope.data.public_sets.film_index import films_by_stem, present
from pneumoscope.data.split_names import split_of
from pneumoscope.data.table_files import Row, rows_of
from pneumoscope.errors import DataError
from pneumoscope.files import cause

if TYPE_CHECKING:
    from pathlib import Path

_TABLE = re.compile(r"mimic-cxr-\d[\d.]*-(chexpert|negbio|metadata|split)\.csv(\.gz)?")
_FILM, _STUDY, _PATIENT, _VIEW = "dicom_id", "study_id", "subject_id", "ViewPosition"


def mimic_tables(root: Path) -> dict[str, Path]:
    """``"findings"``, ``"metadata"`` and perhaps ``"split"`` to their tables, packed by gzip or not.

    The findings are those of CheXpert's labeller, or of NegBio's if these are missing.

    Returns:
        Empty if findings or views are missing.
    """
    tables: dict[str, Path] = {}
    for file in sorted(root.glob("mimic-cxr-*.csv*")):
        if (match := _TABLE.fullmatch(file.name)) and file.is_file():
            kind = "findings" if match[1] in ("chexpert", "negbio") else match[1]
            tables.setdefault(kind, file)
    return tables if {"findings", "metadata"} <= {*tables} else {}


def read_mimic(tables: dict[str, Path], root: Path) -> Listing:
    """Lists the frontal films below a folder that are in the tables, with the findings of their studies.

    Raises:
        DataError: A table is broken, or none of the films exists.
    """
    metadata = {row[_FILM]: row for row in _rows(tables["metadata"], _FILM, _STUDY, _PATIENT)}
    studies = {row[_STUDY]: row for row in _rows(tables["findings"], _STUDY)}
    splits = (
        {row[_FILM]: split_of(row["split"]) for row in _rows(tables["split"], _FILM, "split")}
        if "split" in tables
        else {}
    )
    films = films_by_stem(root)
    known, warnings = present(tables["metadata"], films, metadata)
    frontal = [film for film in known if not is_lateral(metadata[film].get(_VIEW, ""))]
    if len(frontal) < len(known):
        warnings += (f"lateral films, left out: {len(known) - len(frontal):,}",)
    header = next(iter(studies.values()), Row({}, 0))
    names = negative_first([name for name in header if name and name not in (_STUDY, _PATIENT)])
    entries = []
    for film in frontal:
        row = metadata[film]
        study = studies.get(row[_STUDY], Row({}, 0))
        entries.append(
            Entry(
                path=films[film],
                name=films[film].relative_to(root).as_posix(),
                values=tuple(_value(study.get(name, ""), tables["findings"]) for name in names),
                patient=row[_PATIENT],
                keyed=True,
                split=splits.get(film, "train"),
            )
        )
    return Listing(
        layout="mimic",
        findings=True,
        names=names,
        entries=tuple(entries),
        source=f"MIMIC-CXR-JPG (Johnson et al. 2019), folder {root.resolve().name}",
        obeyed="split" in tables,
        warnings=warnings,
    )


def _rows(file: Path, *columns: str) -> list[Row]:
    """The rows of a table, which has these columns."""
    try:
        content = file.read_bytes()
        if file.suffix == ".gz":
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{file}: cannot be read ({cause(error)})", "Download it again.") from error
    header, rows = rows_of(io.BytesIO(content), str(file))
    if missing := [column for column in columns if column not in header]:
        raise DataError(f"{file}: has no column {missing[0]}", "Download it again.")
    return list(rows)


def _value(cell: str, file: Path) -> float | None:
    try:
        return value_of(cell)
    except KeyError:
        hint = "A finding is 1, 0, -1 or empty."
        raise DataError(f"{file}: a finding is {cell!r}", hint) from None
