"""MedMNIST (Yang et al., Scientific Data 2023): chest films of the size of a stamp, or of 224 pixels."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from pneumoscope.data.listing import Entry, Listing, one_hot
from pneumoscope.data.split_names import split_of
from pneumoscope.data.table_files import read_header, read_lines, tables_in
from pneumoscope.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path


class _Set(NamedTuple):
    """A set of chest films: its name in Python, and its classes or findings in the order of their columns."""

    title: str
    names: tuple[str, ...]


_SETS = {
    "pneumoniamnist": _Set("PneumoniaMNIST", ("normal", "pneumonia")),
    "chestmnist": _Set("ChestMNIST", (
        "atelectasis", "cardiomegaly", "effusion", "infiltration", "mass", "nodule", "pneumonia",
        "pneumothorax", "consolidation", "edema", "emphysema", "fibrosis", "pleural thickening", "hernia",
    )),
}  # fmt: skip
_SIZE = re.compile(r"_\d+$")  # of the pictures: "pneumoniamnist_224"


def medmnist_table(root: Path) -> Path | None:
    """The table that ``save`` of the package medmnist writes, such as ``pneumoniamnist_224.csv``; or None."""
    return next(filter(is_medmnist, tables_in(root)), None)


def is_medmnist(file: Path) -> bool:
    """Whether a table is called like those of the package medmnist, and begins with a split as they do."""
    return _key(file) in _SETS and any(map(split_of, read_header(file)[:1]))


def medmnist_archive(root: Path) -> Path | None:
    """A MedMNIST archive (``pneumoniamnist_224.npz``): the path itself, or a file in the folder; or None."""
    files = [root] if root.is_file() else sorted(root.glob("*.npz"))
    return next((f for f in files if f.suffix.lower() == ".npz" and _key(f) in _SETS), None)


def refuse_archive(file: Path) -> DataError:
    """The error for an archive, which contains arrays and no films."""
    title = _SETS[_key(file)].title
    return DataError(
        f"{file}: is an archive of MedMNIST, which has arrays in place of films",
        "Write its films first, for each of the splits train, val and test, in Python: "
        f"`import medmnist; medmnist.{title}(split='train', size=224).save('DIR')`. "
        "Then name the folder DIR.",
    )


def read_medmnist(file: Path) -> Listing:
    """Lists the films of a table without header: split, file, and class or findings of each film.

    Raises:
        DataError: A row has another form.
    """
    kinds = _SETS[_key(file)].names
    several = len(kinds) > 2
    entries = []
    for line, cells in read_lines(file):
        split = split_of(cells[0])
        labels = cells[2:]
        if split is None or len(labels) != (len(kinds) if several else 1) or {*labels} - {"0", "1"}:
            raise DataError(
                f"{file}, line {line}: is not 'split,file,{'findings' if several else 'class'}'",
                "Write the table again with the package medmnist.",
            )
        name = f"{file.stem}/{cells[1]}"
        entries.append(
            Entry(
                path=file.parent / name,
                name=name,
                values=tuple(map(float, labels))
                if several
                else one_hot(int(labels[0]), len(kinds)),
                patient=f"file/{name}",
                keyed=False,
                split=split,
            )
        )
    return Listing(
        layout="medmnist",
        findings=several,
        names=kinds,
        entries=tuple(entries),
        source=f"MedMNIST (Yang et al., Scientific Data 2023), {file.stem}",
        obeyed=True,
    )


def _key(file: Path) -> str:
    """The name of a file without the size of the pictures: ``pneumoniamnist`` for ``pneumoniamnist_224.csv``."""
    return _SIZE.sub("", file.stem.lower())
