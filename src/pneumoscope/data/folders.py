"""Layouts in which the folders are the labels: Kermany's, train/val/test, classes only."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from pneumoscope.data.class_names import negative_first, negative_of, plain_name
from pneumoscope.data.film_files import films_below, folders_in, holds_masks, masks_below
from pneumoscope.data.listing import KERMANY, LABELS, NO_SUBTYPE, Entry, Listing, one_hot
from pneumoscope.data.sheet import shipped_sheet
from pneumoscope.data.split_names import split_of
from pneumoscope.data.table_files import tables_in
from pneumoscope.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from pathlib import Path

SUBTYPES = {"bacteria": "bacterial", "virus": "viral"}
"""What the file names of the Kermany set call its kinds."""
# The same personN with another sub-type is another child, and so is the same IM-N with the
# NORMAL2 prefix (README of the Kermany set's patient keys).
_PNEUMONIA_KEY = re.compile(r"(person\d+)_(bacteria|virus)")
_NORMAL_KEY = re.compile(r"((?:NORMAL2-)?IM-\d+)")
# "BACTERIA-1008087-0001" and "NORMAL-1049278-0001" in version 3 of the set: the number is the patient's.
_VERSION_3 = re.compile(r"(NORMAL|BACTERIA|VIRUS)-(\d+)-\d+")
# Folders of patients, studies or archives: "patient00001", "p10", "images_001", "00012", "sub-S03582" of BIDS.
_IDENTIFIER = re.compile(
    r"(patient|subject|person|case|study|series|images?|batch|part|id|p|s)?[\s_\-]*\d{2,}|sub-\w*\d+",
    re.IGNORECASE,
)
_IMAGES = re.compile(r"ima?ge?s?", re.IGNORECASE)
_NUMBER = re.compile(r"\d+")
_WORD = re.compile(r"[^\W\d_]+")
_HEAP = {
    "image", "images", "img", "imgs", "film", "films", "picture", "pictures", "xray", "xrays", "x", "ray", "rays", "cxr",
    "chest", "set", "data", "dataset", "part", "parts", "split", "stage", "batch", "folder", "files",
    "png", "jpg", "jpeg", "dicom", "dcm", "final", "resized",
}  # fmt: skip
"""Words beside that of a split which name no class: ``stage_2_train_images``."""
_OUTPUTS = {
    "plots", "figures", "results", "outputs", "output", "models", "checkpoints", "logs", "runs", "evidence", "assets", "docs",
    "notebooks", "screenshots",
}  # fmt: skip
"""Folders that programs and people put beside class folders, and which may contain pictures."""
_MOST_SMALL, _FEW = 5, 3
"""More folders than this with so few films each are patients or studies, not classes."""


def read_split_folders(base: Path, root: Path) -> Listing:
    """Lists ``base/train``, ``base/val`` and ``base/test`` with a folder per class each.

    Args:
        base: Folder with ``train`` in it.
        root: Data folder to which film names are relative: ``base`` or its parent.

    Raises:
        DataError: The train folder has no films.
    """
    splits = {
        folder: split for folder in folders_in(base) if (split := split_of(folder.name)) is not None
    }
    train = next(f for f, split in splits.items() if split == "train")
    if is_kermany(train):
        return _kermany(splits, root, train)
    kinds = [(kind, split) for folder, split in splits.items() for kind in _classes_in(folder)]
    films: list[tuple[Path, str, str | None]] = [
        (path, kind.name, split) for kind, split in kinds for path in films_of(kind)
    ]
    if not any(split == "train" for _, _, split in films):
        table = next(iter(tables_in(train)), None)
        raise DataError(
            f"{train}: holds no class folders with films",
            f"If {table} has the labels, give it in place of the folder." if table
            else "Add a folder per class.",
        )  # fmt: skip
    others = [f for f in folders_in(base) if f not in splits and any(map(films_of, _classes_in(f)))]
    unused = ", ".join(folder.name for folder in others)
    return _listing(
        films,
        root,
        "split folders",
        f"train and test folders of {_name(root)}",
        (
            *_beside_films([kind for kind, _ in kinds], len(films)),
            *([f"folders of films that are not used: {unused}"] if unused else []),
        ),
    )


def read_class_folders(root: Path, negative: str = "") -> Listing:
    """Lists a folder per class, which may contain folders ``train``, ``val`` and ``test``.

    Args:
        root: Folder of the class folders.
        negative: What the negative class is said to be, whatever its name says; ``""`` for nothing.

    Raises:
        DataError: No folder has films, or the folders are no classes.
    """
    kinds = _classes_in(root)
    said = plain_name(negative)
    others = [kind for kind in kinds if kind.name.lower() in _OUTPUTS - {said}]
    outputs = [kind for kind in others if films_of(kind)]
    if outputs and len(kinds) - len(outputs) > 1:
        kinds = [kind for kind in kinds if kind not in outputs]
    else:
        outputs = []
    films: list[tuple[Path, str, str | None]] = [
        (path, kind.name, None) for kind in kinds for path in films_of(kind)
    ]
    if not films and (parquet := next(root.rglob("*.parquet"), None)):
        raise DataError(
            f"{root}: holds no films, but {_relative(parquet, root)}",
            "Write the films that it contains as files, in a folder per class.",
        )
    if not films:
        raise DataError(
            f"{root}: holds no training films in a layout that is known",
            "Known are a folder per class, train/ and val/ with a folder per class, a CSV manifest, "
            "and the public sets that docs/how-to/data.md lists.",
        )
    if stray := {kind for _, kind, _ in films if split_of(kind)}:
        raise DataError(
            f"{root}: holds {', '.join(sorted(stray))} but no train folder",
            "Call the folder of the training films train, or move films without labels elsewhere.",
        )
    beside = _beside_films(kinds, len(films))
    if outputs:
        names = ", ".join(folder.name for folder in outputs)
        beside += (f"folders that are no classes by their names, left out: {names}",)
    split = [(path, kind, _split_in_class(path, root)) for path, kind, _ in films]
    splits = {name for _, _, name in split}
    if {"train"} < splits - {None}:
        if None in splits:
            outside = next(path for path, _, name in split if name is None)
            raise DataError(
                f"{root}: some of its class folders have folders for training and testing, but not for all films",
                f"Put {_relative(outside, root)} and others into such folders, or rename those.",
            )
        source = f"train and test folders in the class folders of {_name(root)}"
        return _listing(split, root, "split folders", source, beside)
    return _listing(films, root, "class folders", f"class folders of {_name(root)}", beside)


def _beside_films(kinds: Sequence[Path], used: int) -> tuple[str, ...]:
    """The warning of pictures in class folders that `films_of` leaves out, besides masks."""
    others = sum(1 for kind in kinds for _ in films_below(kind)) - used
    return (f"pictures beside folders of images, left out: {others:,}",) if others else ()


def _split_in_class(film: Path, root: Path) -> str | None:
    """The split of a film in ``root/CLASS/train`` or the like."""
    folders = film.relative_to(root).parts[1:-1]
    return split_of(folders[0]) if folders else None


def classes_with_films(root: Path) -> list[Path]:
    """The folders in a folder that contain films, sorted."""
    return [folder for folder in _classes_in(root) if any(films_below(folder))]


def are_parts(folders: Sequence[Path]) -> bool:
    """Whether folders may be parts of one heap of films by their names: ``images_001`` and ``images_002``, ``0`` to ``54``."""
    return all(_NUMBER.fullmatch(f.name) or _is_part(f.name) for f in folders)


def may_be_classes(names: Collection[str]) -> bool:
    """Whether folders may be classes by their names: they are not all parts, and few look like patients."""
    parts = [name for name in names if _is_part(name) and not _NUMBER.fullmatch(name)]
    return len(_identifiers(names)) <= 2 and not len(parts) == len(names) > 1


def _is_part(name: str) -> bool:
    """Whether a folder is a patient, a part of an archive or a split by its name: ``p10``, ``train_images``.

    Folders such as ``train_normal`` and ``Test_Positive`` have the name of a class in theirs.
    """
    words = [word.lower() for word in _WORD.findall(name)]
    return bool(_IDENTIFIER.fullmatch(name)) or (
        any(map(split_of, words)) and all(split_of(word) or word in _HEAP for word in words)
    )


def _identifiers(names: Iterable[str]) -> list[str]:
    return [name for name in names if _IDENTIFIER.fullmatch(name)]


def films_of(folder: Path) -> list[Path]:
    """The films below a class folder, sorted; masks, hidden files and other files are left out.

    Some sets keep masks beside the films. If a class folder has a folder such as ``images``, and no films
    beside it, only the films in that folder count.
    """
    inner = next((f for f in folders_in(folder) if _IMAGES.fullmatch(f.name)), None)
    films = list(films_below(folder))
    if inner is not None and not any(path.parent == folder for path in films):
        return [path for path in films if inner in path.parents]
    return films


def is_kermany(train: Path) -> bool:
    """Whether a train folder has the Kermany set's classes and file names, and no other class."""
    pneumonia = train / "PNEUMONIA"
    return {f.name for f in folders_in(train)} <= {"NORMAL", "PNEUMONIA"} and any(
        _kind_and_key(path.name) for path in (pneumonia.iterdir() if pneumonia.is_dir() else ())
    )


def kermany_label(name: str, folder: str) -> tuple[str, str, bool]:
    """Class and patient key of a Kermany film, and whether its name gave the key.

    Args:
        name: Name of the file.
        folder: ``"NORMAL"`` or ``"PNEUMONIA"``.
    """
    if folder == "NORMAL":
        key = _normal_key(name)
        return LABELS[0], key or f"normal/file/{name}", key is not None
    kind = _kind_and_key(name)
    if kind is None:
        return NO_SUBTYPE, f"{NO_SUBTYPE}/file/{name}", False
    return SUBTYPES[kind[0]], kind[1], True


def _kind_and_key(name: str) -> tuple[str, str] | None:
    """``"bacteria"`` or ``"virus"``, and the patient key, of a film with pneumonia; None for other names."""
    if match := _PNEUMONIA_KEY.match(name):
        return match[2], f"{match[2]}/{match[1]}"
    if (match := _VERSION_3.match(name)) and match[1] != "NORMAL":
        return match[1].lower(), f"patient/{match[2]}"
    return None


def _normal_key(name: str) -> str | None:
    """The patient key of a healthy film; None for other names."""
    if match := _NORMAL_KEY.match(name):
        return f"normal/{match[1]}"
    match = _VERSION_3.match(name)
    return f"patient/{match[2]}" if match else None


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
    films: list[tuple[Path, str, str | None]],
    root: Path,
    layout: str,
    source: str,
    warnings: tuple[str, ...] = (),
) -> Listing:
    names = negative_first(sorted({kind for _, kind, _ in films}))
    _check_classes(root, Counter(kind for _, kind, _ in films))
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
    if masks := masks_below(root):
        warnings += (f"pictures that are masks by their names, left out: {masks:,}",)
    return Listing(
        layout=layout,
        findings=False,
        names=names,
        entries=tuple(entries),
        source=source,
        warnings=warnings,
    )


def _check_classes(root: Path, films: Mapping[str, int]) -> None:
    """Refuses folders that are patients, studies or parts of an archive rather than classes.

    Args:
        root: The data folder.
        films: Name of a folder to the number of its films.
    """
    are_small = len(films) > _MOST_SMALL and max(films.values()) <= _FEW
    if are_small or not may_be_classes(films):
        names = _identifiers(films)
        names = sorted(films) if are_small or len(names) < 3 else names
        shown = ", ".join(names[:3]) + (" and others" if len(names) > 3 else "")
        raise DataError(
            f"{root}: its folders are no classes ({shown} look like patients or parts of an archive)",
            "Give the table with the labels, or a manifest with a row per film (docs/how-to/data.md).",
        )


def _borrowed_key(name: str, *, normal: bool) -> str | None:
    """Patient key of a Kermany film in a user's own folders, so that siblings stay together."""
    if kind := _kind_and_key(name):
        return kind[1]
    return _normal_key(name) if normal else None


def _values(label: str, names: tuple[str, ...]) -> tuple[float | None, ...]:
    return one_hot(names.index(label), len(names))


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def _classes_in(parent: Path) -> list[Path]:
    """The folders of classes; a link to another one of them is no class of its own."""
    folders = [folder for folder in folders_in(parent) if not holds_masks(folder)]
    real = {folder.resolve() for folder in folders if not folder.is_symlink()}
    return [folder for folder in folders if not folder.is_symlink() or folder.resolve() not in real]


def _name(root: Path) -> str:
    return root.resolve().name
