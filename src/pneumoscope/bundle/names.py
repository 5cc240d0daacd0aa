"""Bundles by name: those inside the package, and those in a reader's own folders."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from pneumoscope.bundle.meta import META
from pneumoscope.errors import BundleMissing, UnknownBundle

BUNDLES = Path(__file__).parents[1] / "bundles"
"""The folder of the bundles inside the package."""
DEFAULTS = ("children", "adults")
"""Names of the shipped bundles that read films if none is named: one for each population. Commands
that work on one bundle take the first."""
SHIPPED_SET = tuple(BUNDLES / name for name in DEFAULTS)
SHIPPED = SHIPPED_SET[0]
VARIABLE = "PNEUMOSCOPE_BUNDLES"
"""Environment variable: folders of bundles, separated as in ``PATH``. They come before the shipped
ones; folders that do not exist are passed over."""


@dataclass(frozen=True, slots=True)
class NamedBundle:
    """A bundle that can be given by its name.

    Attributes:
        name: Name of its folder.
        path: The folder.
        shipped: Whether it is part of the package.
    """

    name: str
    path: Path
    shipped: bool


def named_bundles() -> tuple[NamedBundle, ...]:
    """Every bundle that has a name, by name; of two with the same name the one that is used.

    Only the names are read: a bundle in the list may turn out to be damaged.
    """
    folders = [Path(folder) for folder in os.environ.get(VARIABLE, "").split(os.pathsep) if folder]
    bundles: dict[str, NamedBundle] = {}
    for folder in (*folders, BUNDLES):
        if not folder.is_dir():
            continue
        for path in folder.iterdir():
            if _holds_bundle(path):
                bundles.setdefault(path.name, NamedBundle(path.name, path, folder == BUNDLES))
    return tuple(bundles[name] for name in sorted(bundles))


def _holds_bundle(folder: Path) -> bool:
    try:
        return (folder / META).is_file()
    except OSError:  # not allowed to look into it, such as lost+found
        return False


def folder_of(bundle: str | os.PathLike[str]) -> Path:
    """The folder of a bundle that is given by name or by folder.

    A folder that is a bundle comes first, as it always did; ``./NAME`` is never a name.

    Raises:
        UnknownBundle: A name without a bundle.
        BundleMissing: A path without a folder.
    """
    given = os.fspath(bundle)
    folder = Path(given)
    if (folder / META).is_file():
        return folder
    if _is_name(given):
        known = {named.name: named.path for named in named_bundles()}
        if given in known:
            return known[given]
        if not folder.is_dir():
            raise UnknownBundle(given, tuple(known))
    if not folder.is_dir():
        raise BundleMissing(given)
    return folder


def _is_name(given: str) -> bool:
    separators = [separator for separator in (os.sep, os.altsep) if separator]
    return given not in ("", ".", "..") and not any(s in given for s in separators)
