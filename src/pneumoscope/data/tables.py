"""CSV manifests: a row for each film, with its path and its labels."""

from __future__ import annotations

import re
from collections import Counter
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from pneumoscope.data.ages import age_text
from pneumoscope.data.boxes import BOXES_HINT, boxes_of
from pneumoscope.data.class_names import is_unknown, negative_first
from pneumoscope.data.column_roles import (
    AGES,
    FACTS,
    RESERVED,
    film_columns,
    label_columns,
    list_column,
    manifest_names,
    may_be_finding,
    may_be_label,
    path_column,
    split_columns,
    split_flags,
)
from pneumoscope.data.film_paths import FilmPaths
from pneumoscope.data.finding_cells import NUMBERS, RESULTS, WORDS, plain_cell
from pneumoscope.data.finding_lists import SEPARATOR, separator_of, words_of
from pneumoscope.data.listing import Entry, Listing, one_hot
from pneumoscope.data.other_pictures import OtherPictures
from pneumoscope.data.split_names import split_of
from pneumoscope.data.table_files import Row, read_header, read_rows
from pneumoscope.errors import DataError
from pneumoscope.images.formats import has_film_ending

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from pneumoscope.data.listing import Targets

_WHOLE_KEY = re.compile(r"(\d+)[.,]0+")  # "123.0", where another row has no patient
# In place of a name: as a key it would join all patients.
_ANONYMOUS = re.compile(r"anon(ym(ous|i[sz]ed|isiert)?)?", re.IGNORECASE)
_TITLES = 10  # rows above the names of the columns
_FILM_KEY = re.compile(r"(?:^|/)file/")  # written for a layout without patient keys
_CHEXPERT_PATIENT = re.compile(r"(?:^|/)(patient\d+)/")

NIH_COLUMNS = ("Image Index", "Finding Labels", "Patient ID")
"""Of the table of NIH ChestX-ray14."""


def read_manifest(file: Path) -> Listing:
    """Lists a CSV manifest.

    Columns, in upper or lower case: ``path`` (relative to the file); then ``label`` (one class),
    ``labels`` (findings, `finding_lists`) or one column per name with 1, 0, -1 or nothing, the
    last two for unknown; and optionally ``patient``, ``split``, ``sha256``, ``source`` (hospital or
    collection), ``mask`` (picture of the lungs, relative to the file) and ``boxes``
    (`boxes.boxes_of`). If they have other names, the columns of films, classes and splits are recognised
    (`pneumoscope.data.column_roles`), with a warning. Lateral films are left out, as far as
    a column such as CheXpert's ``Frontal/Lateral`` tells the views; so are rows that are there twice.

    Raises:
        DataError: The table is broken, has no labels, or names a film twice.
    """
    header, rows, films = _lowered(file)
    if not rows:
        raise DataError(f"{file}: names no films", "Add a row per film.")
    header, rows, renamed = _recognised(file, header, rows)
    names, values, findings, warnings = _labels(file, header, rows)
    warnings = (*films, *renamed, *warnings)
    base, film_paths = _places(file, rows[0]["path"])
    others = OtherPictures(file, header, rows)
    left_out: Counter[str] = Counter()
    entries = []
    seen: set[str] = set()
    for row, value in zip(rows, values, strict=True):
        if not row["path"]:
            raise DataError(f"{file}, line {row.line}: names no film", "Fill the column path.")
        name = film_paths.name_of(row["path"])
        if name in seen:
            raise DataError(f"{file}: names {name} twice", "One row per film.")
        seen.add(name)
        if reason := others.reason(row):
            left_out[reason] += 1
            continue
        split = _split(file, row) if "split" in header else None
        try:
            mask = base / film_paths.name_of(row["mask"]) if row.get("mask") else None
            entries.append(_entry(base / name, name, row, value, split, mask))
        except ValueError as error:
            raise DataError(f"{file}, line {row.line}: {error}", BOXES_HINT) from None
    if not entries:
        raise DataError(f"{file}: names {others.kind} only", "Networks here read frontal films.")
    if film_paths.found_by_name:
        count = film_paths.found_by_name
        warnings += (f"films of {file.name} found by their names alone: {count:,}",)
    warnings += tuple(f"{what}, left out: {count:,}" for what, count in left_out.items())
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


def _places(file: Path, first: str) -> tuple[Path, FilmPaths]:
    """The folder to which the paths of a manifest are relative, and where its films are.

    Args:
        file: The manifest.
        first: The path of its first film.
    """
    for base in (file.parent, file.parent.parent):
        # CheXpert's paths begin with the name of its own folder.
        film_paths = FilmPaths(base, first)
        if not film_paths.misplaced:
            return base, film_paths
    return file.parent, FilmPaths(file.parent, first, search=True)


def _entry(
    path: Path, name: str, row: Row, values: Targets, split: str | None, mask: Path | None
) -> Entry:
    patient = row.get("patient", "")
    if number := _WHOLE_KEY.fullmatch(patient):
        patient = number[1]
    if is_unknown(patient) or _ANONYMOUS.fullmatch(patient):
        patient = ""
    if not patient and (match := _CHEXPERT_PATIENT.search(name)):
        patient = match[1]
    return Entry(
        path=path,
        name=name,
        values=values,
        patient=patient or f"file/{name}",
        keyed=bool(patient) and not _FILM_KEY.search(patient),
        split=split,
        sha256=row.get("sha256", ""),
        source=row.get("source", ""),
        mask=mask,
        boxes=boxes_of(row.get("boxes", "")),
    )


def columns(file: Path) -> tuple[tuple[str, ...], dict[str, dict[str, str]]]:
    """All columns of a table by film, including those that pneumoscope does not use.

    Ages such as ``058Y`` become years.

    Args:
        file: A manifest, or NIH's table.

    Returns:
        The columns' names, and film to values. A film's key is its name as `read_manifest` gives it,
        or its file name in NIH's table.

    Raises:
        DataError: It cannot be read.
    """
    header, rows = read_rows(file)
    key = path_column(header)
    if key is None:
        named = film_columns(header, rows, file.parent)
        key = named[0] if len(named) == 1 else NIH_COLUMNS[0]
    rows = [row for row in rows if row.get(key)]
    if not rows:
        return tuple(header), {}
    ages = [name for name in header if name.lower() in AGES]
    film_paths = _places(file, rows[0][key])[1]
    return tuple(header), {
        film_paths.name_of(row[key]): row | {age: age_text(row[age]) for age in ages}
        for row in rows
    }


def has_films(file: Path) -> bool:
    """Whether a table has a column with the paths of films."""
    return path_column(read_header(file)) is not None


def _labels(
    file: Path, header: list[str], rows: list[Row]
) -> tuple[tuple[str, ...], list[Targets], bool, tuple[str, ...]]:
    """Names, values per row, whether they are findings, warnings."""
    if "label" in header and "labels" in header:
        raise DataError(f"{file}: has both label and labels", "Keep one of the two columns.")
    if "label" in header and not any(SEPARATOR in row["label"] for row in rows):
        names = negative_first(sorted({row["label"] for row in rows} - {""}))
        unknown: Targets = (None,) * len(names)
        values = [
            one_hot(names.index(row["label"]), len(names)) if row["label"] else unknown
            for row in rows
        ]
        return names, values, False, ()
    if {"label", "labels"} & {*header}:
        column = "label" if "label" in header else "labels"
        mark = separator_of({row[column] for row in rows})
        labels_of_rows = [words_of(row[column], mark) for row in rows]
        names = negative_first(sorted({label for labels in labels_of_rows for label in labels}))
        unknown = (None,) * len(names)
        # An empty cell means unknown; "No Finding" means that nothing was found.
        values = [
            tuple(float(n in labels) for n in names) if labels else unknown
            for labels in labels_of_rows
        ]
        noted = mark != SEPARATOR or column == "label"
        warning = f"the column {column} of {file.name} has several findings in a cell, separated by {mark}"
        return names, values, True, (warning,) if noted else ()
    return _columns(file, header, rows)


def _columns(
    file: Path, header: list[str], rows: list[Row]
) -> tuple[tuple[str, ...], list[Targets], bool, tuple[str, ...]]:
    # The course of the disease, such as who died, counts only if nothing else does.
    for may_be, values in product((may_be_finding, may_be_label), (NUMBERS, WORDS, RESULTS)):
        names, unused = _findings_in(file, header, rows, values, may_be)
        if names:
            break
    else:
        raise DataError(
            f"{file}: tells no labels",
            "Add a column label, labels (with | between findings), or one of 1 and 0 per finding."
            " A column such as diagnosis is taken if one of its classes means that nothing was found, such as normal;"
            f" if none does, call it label. The columns are {', '.join(filter(None, header))}.",
        )
    warnings = (f"columns of {file.name} that are not used: {', '.join(unused)}",) if unused else ()
    ordered = negative_first(names)
    targets = [tuple(values[plain_cell(row[n])] for n in ordered) for row in rows]
    return ordered, targets, True, warnings


def _findings_in(
    file: Path,
    header: list[str],
    rows: list[Row],
    values: dict[str, float | None],
    may_be: Callable[[str], bool],
) -> tuple[list[str], list[str]]:
    """The columns whose cells are all among the values and that may be labels by their names, and those that are not used."""
    names, unused = [], []
    for column in header:
        if not column or column.lower() in (*RESERVED, *FACTS):
            continue
        is_finding, odd = _odd(column, rows, values)
        if is_finding and not odd:
            names.append(column)
        elif is_finding:
            raise DataError(
                f"{file}, line {odd[0].line}: {column} is {odd[0][column]!r}",
                "A finding is 1, 0, -1 (uncertain) or empty (unknown).",
            )
        else:
            unused.append(column)
    kept = [name for name in names if may_be(name)]
    return kept, [*unused, *(name for name in names if name not in kept)]


def _odd(column: str, rows: Sequence[Row], values: Collection[str]) -> tuple[bool, list[Row]]:
    """Whether a column is one of a finding, and its rows with other values: a few are typing errors."""
    filled = [row for row in rows if row[column]]
    odd = [row for row in filled if plain_cell(row[column]) not in values]
    if values is RESULTS and not any(RESULTS.get(plain_cell(row[column])) for row in filled):
        return False, odd  # a dash also stands for an empty cell
    return len(odd) * 10 < len(filled), odd


def _lowered(file: Path) -> tuple[list[str], list[Row], tuple[str, ...]]:
    """The table, with the names of known columns in lower case, and warnings."""
    header, rows = read_rows(file)
    known = manifest_names(header)
    columns = [known[name] for name in header]
    if double := next((c for c in sorted(columns) if columns.count(c) > 1), None):
        given = ", ".join(name for name in header if known[name] == double)
        raise DataError(f"{file}: has two columns {double}: {given}", "Keep one.")
    warnings: tuple[str, ...] = ()
    if "path" not in columns:
        _check_header(file, header, rows)
        named = film_columns(header, rows, file.parent)
        if len(named) != 1:
            several = f"several columns that may name the films: {', '.join(named)}"
            raise DataError(
                f"{file}: has {several if named else 'no column path'}",
                "Name the column of the films' paths path"
                + ("." if named else f"; the columns are {', '.join(header)}."),
            )
        # A number of the patient may be the name of the film, too.
        columns.append("path")
        for row in rows:
            row["path"] = row[named[0]]
        known["path"] = "path"
        warnings = (f"the films are those of the column {named[0]}",)
    return columns, [Row({known[n]: row[n] for n in row}, row.line) for row in rows], warnings


def _check_header(file: Path, header: list[str], rows: list[Row]) -> None:
    """Checks that the first line, which names no column of films, is not a row or a title.

    Raises:
        DataError: It is.
    """
    if any(map(has_film_ending, header)):
        hint = "Add a first line with the names of the columns, such as path,label."
        raise DataError(f"{file}: its first line names a film, not the columns", hint)
    titled = [row for row in rows[:_TITLES] if _names_columns(row)]
    if len(titled) == 1:  # else such as a column "kind", all of whose cells are "image"
        hint = "Delete the lines above it."
        raise DataError(f"{file}, line {titled[0].line}: has the names of the columns", hint)


def _names_columns(row: Row) -> bool:
    cells = [cell for cell in row.values() if cell]
    others = any(has_film_ending(cell) or cell[0].isdecimal() for cell in cells)
    return path_column(cells) is not None and not others


def _recognised(
    file: Path, header: list[str], rows: list[Row]
) -> tuple[list[str], list[Row], tuple[str, ...]]:
    """The table with the names of a manifest for its labels and splits, without rows that are there twice; warnings."""
    by_cells: dict[tuple[str, ...], Row] = {}
    for row in rows:
        by_cells.setdefault(tuple(row.values()), row)
    once = list(by_cells.values())
    warnings = []
    if len(once) < len(rows):
        warnings.append(f"rows of {file.name} that are there twice: {len(rows) - len(once):,}")
    others = [name for name in header if name and name not in RESERVED]
    splits = [] if "split" in header else split_columns(others, once)
    if len(splits) == 1:
        header, once = _renamed(header, once, splits[0], "split")
        warnings.append(f"the splits are those of the column {splits[0]}")
    elif splits:
        # Such as the folds of a cross-validation.
        names = ", ".join(splits)
        warnings.append(
            f"no splits are taken, as several columns name them ({names}): call one split"
        )
    elif "split" not in header and (flags := split_flags(others, once)):
        names = ", ".join(flags)
        warnings.append(f"no splits are taken from {names}: name them in a column split")
    if {"label", "labels"} & {*header}:
        return header, once, tuple(warnings)
    labels = label_columns(header, once)
    others = [name for name in header if name and name.lower() not in (*RESERVED, *FACTS)]
    names = ", ".join(labels)
    if any(may_be_finding(name) and _odd(name, once, WORDS)[0] for name in others):
        if labels:
            warnings.append(
                f"the labels are the columns of findings, not {names}: call a column label to take its classes"
            )
        return header, once, tuple(warnings)
    if len(labels) > 1:
        raise DataError(
            f"{file}: has several columns of classes: {names}", "Name the right one label."
        )
    new = "label"
    if not labels and (column := list_column(header)):
        labels, new = [column], "labels"
    if labels:
        header, once = _renamed(header, once, labels[0], new)
        warnings.append(f"the labels are those of the column {labels[0]}")
    return header, once, tuple(warnings)


def _renamed(
    header: list[str], rows: list[Row], column: str, name: str
) -> tuple[list[str], list[Row]]:
    def new(old: str) -> str:
        return name if old == column else old

    return [*map(new, header)], [Row({new(k): row[k] for k in row}, row.line) for row in rows]


def _split(file: Path, row: Row) -> str:
    value = row["split"]
    split = split_of(value) if value else "train"
    if split is None:
        raise DataError(
            f"{file}, line {row.line}: split is {value!r}", "Use train, validation or test."
        )
    return split
