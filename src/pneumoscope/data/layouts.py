"""Which layout a data folder has, and the films in it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from pneumoscope.data.class_names import is_negative, plain_name
from pneumoscope.data.film_files import films_below, folders_in, holds_masks
from pneumoscope.data.folders import (
    are_parts,
    classes_with_films,
    may_be_classes,
    read_class_folders,
    read_split_folders,
)
from pneumoscope.data.listing import in_folder
from pneumoscope.data.masks import with_masks
from pneumoscope.data.packed import check_root
from pneumoscope.data.public_sets import (
    covidx,
    medmnist,
    mimic,
    nih,
    rsna,
    split_tables,
    tuberculosis,
    vindr,
)
from pneumoscope.data.sheet import SHEET, UNKNOWN, DataSheet, read_sheet
from pneumoscope.data.spelling import (
    checked_classes,
    with_negative,
    with_one_spelling,
    without_unknown,
)
from pneumoscope.data.split_names import split_of
from pneumoscope.data.table_files import (
    ENDINGS,
    is_other_table,
    read_header,
    refuse_file,
    tables_in,
)
from pneumoscope.data.tables import columns, has_films, read_manifest
from pneumoscope.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pneumoscope.data.listing import Listing

MANIFEST = "manifest.csv"
_KAGGLE = "chest_xray"
_DEPTH = 3
"""Folders inside folders in which a data folder is looked for."""


def find(root: Path, negative: str = "") -> Listing:
    """Lists the films of a data folder, whatever its layout; decodes nothing.

    Args:
        root: A CSV manifest; or a folder with ``manifest.csv``, with the table of a public set
            (`pneumoscope.data.public_sets`), with ``train`` and a folder per class in it, with a
            folder per class, or with one table of films; or a folder around one of these. A file
            ``datasheet.toml`` in the folder, or beside the manifest, gives the facts of the data set (`pneumoscope.data.sheet`), the
            source of films that name none, the negative class, and the folder of their lung masks.
        negative: Name of the class that means "nothing found", if its words do not say so, such as
            ``"0"``; ``""`` for what the data sheet or the names say.

    Raises:
        DataError: There is no such folder, it has no known layout or several, the data sheet is
            malformed, or there is no class of that name.
    """
    folder = _data_folder(root, negative)
    sheet, known = _sheet(root, folder)
    negative = negative or known.negative
    listing = _read(folder, negative)
    if folder != root:
        listing = in_folder(listing, folder.relative_to(root).as_posix())
    listing = with_negative(with_one_spelling(without_unknown(listing, negative)), negative)
    listing = checked_classes(listing)
    if sheet is None:
        return listing
    if known.collection:
        entries = (replace(e, source=e.source or known.collection) for e in listing.entries)
        listing = replace(listing, entries=tuple(entries))
    if known.masks:
        listing = with_masks(listing, [sheet.parent / known.masks])
    # A sheet that speaks of single films only leaves the layout's own facts.
    if known.facts == UNKNOWN:
        return listing
    return replace(listing, sheet=known.facts, source=known.source or listing.source)


def columns_of(root: Path) -> tuple[tuple[Path, ...], tuple[str, ...], dict[str, dict[str, str]]]:
    """The tables of a data folder, and what they say of its films besides labels.

    Returns:
        The tables (none if folders are the labels), the names of their columns, and film to values, see
        `tables.columns`.

    Raises:
        DataError: See `find`; also if a table cannot be read.
    """
    folder = _data_folder(root, "")
    prefix = "" if folder == root else f"{folder.relative_to(root).as_posix()}/"
    files = _tables(folder, _sheet(root, folder)[1].negative)
    header: dict[str, None] = {}
    rows: dict[str, dict[str, str]] = {}
    for file in files:
        names, rows_of_file = columns(file)
        header |= dict.fromkeys(names)
        rows |= {f"{prefix}{film}": row for film, row in rows_of_file.items()}
    return files, tuple(header), rows


def _tables(folder: Path, negative: str) -> tuple[Path, ...]:
    if folder.is_file():
        return (folder,)
    if (folder / MANIFEST).is_file():
        return (folder / MANIFEST,)
    if file := _nih_table(folder, negative):
        return (file,)
    tables = tuple(split_tables.split_tables(folder).values())
    if tables or not _may_be_listed(folder, negative):
        return tables
    return tuple(_film_tables(folder) or tables_in(folder))


def _sheet(*places: Path) -> tuple[Path | None, DataSheet]:
    """The first data sheet in, or beside, these places, and what it says."""
    files = ((place if place.is_dir() else place.parent) / SHEET for place in places)
    file = next((f for f in files if f.is_file()), None)
    return file, UNKNOWN if file is None else read_sheet(file)


def _data_folder(root: Path, negative: str) -> Path:
    """The root itself, or the one folder in it that has a known layout."""
    check_root(root)
    archive = medmnist.medmnist_archive(root)
    if archive and (root.is_file() or not any(classes_with_films(root))):
        raise medmnist.refuse_archive(archive)
    if not root.is_dir():
        if root.suffix.lower() not in ENDINGS or not root.is_file():
            raise refuse_file(root)
        return root
    children = folders_in(root)
    if (
        _has_layout(root, negative)
        or _has_layout(root / _KAGGLE, negative)
        or any(_means_negative(f.name, negative) for f in children)
    ):
        return root
    inner = [folder for child in children for folder in _inside(child, negative, _DEPTH)]
    others = {f for f in classes_with_films(root) if not any(f in (i, *i.parents) for i in inner)}
    if len(inner) == 1 and not others:
        return inner[0]
    if inner and not any(split_of(folder.name) for folder in children):
        names = ", ".join(str(folder) for folder in inner)
        raise DataError(
            f"{root}: holds more than one data folder, or one beside other films",
            f"Name one of {names}.",
        )
    return root


def _inside(folder: Path, negative: str, depth: int) -> Iterator[Path]:
    """The data folders in a folder, or the folder itself if it is one."""
    if holds_masks(folder) or split_of(folder.name):
        return
    children = folders_in(folder)
    if _has_layout(folder, negative) or (
        len(children) > 1 and any(_means_negative(f.name, negative) for f in children)
    ):
        yield folder
    elif depth:
        for child in children:
            yield from _inside(child, negative, depth - 1)


def _means_negative(name: str, negative: str) -> bool:
    return is_negative(name) or (bool(negative) and plain_name(name) == plain_name(negative))


def _has_layout(folder: Path, negative: str = "") -> bool:
    """Whether a folder has a table or a train folder, so that its other folders are no classes."""
    if not folder.is_dir():
        return False
    if (
        (folder / MANIFEST).is_file()
        or _nih_table(folder, negative)
        or _rsna_table(folder, negative)
    ):
        return True
    train = _train_folder(folder)
    return bool((train and len(folders_in(train)) > 1) or _has_lists(folder))


def _has_lists(folder: Path) -> bool:
    """Whether a folder has the tables or lists of another public set than NIH's and RSNA's."""
    return bool(
        vindr.vindr_tables(folder)
        or split_tables.split_tables(folder)
        or covidx.covidx_lists(folder)
        or mimic.mimic_tables(folder)
        or medmnist.medmnist_table(folder)
    )


def _read(root: Path, negative: str) -> Listing:
    if root.is_file():
        return _read_table(root)
    if (root / MANIFEST).is_file():
        return read_manifest(root / MANIFEST)
    if file := _nih_table(root, negative) or _rsna_table(root, negative):
        return _beside_classes(_read_table(file), root, file)
    if files := vindr.vindr_tables(root):
        return vindr.read_vindr(files, root)
    if tables := split_tables.split_tables(root):
        return split_tables.read_split_tables(tables)
    if tables := mimic.mimic_tables(root):
        return mimic.read_mimic(tables, root)
    if lists := covidx.covidx_lists(root):
        return covidx.read_covidx(lists, root)
    if file := medmnist.medmnist_table(root):
        return medmnist.read_medmnist(file)
    for base in (root, root / _KAGGLE):
        if _train_folder(base):
            return _with_notice(read_split_folders(base, root), root, negative)
    if films := tuberculosis.tuberculosis_films(root):
        return tuberculosis.read_tuberculosis(films, root)
    if _may_be_listed(root, negative) and (listing := _listed(root)):
        return listing
    try:
        return _with_notice(read_class_folders(root, negative), root, negative)
    except DataError as error:
        if above := _folder_above(root):
            hint = f"Films of several classes are in {above}: name that folder."
            raise DataError(error.message, hint) from error
        raise


def _may_be_listed(root: Path, negative: str) -> bool:
    """Whether the folders in a folder are no classes, so that a table beside them has the labels."""
    folders = classes_with_films(root)
    if len(folders) < 2:
        return True
    if not are_parts(folders) or any(_means_negative(f.name, negative) for f in folders):
        return False
    names = {f.name for f in folders}
    tables = _film_tables(root)
    if not may_be_classes(names):
        return bool(tables)
    # Folders 0 to 4 are classes, unless a table tells the classes of the films in them. 0 and 1 are those of a binary
    # task, or the first two of PadChest.
    return any(_tells_classes(f) and (names != {"0", "1"} or _is_padchest(f)) for f in tables)


def _tells_classes(file: Path) -> bool:
    """Whether a table of films that are there is that of a public set, or calls a column label or labels.

    Columns of 1 and 0, and of results, may be about anything, such as the sex or a test.
    """
    try:
        listing = _read_table(file)
    except DataError:
        return False
    return any(entry.path.is_file() for entry in listing.entries) and (
        listing.layout != "manifest"
        or not {"label", "labels"}.isdisjoint(map(str.lower, read_header(file)))
    )


def _is_padchest(file: Path) -> bool:
    return {"ImageID", "Labels"} <= set(read_header(file))


def _with_notice(listing: Listing, root: Path, negative: str) -> Listing:
    """The films of folders, with a notice if there is a table of films, which is not used."""
    tables = _film_tables(root)
    if not tables or negative:
        return listing
    names = ", ".join(file.name for file in tables)
    notice = f"the labels are those of the folders, not of the table {names}"
    return replace(listing, warnings=(*listing.warnings, notice))


def _beside_classes(listing: Listing, root: Path, file: Path) -> Listing:
    """The films of a public set's table, with a notice if their folders may be classes, such as ``0`` to ``2``."""
    folders = [folder.name for folder in classes_with_films(root)]
    if len(folders) < 2 or not may_be_classes(folders):
        return listing
    notice = (
        f"the labels are those of the table {file.name}, not of the folders {', '.join(folders)}"
    )
    return replace(listing, warnings=(*listing.warnings, notice))


def _folder_above(root: Path) -> Path | None:
    """The folder above, or the one above that, if it is a data folder; else None."""
    for above in list(root.absolute().parents)[:2]:
        with suppress(PermissionError):  # another user's
            folders = folders_in(above)
            if _has_layout(above) or (
                len(folders) > 1 and any(is_negative(f.name) for f in folders)
            ):
                return above
    return None


def _listed(root: Path) -> Listing | None:
    """The films of the only table in a folder whose films are not sorted into classes.

    Raises:
        DataError: There are several tables, or only one in a format that is not read.
    """
    tables = _film_tables(root) or tables_in(root)
    if len(tables) > 1:
        names = ", ".join(str(file) for file in tables)
        raise DataError(f"{root}: holds several tables of films", f"Name one of {names}.")
    if tables:
        listing = _read_table(tables[0])
        taken = f"the labels are those of the table {tables[0].name}"
        return replace(listing, warnings=(*listing.warnings, taken))
    other = next(filter(is_other_table, sorted(root.iterdir())), None)
    if other and any(films_below(root)):
        raise DataError(
            f"{root}: its films are not in class folders, and {other.name} is no CSV table",
            f"If {other.name} has the labels, save it as CSV with the columns path and label.",
        )
    return None


def _film_tables(folder: Path) -> list[Path]:
    """The tables in a folder that have a column with the paths of films, or the columns of NIH's or RSNA's."""
    return [f for f in tables_in(folder) if has_films(f) or nih.is_nih(f) or rsna.is_rsna(f)]


def _read_table(file: Path) -> Listing:
    if nih.is_nih(file):
        return nih.read_nih(file)
    if file in (tables := mimic.mimic_tables(file.parent)).values():
        return mimic.read_mimic(tables, file.parent)
    if medmnist.is_medmnist(file):
        return medmnist.read_medmnist(file)
    if rsna.is_rsna(file):
        return rsna.read_rsna_set(file)
    if vindr.is_vindr(file):
        root = file.parent.parent if file.parent.name.lower() == "annotations" else file.parent
        return vindr.read_vindr([file], root)
    return read_manifest(file)


def _nih_table(folder: Path, negative: str) -> Path | None:
    tables = [file for file in tables_in(folder) if nih.is_nih(file)]
    tables.sort(key=lambda file: not file.name.startswith("Data_Entry"))
    return _of_set(tables, "Data_Entry_2017", negative)


def _rsna_table(folder: Path, negative: str) -> Path | None:
    tables = [file for file in reversed(tables_in(folder)) if rsna.is_rsna(file)]
    return _of_set(tables, "stage_", negative)


def _of_set(tables: Sequence[Path], official: str, negative: str) -> Path | None:
    """The first table with a set's official name; else the first one, unless others are the labels."""
    if named := next((file for file in tables if file.name.startswith(official)), None):
        return named
    return tables[0] if tables and not _are_labels(tables[0].parent, negative) else None


def _are_labels(folder: Path, negative: str) -> bool:
    """Whether another set's lists or names of films, or folders in the folder or in a data folder in it, are the labels."""
    train = _train_folder(folder)
    return (
        _has_lists(folder)
        or bool(tuberculosis.tuberculosis_films(folder))
        or (train is not None and len(classes_with_films(train)) > 1)
        or not _may_be_listed(folder, negative)
        or any(True for child in folders_in(folder) for _ in _inside(child, negative, _DEPTH))
    )


def _train_folder(folder: Path) -> Path | None:
    return next((f for f in folders_in(folder) if split_of(f.name) == "train"), None)
