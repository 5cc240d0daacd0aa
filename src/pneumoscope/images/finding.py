"""Finds films in folders and glob patterns."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from pneumoscope.images.formats import sniff
from pneumoscope.images.sources import special_kind

_log = logging.getLogger(__name__)

_ENDINGS = frozenset(
    (
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".tif", ".tiff", ".bmp", ".dib", ".webp"),
        *(".dcm", ".dicom", ".dic", ".ima"),
    )
)


def find_films(paths: Iterable[str | os.PathLike[str]]) -> Iterator[Path]:
    """Expands folders and glob patterns to films.

    A folder gives the files below it, sorted, folder by folder, that have the ending of an image or a
    DICOM file, or whose first bytes say so; hidden files and folders are left out. Linked folders are
    searched once. Pipes, sockets and devices are left out with a warning in the log. Whatever does not
    exist is passed on, so that ``read`` reports it.

    Args:
        paths: Files, folders, and patterns with ``*``, ``?``, ``[]`` or ``**``.

    Yields:
        One path per film. A film that two arguments name comes twice.
    """
    import glob

    for given in paths:
        path = Path(given)
        if path.is_dir():
            yield from _films_below(path)
        elif not path.exists() and glob.has_magic(os.fspath(given)):
            matches = sorted(glob.glob(os.fspath(given), recursive=True))  # noqa: PTH207 (absolute)
            for hit in map(Path, matches):
                if hit.is_dir():  # what ``**`` lists below it comes by itself
                    if "**" not in os.fspath(given):
                        yield from _films_below(hit)
                elif "**" not in os.fspath(given) or (_is_regular(hit) and _looks_like_film(hit)):
                    yield hit
            if not matches:
                yield path
        else:
            yield path


def _films_below(folder: Path) -> Iterator[Path]:
    root_folder = folder.resolve()
    followed: set[Path] = set()
    for root, folders, files in os.walk(folder, followlinks=True):
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and _is_new(Path(root, name), root_folder, followed)
        )
        for file in sorted(files):
            path = Path(root, file)
            if not file.startswith(".") and _is_regular(path) and _looks_like_film(path):
                yield path


def _is_new(folder: Path, root: Path, followed: set[Path]) -> bool:
    """Whether a folder is to be searched: a linked one only once, and never in a circle."""
    if not folder.is_symlink():
        return True
    target = folder.resolve()
    known = (root, *followed)
    # What a link leads to may lie below the searched folders, or these below it.
    if any(target.is_relative_to(other) or other.is_relative_to(target) for other in known):
        _log.warning("%r: a link to a folder that is searched anyway, left out", str(folder))
        return False
    followed.add(target)
    return True


def _is_regular(path: Path) -> bool:
    """Whether a path is a file; whatever else can wait for ever when it is opened."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return True  # a broken link: the reader reports it if it looks like a film
    kind = special_kind(mode)
    if kind:
        _log.warning("%r: %s, left out", str(path), kind)
    return not kind


def _looks_like_film(path: Path) -> bool:
    if path.suffix.lower() in _ENDINGS:
        return True  # broken ones too: their error is worth a report
    if path.name.upper() == "DICOMDIR":  # PS3.10 8.6: an index, not a film
        return False
    try:
        with path.open("rb") as file:
            return sniff(file.read(260)) is not None
    except OSError:
        return False
