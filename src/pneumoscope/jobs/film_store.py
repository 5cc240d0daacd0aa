"""The films behind the results: in memory for a while, and encrypted on the disk if the site keeps films."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from pneumoscope.files import make_folder, replacing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from pneumoscope.jobs.keys import Keys


class FilmStore:
    """Films by the id of their result. Safe to share between threads."""

    def __init__(
        self,
        memory_bytes: int,
        keys: Keys,
        folder: Path | None = None,
        report: Callable[[str], object] = lambda _film: None,
    ) -> None:
        """Makes an empty store, or opens the folder of an earlier run.

        Args:
            memory_bytes: Memory for films; the least recently used are dropped first.
            keys: Encrypt the films on the disk.
            folder: Where films are kept as long as their results; None to keep none.
            report: Called with the id of a film that was changed on the disk.
        """
        self._memory_bytes = memory_bytes
        self._keys = keys
        self._folder = folder
        self._report = report
        self._films: OrderedDict[str, bytes] = OrderedDict()
        self._used_bytes = 0
        self._lock = threading.Lock()
        if folder is not None:
            make_folder(folder, 0o700)

    def put(self, id_: str, film: bytes) -> None:
        """Holds a film in memory, and keeps it on the disk if the site keeps films.

        Raises:
            DiskFull: There is no space on the disk; the film is in memory nevertheless.
        """
        if len(film) <= self._memory_bytes:
            with self._lock:
                self._used_bytes += len(film) - len(self._films.pop(id_, b""))
                self._films[id_] = film
                while self._used_bytes > self._memory_bytes:
                    _, oldest = self._films.popitem(last=False)
                    self._used_bytes -= len(oldest)
        self.keep(id_, film)

    def keep(self, id_: str, film: bytes) -> None:
        """Writes a film to the disk, encrypted, if the site keeps films.

        Raises:
            DiskFull: There is no space.
        """
        path = self._path(id_)
        if path is not None and not path.exists():
            with replacing(path) as stream:
                stream.write(self._keys.seal(film, id_))

    def get(self, id_: str) -> bytes | None:
        """A film; None if it is neither in memory nor on the disk."""
        with self._lock:
            if (film := self._films.get(id_)) is not None:
                self._films.move_to_end(id_)
                return film
        path = self._path(id_)
        try:
            return None if path is None else self._keys.open(path.read_bytes(), id_)
        except FileNotFoundError:
            return None
        except ValueError:
            self._report(id_)
            return None

    def ids(self) -> set[str]:
        """Ids of the results whose films are in memory or on the disk."""
        with self._lock:
            ids = set(self._films)
        if self._folder is not None:
            ids |= {path.name for path in self._folder.iterdir() if len(path.name) == 32}
        return ids

    def remove_partial_files(self) -> None:
        """Deletes files that a killed process left half-written; call it while nothing is written."""
        if self._folder is not None:
            for part in self._folder.glob(".*.part"):
                part.unlink(missing_ok=True)

    def drop(self, ids: Iterable[str]) -> None:
        """Deletes films from memory and from the disk."""
        for id_ in ids:
            with self._lock:
                self._used_bytes -= len(self._films.pop(id_, b""))
            if (path := self._path(id_)) is not None:
                path.unlink(missing_ok=True)

    def _path(self, id_: str) -> Path | None:
        # Ids are made by the store, hexadecimal: nothing from a request becomes a path.
        return None if self._folder is None else self._folder / id_
