"""Finds films in folders, glob patterns, archives and DICOM media."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from pneumoscope.images.archives import films_in
from pneumoscope.images.foreign import foreign_kind, is_office_document
from pneumoscope.images.formats import HEAD_BYTES, has_film_ending, is_archive, sniff
from pneumoscope.images.media import (
    HEADER_BYTES,
    is_directory,
    is_directory_name,
    listed_films,
    other_object,
)
from pneumoscope.images.sources import ListedFilm, is_system_folder, special_kind

_log = logging.getLogger(__name__)

_MOST_COMPONENTS = 8
"""Of a File ID (PS3.10 8.2)."""
_FOREIGN_FILMS = ("picture", "codestream", "archive")
"""Words for kinds of files that may be or contain films, but cannot be read."""
_KIND_BYTES = 1024


def find_films(paths: Iterable[str | os.PathLike[str]]) -> Iterator[Path | ListedFilm]:
    """Expands folders, glob patterns, ZIP archives and DICOMDIRs to films.

    A folder gives the files below it, sorted, folder by folder, that have the ending of an image or a
    DICOM file, or whose first bytes say so; hidden files and folders are left out, and so are folders of a
    system, such as recycle bins. Linked folders are searched once. Pipes, sockets and devices are left out with a warning in the log, and so are pictures
    and archives of kinds that are not read, and objects without a picture below a DICOMDIR. An archive gives its members by the same rules, also
    an archive ``*.zip`` in a folder; a DICOMDIR gives the pictures that it lists. Whatever does not
    exist or cannot be opened is passed on, so that ``read`` reports it.

    Args:
        paths: Files, folders, and patterns with ``*``, ``?``, ``[]`` or ``**``.

    Yields:
        One path per film, or one source for ``read`` per film of an archive. A film that two
        arguments name comes twice.
    """
    import glob

    for given in paths:
        path = Path(given)
        if path.is_dir():
            yield from _films_below(path)
        elif not path.exists() and glob.has_magic(os.fspath(given)):
            matches = sorted(glob.glob(os.fspath(given), recursive=True))  # noqa: PTH207 (absolute)
            yield from _films_of(list(map(Path, matches)), deep="**" in os.fspath(given))
            if not matches:
                yield path
        else:
            yield from _opened(path)


def film_files(folder: Path) -> Iterator[Path]:
    """The films below a folder that are files there, see `find_films`; archives are not opened."""
    return (path for path in _files_below(folder) if not _is_zip(path))


def _films_of(matches: list[Path], *, deep: bool) -> Iterator[Path | ListedFilm]:
    """The films of what a pattern matches; ``deep`` if it lists what is below folders by itself."""
    for path in matches:
        if path.is_dir():
            if not deep:
                yield from _films_below(path)
        elif is_directory_name(path.name) and len(matches) > 1:
            continue  # its films match as well
        elif not deep or _is_wanted(path, _is_on_medium(path.parent)):
            yield from _opened(path)


def _films_below(folder: Path) -> Iterator[Path | ListedFilm]:
    others: list[Path] = []
    for path in _files_below(folder, others.append):
        if _is_zip(path):
            yield from films_in(path)
        else:
            yield path
    _warn_of_foreign_films(others)


def _warn_of_foreign_films(paths: Iterable[Path]) -> None:
    """Names the kinds of pictures and archives that are left out: they may be a part of the films."""
    kinds: dict[str, list[Path]] = {}
    for path in paths:
        kind, _ = foreign_kind(_head(path, _KIND_BYTES))
        if any(word in kind.partition(",")[0] for word in _FOREIGN_FILMS):
            kinds.setdefault(kind, []).append(path)
    for kind, files in kinds.items():
        more = f" ({len(files) - 1:,} more)" if len(files) > 1 else ""
        _log.warning("%r: %s, left out%s", str(files[0]), kind, more)


def _opened(path: Path) -> Iterator[Path | ListedFilm]:
    """The films of an archive or a DICOMDIR; any other file itself."""
    head = _head(path)
    if is_archive(head) and not is_office_document(head):
        yield from films_in(path)
    elif is_directory(head):
        yield from listed_films(path)
    else:
        yield path


def _files_below(
    folder: Path, pass_over: Callable[[Path], None] = lambda _path: None
) -> Iterator[Path]:
    """The films and the archives below a folder; ``pass_over`` is called with each other file."""
    root_folder = folder.resolve()
    followed: set[Path] = set()
    for root, folders, files in os.walk(folder, followlinks=True):
        folders[:] = sorted(
            name
            for name in folders
            if not is_system_folder(name) and _is_new(Path(root, name), root_folder, followed)
        )
        is_on_medium = any(map(is_directory_name, files)) or _is_on_medium(Path(root))
        for file in sorted(files):
            path = Path(root, file)
            if file.startswith("."):
                continue
            if _is_wanted(path, is_on_medium):
                yield path
            else:
                pass_over(path)


def _is_wanted(path: Path, is_on_medium: bool) -> bool:
    """Whether a file in a folder is an archive, a film, or something whose error is worth a report."""
    if not _is_regular(path):
        return False
    if not _looks_like_film(path):
        return _is_zip(path)
    return not (is_on_medium and other_object(_head(path), str(path)))


def _is_on_medium(folder: Path) -> bool:
    """Whether a folder is part of a DICOM medium: a DICOMDIR lies in it or above it."""
    above = (folder, *folder.absolute().parents)[:_MOST_COMPONENTS]
    return any((place / name).is_file() for place in above for name in ("DICOMDIR", "dicomdir"))


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
    if has_film_ending(path.name):
        return True  # broken ones too: their error is worth a report
    if is_directory_name(path.name):
        return False
    return sniff(_head(path, HEAD_BYTES)) is not None


def _is_zip(path: Path) -> bool:
    return path.suffix.lower() == ".zip" and is_archive(_head(path, HEAD_BYTES))


def _head(path: Path, size: int = HEADER_BYTES) -> bytes:
    """The first bytes of a file; none if it cannot be read, or is no file."""
    try:
        if special_kind(path.stat().st_mode):
            return b""
        with path.open("rb") as file:
            return file.read(size)
    except OSError:
        return b""
