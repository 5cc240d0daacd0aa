"""Layouts in which the folders are the labels: Kermany's, train/val/test, classes only."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pneumoscope import images
from pneumoscope.data.listing import (
    KERMANY,
    LABELS,
    NO_SUBTYPE,
    Entry,
    Listing,
    negative_first,
    negative_of,
    one_hot,
)
from pneumoscope.data.sheet import shipped_sheet
from pneumoscope.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

SPLITS = {
    "train": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
}
"""Names of folders in lower case, and values of a manifest's column."""

SUBTYPES = {"bacteria": "bacterial", "virus": "viral"}
"""What the file names of the Kermany set call its kinds."""
# The same personN with another sub-type is another child, and so is the same IM-N with the
# NORMAL2 prefix (README of the Kermany set's patient keys).
_PNEUMONIA_KEY = re.compile(r"(person\d+)_(bacteria|virus)")
_NORMAL_KEY = re.compile(r"((?:NORMAL2-)?IM-\d+)")


def read_split_folders(base: Path, root: Path) -> Listing:
    """Lists ``base/train``, ``base/val`` and ``base/test`` with a folder per class each.

    Args:
        base: Folder with ``train`` in it.
        root: Data folder to which film names are relative: ``base`` or its parent.

    Raises:
        DataError: The train folder has no films.
    """
    splits = {
        folder: SPLITS[folder.name.lower()]
        for folder in _folders(base)
        if folder.name.lower() in SPLITS
    }
    train = next(f for f, split in splits.items() if split == "train")
    if is_kermany(train):
        return _kermany(splits, root, train)
    films: list[tuple[Path, str, str | None]] = [
        (path, kind.name, split)
        for folder, split in splits.items()
        for kind in _folders(folder)
        for path in films_of(kind)
    ]
    if not any(split == "train" for _, _, split in films):
        raise DataError(f"{train}: holds no class folders with films", "Add a folder per class.")
    return _listing(films, root, "split folders", f"train and test folders of {_name(root)}")


def read_class_folders(root: Path) -> Listing:
    """Lists a folder per class.

    Raises:
        DataError: No folder has films.
    """
    films: list[tuple[Path, str, str | None]] = [
        (path, kind.name, None) for kind in _folders(root) for path in films_of(kind)
    ]
    if not films:
        raise DataError(
            f"{root}: holds no training films in a layout that is known",
            "Known are a folder per class, train/ and val/ with a folder per class, a CSV manifest, "
            "NIH ChestX-ray14 and the Kaggle set chest-xray-pneumonia.",
        )
    if stray := {kind for _, kind, _ in films if kind.lower() in SPLITS}:
        raise DataError(
            f"{root}: holds {', '.join(sorted(stray))} but no train folder",
            "Call the folder of the training films train.",
        )
    return _listing(films, root, "class folders", f"class folders of {_name(root)}")


def films_of(folder: Path) -> list[Path]:
    """The films below a class folder, sorted; hidden files and other files are left out.

    Some sets keep masks beside the films. If a class folder has no files but a folder ``images``,
    only the films in that folder count.
    """
    inner = folder / "images"
    if inner.is_dir() and not any(p.is_file() and p.name[0] != "." for p in folder.iterdir()):
        folder = inner
    return list(images.find_films([folder]))


def is_kermany(train: Path) -> bool:
    """Whether a train folder has the Kermany set's classes and file names, and no other class."""
    pneumonia = train / "PNEUMONIA"
    return {f.name for f in _folders(train)} <= {"NORMAL", "PNEUMONIA"} and any(
        _PNEUMONIA_KEY.match(path.name)
        for path in (pneumonia.iterdir() if pneumonia.is_dir() else ())
    )


def kermany_label(name: str, folder: str) -> tuple[str, str, bool]:
    """Class and patient key of a Kermany film, and whether its name gave the key.

    Args:
        name: Name of the file.
        folder: ``"NORMAL"`` or ``"PNEUMONIA"``.
    """
    if folder == "NORMAL":
        key = _NORMAL_KEY.match(name)
        return LABELS[0], f"normal/{key[1] if key else f'file/{name}'}", key is not None
    key = _PNEUMONIA_KEY.match(name)
    if key is None:
        return NO_SUBTYPE, f"{NO_SUBTYPE}/file/{name}", False
    return SUBTYPES[key[2]], f"{key[2]}/{key[1]}", True


def _kermany(splits: dict[Path, str], root: Path, train: Path) -> Listing:
    for kind in ("NORMAL", "PNEUMONIA"):
        if not (train / kind).is_dir() or not films_of(train / kind):
            raise DataError(f"{train / kind}: holds no films", "Both classes are needed.")
    films = [
        (path, *kermany_label(path.name, kind), split)
        for folder, split in splits.items()
        for kind in ("NORMAL", "PNEUMONIA")
        if (folder / kind).is_dir()
        for path in films_of(folder / kind)
    ]
    names = (*LABELS, NO_SUBTYPE) if any(f[1] == NO_SUBTYPE for f in films) else LABELS
    entries = tuple(
        Entry(
            path=path,
            name=_relative(path, root),
            values=_values(label, names),
            patient=patient,
            keyed=keyed,
            split=split,
        )
        for path, label, patient, keyed, split in films
    )
    sheet = shipped_sheet("kermany")
    return Listing(
        layout=KERMANY,
        findings=False,
        names=names,
        entries=entries,
        source=sheet.source,
        sheet=sheet,
    )


def _listing(
    films: list[tuple[Path, str, str | None]], root: Path, layout: str, source: str
) -> Listing:
    names = negative_first(sorted({kind for _, kind, _ in films}))
    negative = negative_of(names)
    entries = []
    for path, kind, split in films:
        name = _relative(path, root)
        key = _borrowed_key(path.name, normal=kind == negative)
        entries.append(
            Entry(
                path=path,
                name=name,
                values=_values(kind, names),
                patient=key or f"file/{name}",
                keyed=key is not None,
                split=split,
            )
        )
    return Listing(
        layout=layout, findings=False, names=names, entries=tuple(entries), source=source
    )


def _borrowed_key(name: str, *, normal: bool) -> str | None:
    """Patient key of a Kermany film in a user's own folders, so that siblings stay together."""
    if match := _PNEUMONIA_KEY.match(name):
        return f"{match[2]}/{match[1]}"
    match = _NORMAL_KEY.match(name) if normal else None
    return f"normal/{match[1]}" if match else None


def _values(label: str, names: tuple[str, ...]) -> tuple[float | None, ...]:
    return one_hot(names.index(label), len(names))


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def _folders(parent: Path) -> list[Path]:
    if not parent.is_dir():
        return []
    return sorted(
        p for p in parent.iterdir() if p.is_dir() and p.name[0] != "." and p.name != "__MACOSX"
    )


def _name(root: Path) -> str:
    return root.resolve().name
