"""A folder on a disk or on a network share."""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from pneumoscope import files, images
from pneumoscope.errors import ImageError, UsageError, restored
from pneumoscope.images.decoders import FILM_NAME
from pneumoscope.images.formats import HEAD_BYTES
from pneumoscope.watch.places import Place, PlaceFile, is_left_out

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_log = logging.getLogger(__name__)


class Folder(Place):
    """The files below a folder; links to folders are followed, but never in a circle."""

    atomic = False

    def __init__(self, root: Path, excluded: Sequence[Path] = ()) -> None:
        """Looks at nothing yet.

        Args:
            root: The folder.
            excluded: Folders whose files are never listed, such as that of the results.
        """
        self.root = root
        self.name = str(root)
        self.label = root.resolve().name or "root"
        self._excluded = [path.resolve() for path in excluded]
        self._reported: set[str] = set()

    def files(self, below: str = "") -> Iterator[PlaceFile]:
        """See `Place.files`; a folder that may not be read is reported once, in the log."""
        if not self.root.is_dir():
            raise UsageError(f"{self.root}: no such folder", "Is its disk or share connected?")
        start = self.root / below
        seen: set[tuple[int, int]] = set()
        for root, folders, names in os.walk(start, onerror=self._report, followlinks=True):
            at = Path(root)
            folders[:] = sorted(name for name in folders if self._is_searched(at / name, seen))
            for name in sorted(names):
                file = self.file((at / name).relative_to(self.root).as_posix())
                if file is not None:
                    yield file

    def _report(self, error: OSError) -> None:
        text = files.message(error)
        if text not in self._reported:
            self._reported.add(text)
            _log.warning("a folder is left out: %s", text)

    def _is_searched(self, folder: Path, seen: set[tuple[int, int]]) -> bool:
        if folder.name.startswith(".") or folder.resolve() in self._excluded:
            return False
        try:
            info = folder.stat()
        except OSError:
            return False
        key = (info.st_dev, info.st_ino)
        # Without numbers of files, as on some shares, a circle ends at the longest path.
        if info.st_ino and key in seen:
            return False
        seen.add(key)
        return True

    def file(self, path: str) -> PlaceFile | None:
        """See `Place.file`."""
        if is_left_out(path):
            return None
        try:
            info = (self.root / path).stat()
        except (OSError, ValueError):
            return None
        if not stat.S_ISREG(info.st_mode):
            return None
        return PlaceFile(path, info.st_size, f"{info.st_size}-{info.st_mtime_ns}")

    def head(self, path: str) -> bytes:
        """See `Place.head`."""
        try:
            with (self.root / path).open("rb") as stream:
                return stream.read(HEAD_BYTES)
        except OSError:
            return b""

    def read(self, path: str) -> bytes:
        """See `Place.read`."""
        return images.load_bytes(self.root / path, FILM_NAME)

    def archive_films(self, path: str) -> Iterator[tuple[str, bytes | ImageError]]:
        """See `Place.archive_films`."""
        return unpacked(self.root / path)

    def inner(self, path: str) -> str | None:
        """A path of the system as one below this folder; None if it is not listed here."""
        try:
            inside = Path(path).relative_to(self.root)
        except ValueError:
            return None
        at = self.root
        for part in inside.parts:
            at /= part
            if part.startswith(".") or at.resolve() in self._excluded:
                return None
        return inside.as_posix()


def unpacked(archive: Path) -> Iterator[tuple[str, bytes | ImageError]]:
    """The films of a ZIP archive, see `Place.archive_films`."""
    for source in images.find_films([archive]):
        path = os.fspath(source)
        try:
            yield path.removeprefix(str(archive)).lstrip("/"), images.load_bytes(source, FILM_NAME)
        except ImageError as error:
            words = error.message.replace(path, FILM_NAME)
            yield (
                path.removeprefix(str(archive)).lstrip("/"),
                restored(type(error), words, error.hint),
            )
