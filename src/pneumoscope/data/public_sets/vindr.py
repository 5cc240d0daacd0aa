"""VinDr-CXR and VinDr-PCXR (Nguyen et al. 2022), and the VinBigData challenge made from the first."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, NamedTuple

from pneumoscope.data.class_names import negative_first
from pneumoscope.data.film_files import stem_of
from pneumoscope.data.finding_cells import value_of
from pneumoscope.data.listing import Entry, Listing
from pneumoscope.data.public_sets.film_index import films_by_stem, present
from pneumoscope.data.split_names import split_of
from pneumoscope.data.table_files import read_header, read_rows, tables_in
from pneumoscope.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from pneumoscope.data.table_files import Row

_FILM, _READER, _NAME = "image_id", "rad_id", "class_name"
_READERS = {_READER, "rad_ID"}  # of VinDr-CXR, and of VinDr-PCXR
_EDGES = ("x_min", "y_min", "x_max", "y_max")
_PLACES = {_FILM, _NAME, "class_id", *_READERS, *_EDGES}


class _Table(NamedTuple):
    """What the readers of a table saw: findings, and the value of each for each film.

    ``other`` is the value of a finding that only another table has.
    """

    names: tuple[str, ...]
    values: dict[str, dict[str, float | None]]
    other: float | None


def is_vindr(file: Path) -> bool:
    """Whether a table has a row per film and reader, with findings in columns or in ``class_name``.

    The table of findings of the test films names no readers. Other tables call a column ``image_id``, too.
    """
    header = read_header(file)
    read = _READERS & {*header} or {*_EDGES} <= {*header}
    by_column = any(n.lower() == "no finding" for n in header)
    official = file.name.startswith("image_labels")
    return _FILM in header and bool(
        (read and (_NAME in header or by_column)) or (official and by_column)
    )


def vindr_tables(root: Path) -> list[Path]:
    """The tables with the findings of whole films, in a folder or in its folder ``annotations``."""
    files = sorted([*tables_in(root), *tables_in(root / "annotations")])
    # The tables of boxes have a row for films without any, too.
    for start in ("image_labels", "annotations_", "train"):
        if tables := [f for f in files if f.name.lower().startswith(start) and is_vindr(f)]:
            return tables
    return []


def read_vindr(files: list[Path], root: Path) -> Listing:
    """Lists the films of one or more tables.

    Up to three radiologists read a film. A finding is present if most of them saw it, absent if none
    did, and unknown otherwise. The tables may have different findings: one that is no column of a film's
    table is unknown, and a class that no row of its table has is absent.

    Args:
        files: Tables with the columns ``image_id``, ``rad_id`` and one per finding, or with
            ``class_name``; a table whose name contains ``test`` is of films for testing.
        root: Folder that contains the films.

    Raises:
        DataError: A table cannot be read, or none of its films exists.
    """
    tables: dict[Path, _Table] = {}
    for file in files:
        header, rows = read_rows(file)
        for row in rows:
            row[_FILM] = stem_of(row[_FILM])
        tables[file] = _by_class(rows) if _NAME in header else _by_column(file, header, rows)
    names = negative_first(dict.fromkeys(name for table in tables.values() for name in table.names))
    several = len(files) > 1
    entries: list[Entry] = []
    warnings: list[str] = []
    for file, table in tables.items():
        split = _split(file)
        films = films_by_stem(root, lambda p, split=split: _fits(p, root, split, several))  # type: ignore[misc]
        known, missing = present(file, films, table.values)
        warnings += missing
        entries += (
            Entry(
                path=films[film],
                name=films[film].relative_to(root).as_posix(),
                values=tuple(table.values[film].get(name, table.other) for name in names),
                patient=film,
                keyed=True,
                split=split,
            )
            for film in known
        )
    return Listing(
        layout="vindr",
        findings=True,
        names=names,
        entries=tuple(entries),
        source=f"VinDr-CXR (Nguyen et al. 2022), folder {root.resolve().name}",
        obeyed=several,
        warnings=tuple(warnings),
    )


def _split(file: Path) -> str:
    words = file.stem.lower().replace("-", "_").split("_")
    return next((split for word in words if (split := split_of(word))), "train")


def _fits(path: Path, root: Path, split: str, several: bool) -> bool:
    """Whether a film is in a folder of its split, if folders say so."""
    if not several:
        return True
    known = {s for part in path.relative_to(root).parts[:-1] if (s := split_of(part))}
    return not known or split in known


def _by_class(rows: list[Row]) -> _Table:
    """From a row per box: which readers saw which class."""
    readers: dict[str, set[str]] = defaultdict(set)
    saw: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for row in rows:
        reader = row.get(_READER, "")
        readers[row[_FILM]].add(reader)
        saw[row[_FILM]][row[_NAME]].add(reader)
    names = negative_first(sorted({row[_NAME] for row in rows} - {""}))
    values = {
        film: {name: _value(len(saw[film][name]), len(seen)) for name in names}
        for film, seen in readers.items()
    }
    return _Table(names, values, other=0.0)


def _by_column(file: Path, header: list[str], rows: list[Row]) -> _Table:
    """From a row per film and reader, with a column per finding."""
    names = negative_first(n for n in header if n and n not in _PLACES)
    readers: Counter[str] = Counter(row[_FILM] for row in rows)
    saw: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        for name in names:
            try:
                saw[row[_FILM]].update([name] if value_of(row[name]) == 1.0 else [])
            except KeyError:
                where = f"{file}, line {row.line}"
                raise DataError(
                    f"{where}: {name} is {row[name]!r}", "A finding is 1 or 0."
                ) from None
    values = {
        film: {name: _value(saw[film][name], count) for name in names}
        for film, count in readers.items()
    }
    return _Table(names, values, other=None)


def _value(saw: int, readers: int) -> float | None:
    """Of a finding that so many of a film's readers saw."""
    if saw == 0:
        return 0.0
    return 1.0 if 2 * saw > readers else None
