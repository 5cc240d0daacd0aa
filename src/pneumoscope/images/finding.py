"""Finds films in folders and glob patterns."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from pneumoscope.images.formats import sniff

_ENDINGS = frozenset(
    (
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".tif", ".tiff", ".bmp", ".dib", ".webp"),
        *(".dcm", ".dicom", ".dic", ".ima"),
    )
)


def find_films(paths: Iterable[str | os.PathLike[str]]) -> Iterator[Path]:
    """Expands folders and glob patterns to films.

    A folder gives the files below it, sorted, folder by folder, that have the ending of an image or a
    DICOM file, or whose first bytes say so; hidden files and folders are left out. Whatever does not
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
                elif "**" not in os.fspath(given) or _looks_like_film(hit):
                    yield hit
            if not matches:
                yield path
        else:
            yield path


def _films_below(folder: Path) -> Iterator[Path]:
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        for file in sorted(files):
            path = Path(root, file)
            if not file.startswith(".") and _looks_like_film(path):
                yield path


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
