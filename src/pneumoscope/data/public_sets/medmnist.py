"""MedMNIST (Yang et al., Scientific Data 2023): chest films of the size of a stamp, or of 224 pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.data.listing import Entry, Listing, one_hot
from pneumoscope.data.split_names import split_of
from pneumoscope.data.table_files import read_lines
from pneumoscope.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

_SETS = {
    "pneumoniamnist": ("normal", "pneumonia"),
    "chestmnist": (
        "atelectasis", "cardiomegaly", "effusion", "infiltration", "mass", "nodule", "pneumonia",
        "pneumothorax", "consolidation", "edema", "emphysema", "fibrosis", "pleural thickening", "hernia",
    ),
}  # fmt: skip
"""Sets of chest films: the classes of the first, the findings of the second, in the order of their columns."""


def medmnist_table(root: Path) -> Path | None:
    """The table that ``save`` of the package medmnist writes, such as ``pneumoniamnist_224.csv``; or None."""
    return next(filter(is_medmnist, sorted(root.glob("*mnist*.csv"))), None)


def is_medmnist(file: Path) -> bool:
    """Whether a table is called like those of the package medmnist."""
    return file.is_file() and _set_of(file) in _SETS


def medmnist_archive(root: Path) -> Path | None:
    """A MedMNIST archive (``pneumoniamnist_224.npz``): the path itself, or a file in the folder; or None."""
    if root.is_file():
        return root if root.suffix.lower() == ".npz" else None
    return next(iter(sorted(root.glob("*mnist*.npz"))), None)


def refuse_archive(file: Path) -> DataError:
    """The error for an archive, which contains arrays and no films."""
    name = _set_of(file)
    return DataError(
        f"{file}: is an archive of MedMNIST, which has arrays in place of films",
        "Write its films first, for each of the splits train, val and test, in Python: "
        f"`import medmnist; medmnist.{_class_name(name)}(split='train', size=224).save('DIR')`. "
        "Then name the folder DIR.",
    )


def read_medmnist(file: Path) -> Listing:
    """Lists the films of a table without header: split, file, and class or findings of each film.

    Raises:
        DataError: A row has another form.
    """
    kinds = _SETS[_set_of(file)]
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


def _set_of(file: Path) -> str:
    """Name of the set: ``pneumoniamnist`` for ``pneumoniamnist_224.csv``."""
    return file.stem.lower().partition("_")[0]


def _class_name(name: str) -> str:
    return {"pneumoniamnist": "PneumoniaMNIST", "chestmnist": "ChestMNIST"}.get(
        name, "PneumoniaMNIST"
    )
