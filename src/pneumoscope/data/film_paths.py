"""Where the films of a table are: paths of Windows, paths of another computer, and names alone."""

from __future__ import annotations

import re
from itertools import takewhile
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING
from unicodedata import normalize
from urllib.parse import unquote

from pneumoscope.data.film_files import films_below, stem_of

if TYPE_CHECKING:
    from pathlib import Path


_NUMBER = re.compile(r"(\d{1,15})(?:\.0)?", re.ASCII)


class FilmPaths:
    """Finds the files that the cells of a table name, relative to a folder.

    A path with backslashes is one of Windows. An absolute path that does not exist here, such as
    ``C:\\data\\films\\1.png``, is looked for by its end below the folder. So are all paths if the
    first film of the table is not where its path says. With ``search``, the ends of their paths then
    suffice, if one film below the folder has the longest such end; the least is the name, also without
    its ending, with another one (``1.dcm`` for ``1.png``), in other capitals, or as in a URL (``a%20b.png``),
    and of numbers without the zeros before them, which spreadsheets drop (``7`` or ``7.0`` for ``0007.png``).

    Args:
        base: The folder.
        first: Path of the first film, as the table has it.
        search: Whether to look for names, which lists all films below the folder.

    Attributes:
        misplaced: Whether the first film is not where its path says.
        found_by_name: Number of films that were found by the ends of their paths.
    """

    def __init__(self, base: Path, first: str, *, search: bool = False) -> None:
        self._base = base
        self._dropped = 0
        self._search = search
        self._places: dict[str, list[PurePosixPath]] = {}
        self.found_by_name = 0
        self.misplaced = not exists(base / _posix(first))

    def name_of(self, text: str) -> str:
        """The path relative to the folder, with ``/``; as the table has it if there is no such file."""
        if "\\" not in text and not self.misplaced and not _is_foreign(PurePosixPath(text)):
            return PurePosixPath(text).as_posix()  # without looking at the disk
        if exists(self._base / text):
            return PurePosixPath(text).as_posix()
        path = _posix(text)
        # The same number of leading parts as before is tried first: tables are uniform.
        for start in (self._dropped, *range(len(path.parts))):
            end = PurePosixPath(*path.parts[start:])
            if end.parts and not _is_foreign(end) and exists(self._base / end):
                self._dropped = start
                return end.as_posix()
        if self._search and self.misplaced and (place := self._place_of(path)):
            self.found_by_name += 1
            return place.as_posix()
        return path.as_posix()

    def _place_of(self, path: PurePosixPath) -> PurePosixPath | None:
        """The film below the folder whose path has the longest common end; None if there are several."""
        if not self._places:
            for film in films_below(self._base):
                place = PurePosixPath(film.relative_to(self._base).as_posix())
                for known in {place.name, *_plain_stems(place.name)}:
                    self._places.setdefault(known, []).append(place)
        for name in (path.name, *_plain_stems(path.name)):
            places = self._places.get(name, [])
            common = [_common_end(place.parent, path.parent) for place in places]
            best = [p for p, n in zip(places, common, strict=True) if n == max(common)]
            if best:
                return best[0] if len(best) == 1 else None
        return None


def _plain_stems(name: str) -> list[str]:
    """A name without ending and capitals; of a number, it follows without zeros."""
    stem = _plain_stem(name)
    return [stem, f"#{int(number[1])}"] if (number := _NUMBER.fullmatch(stem)) else [stem]


def _plain_stem(name: str) -> str:
    """A name without ending and capitals, as it is before it becomes a part of a URL, and with ä as one character.

    macOS writes ä as two.
    """
    return stem_of(normalize("NFC", unquote(name))).casefold()


def _common_end(a: PurePosixPath, b: PurePosixPath) -> int:
    """Number of last parts that two paths have in common."""
    pairs = zip(reversed(a.parts), reversed(b.parts), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _posix(text: str) -> PurePosixPath:
    return PurePosixPath(PureWindowsPath(text).as_posix() if "\\" in text else text)


def _is_foreign(path: PurePosixPath) -> bool:
    """Whether the path begins with a root or with a drive of Windows."""
    return path.is_absolute() or (bool(path.parts) and path.parts[0][1:2] == ":")


def exists(path: Path) -> bool:
    """Whether there is such a file; False for names that no disk takes."""
    try:
        return path.exists()
    except OSError:  # the name is too long, for example
        return False
