"""Layouts with the labels in a table: CSV manifests and NIH ChestX-ray14."""

from __future__ import annotations

import csv
import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from pneumoscope import images
from pneumoscope.data.boxes import BOXES_HINT, boxes_of
from pneumoscope.data.folders import SPLITS
from pneumoscope.data.listing import Entry, Listing, negative_first, one_hot
from pneumoscope.errors import DataError

if TYPE_CHECKING:
    from pneumoscope.data.listing import Targets

    Row = dict[str, str]

RESERVED = (
    "path", "sha256", "patient", "split", "label", "labels", "source", "mask", "boxes",
)  # fmt: skip
"""Columns of a manifest that are not findings, in lower case."""

_ALIASES = {name: name for name in RESERVED} | dict.fromkeys(
    ("patient id", "patient_id", "patientid"), "patient"
)
# Columns of CheXpert (Irvin et al. 2019) besides its findings.
_VIEW = "frontal/lateral"
_FACTS = {"sex", "gender", "age", _VIEW, "ap/pa", "view", "view position"}
_VALUES: dict[str, float | None] = {
    "1": 1.0, "1.0": 1.0, "0": 0.0, "0.0": 0.0, "-1": None, "-1.0": None, "": None,
}  # fmt: skip
_SPLIT_VALUES = SPLITS | {"training": "train", "testing": "test", "": "train"}
_FILM_KEY = re.compile(r"(?:^|/)file/")  # written for a layout without patient keys
_CHEXPERT_PATIENT = re.compile(r"(?:^|/)(patient\d+)/")

_NIH_COLUMNS = ("Image Index", "Finding Labels", "Patient ID")
_NIH_TRAIN, _NIH_TEST = "train_val_list.txt", "test_list.txt"


def is_nih(file: Path) -> bool:
    """Whether a CSV file is the table of NIH ChestX-ray14, by its columns."""
    return set(_NIH_COLUMNS) <= set(_rows(file)[0])


def read_manifest(file: Path) -> Listing:
    """Lists a CSV manifest.

    Columns, in upper or lower case: ``path`` (relative to the file); then ``label`` (one class),
    ``labels`` (findings separated by ``|``) or one column per name with 1, 0, -1 or nothing, the
    last two for unknown; and optionally ``patient``, ``split``, ``sha256``, ``source`` (hospital or
    collection), ``mask`` (picture of the lungs, relative to the file) and ``boxes``
    (`boxes.boxes_of`). Films that CheXpert's column ``Frontal/Lateral`` calls lateral are left out.

    Raises:
        DataError: The table is broken, has no labels, or names a film twice.
    """
    header, rows = _lowered(file)
    if "path" not in header:
        raise DataError(f"{file}: has no column path", "The films' paths, relative to the file.")
    if not rows:
        raise DataError(f"{file}: names no films", "Add a row per film.")
    names, values, findings, warnings = _labels(file, header, rows)
    base = file.parent
    if not (base / rows[0]["path"]).exists() and (base.parent / rows[0]["path"]).exists():
        base = base.parent  # CheXpert's paths begin with the name of its own folder
    view = next((name for name in header if name.lower() == _VIEW), None)
    lateral = 0
    entries = []
    seen: set[str] = set()
    for number, (row, value) in enumerate(zip(rows, values, strict=True), 2):
        if not row["path"]:
            raise DataError(f"{file}, row {number}: names no film", "Fill the column path.")
        name = PurePosixPath(row["path"]).as_posix()
        if name in seen:
            raise DataError(f"{file}: names {name} twice", "One row per film.")
        seen.add(name)
        if view is not None and row[view].lower() == "lateral":
            lateral += 1
            continue
        split = _split(file, number, row["split"]) if "split" in header else None
        try:
            entries.append(_entry(base, name, row, value, split))
        except ValueError as error:
            raise DataError(f"{file}, row {number}: {error}", BOXES_HINT) from None
    if not entries:
        raise DataError(f"{file}: names lateral films only", "Networks here read frontal ones.")
    if lateral:
        warnings += (f"lateral films of {file.name}, left out: {lateral:,}",)
    source = f"CSV manifest {file.name} in {file.parent.resolve().name}"
    return Listing(
        layout="manifest",
        findings=findings,
        names=names,
        entries=tuple(entries),
        source=source,
        obeyed="split" in header,
        warnings=warnings,
    )


def _entry(base: Path, name: str, row: Row, values: Targets, split: str | None) -> Entry:
    patient = row.get("patient", "")
    if not patient and (match := _CHEXPERT_PATIENT.search(name)):
        patient = match[1]
    return Entry(
        path=base / name,
        name=name,
        values=values,
        patient=patient or f"file/{name}",
        keyed=bool(patient) and not _FILM_KEY.search(patient),
        split=split,
        sha256=row.get("sha256", ""),
        source=row.get("source", ""),
        mask=base / row["mask"] if row.get("mask") else None,
        boxes=boxes_of(row.get("boxes", "")),
    )


def read_nih(file: Path) -> Listing:
    """Lists NIH ChestX-ray14 (Wang et al., CVPR 2017): the films of its table, below its folder.

    The official lists, if they are beside the table, decide which films are for testing; films on
    neither list are left out. "No Finding" is one of the names.

    Raises:
        DataError: No film of the table exists.
    """
    _, rows = _rows(file)
    root = file.parent
    path_of: dict[str, Path] = {}
    for path in images.find_films([root]):
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
    labels_of_rows = [_words(row["Finding Labels"]) for row in listed]
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


def columns(file: Path) -> tuple[tuple[str, ...], dict[str, Row]]:
    """All columns of a table by film, including those that pneumoscope does not use.

    Args:
        file: A manifest, or NIH's table.

    Returns:
        The columns' names, and film to values. A film's key is its path as the manifest gives it,
        or its file name in NIH's table.

    Raises:
        DataError: It cannot be read.
    """
    header, rows = _rows(file)
    key = next((name for name in header if name.lower() == "path"), _NIH_COLUMNS[0])
    return tuple(header), {PurePosixPath(row[key]).as_posix(): row for row in rows if row.get(key)}


def _labels(
    file: Path, header: list[str], rows: list[Row]
) -> tuple[tuple[str, ...], list[Targets], bool, tuple[str, ...]]:
    """Names, values per row, whether they are findings, warnings."""
    if "label" in header and "labels" in header:
        raise DataError(f"{file}: has both label and labels", "Keep one of the two columns.")
    if "label" in header:
        names = negative_first(sorted({row["label"] for row in rows} - {""}))
        unknown: Targets = (None,) * len(names)
        values = [
            one_hot(names.index(row["label"]), len(names)) if row["label"] else unknown
            for row in rows
        ]
        return names, values, False, ()
    if "labels" in header:
        labels_of_rows = [_words(row["labels"]) for row in rows]
        names = negative_first(sorted({label for labels in labels_of_rows for label in labels}))
        unknown = (None,) * len(names)
        # An empty cell means unknown; "No Finding" means that nothing was found.
        values = [
            tuple(float(n in labels) for n in names) if labels else unknown
            for labels in labels_of_rows
        ]
        return names, values, True, ()
    return _columns(file, header, rows)


def _columns(
    file: Path, header: list[str], rows: list[Row]
) -> tuple[tuple[str, ...], list[Targets], bool, tuple[str, ...]]:
    names, unused = [], []
    for column in header:
        if not column or column.lower() in (*RESERVED, *_FACTS):
            continue
        filled = [(number, row[column]) for number, row in enumerate(rows, 2) if row[column]]
        odd = [(number, value) for number, value in filled if value not in _VALUES]
        if filled and not odd:
            names.append(column)
        elif len(odd) * 10 < len(filled):  # a typing error, not another kind of column
            raise DataError(
                f"{file}, row {odd[0][0]}: {column} is {odd[0][1]!r}",
                "A finding is 1, 0, -1 (uncertain) or empty (unknown).",
            )
        else:
            unused.append(column)
    if not names:
        raise DataError(
            f"{file}: tells no labels",
            "Add a column label, labels (with | between findings), or one of 1 and 0 per finding.",
        )
    warnings = (f"columns of {file.name} that are not used: {', '.join(unused)}",) if unused else ()
    ordered = negative_first(names)
    return ordered, [tuple(_VALUES[row[n]] for n in ordered) for row in rows], True, warnings


def _lowered(file: Path) -> tuple[list[str], list[Row]]:
    """The table, with the names of known columns in lower case."""
    header, rows = _rows(file)
    known = {name: _ALIASES.get(name.lower(), name) for name in header}
    columns = list(known.values())
    if double := sorted({c for c in columns if columns.count(c) > 1}):
        raise DataError(f"{file}: has two columns {double[0]}", "Keep one.")
    return columns, [{known[name]: row[name] for name in header} for row in rows]


def _rows(file: Path) -> tuple[list[str], list[Row]]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, skipinitialspace=True)
            header = [name.strip() for name in reader.fieldnames or ()]
            reader.fieldnames = header
            rows = [{name: (row[name] or "").strip() for name in header} for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise DataError(
            f"{file}: cannot be read as a table ({reason})", "Save it as CSV in UTF-8."
        ) from error
    return header, rows


def _split(file: Path, number: int, value: str) -> str:
    try:
        return _SPLIT_VALUES[value.lower()]
    except KeyError:
        raise DataError(
            f"{file}, row {number}: split is {value!r}", "Use train, validation or test."
        ) from None


def _list(file: Path) -> set[str] | None:
    if not file.is_file():
        return None
    return {line.strip() for line in file.read_text(encoding="utf-8").splitlines()} - {""}


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split("|") if word.strip())
