"""MedMNIST (Yang et al., Scientific Data 2023): chest films of the size of a stamp, or of 224 pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.data.listing import Entry, Listing, one_hot
from pneumoscope.data.split_names import split_of
from pneumoscope.data.table_files import read_rows
from pneumoscope.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

_SETS = {"pneumoniamnist": ("normal", "pneumonia")}
"""Sets of films with one class each, and their classes."""


def medmnist_table(root: Path) -> Path | None:
    """The table that ``save`` of the package medmnist writes, such as ``pneumoniamnist.csv``; or None."""
    return next((f for name in _SETS if (f := root / f"{name}.csv").is_file()), None)


def medmnist_archive(root: Path) -> Path | None:
    """A MedMNIST archive (``pneumoniamnist_224.npz``): the path itself, or a file in the folder; or None."""
    if root.is_file():
        return root if root.suffix.lower() == ".npz" else None
    return next(iter(sorted(root.glob("*mnist*.npz"))), None)


def refuse_archive(file: Path) -> DataError:
    """The error for an archive, which contains arrays and no films."""
    name = file.stem.lower().partition("_")[0]
    return DataError(
        f"{file}: is an archive of MedMNIST, which has arrays in place of films",
        "Write its films first, for each of the splits train, val and test, in Python: "
        f"`import medmnist; medmnist.{_class_name(name)}(split='train', size=224).save('DIR')`. "
        "Then name the folder DIR.",
    )


def read_medmnist(file: Path) -> Listing:
    """Lists the films of a table without header: split, file and class of each film.

    Raises:
        DataError: A row has another form.
    """
    kinds = _SETS[file.stem]
    first, rows = read_rows(file)
    lines = [(1, first), *((row.line, [row[name] for name in first]) for row in rows)]
    entries = []
    for line, cells in lines:
        split = split_of(cells[0]) if len(cells) == 3 else None
        if split is None or cells[2] not in ("0", "1"):
            raise DataError(
                f"{file}, line {line}: is not 'split,file,class'",
                "Write the table again with the package medmnist.",
            )
        name = f"{file.stem}/{cells[1]}"
        entries.append(
            Entry(
                path=file.parent / name,
                name=name,
                values=one_hot(int(cells[2]), len(kinds)),
                patient=f"file/{name}",
                keyed=False,
                split=split,
            )
        )
    return Listing(
        layout="medmnist",
        findings=False,
        names=kinds,
        entries=tuple(entries),
        source=f"MedMNIST (Yang et al., Scientific Data 2023), {file.stem}",
        obeyed=True,
    )


def _class_name(name: str) -> str:
    return {"pneumoniamnist": "PneumoniaMNIST", "chestmnist": "ChestMNIST"}.get(
        name, "PneumoniaMNIST"
    )
