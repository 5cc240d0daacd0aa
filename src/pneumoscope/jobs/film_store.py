"""The films behind the results: in memory for a while, and sealed on the disk if the site wants that."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from pneumoscope.files import replacing

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pneumoscope.jobs.keys import Keys


class Shelf:
    """Films by the id of their result. Safe to share between threads."""

    def __init__(self, held_bytes: int, keys: Keys, folder: Path | None = None) -> None:
        """Makes an empty shelf, or opens that of an earlier run.

        Args:
            held_bytes: Memory for films; the oldest go first.
            keys: Seal what goes to the disk.
            folder: Where films are kept as long as their results; None to keep none.
        """
        self._held_bytes = held_bytes
        self._keys = keys
        self._folder = folder
        self._films: OrderedDict[str, bytes] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    @property
    def keeps(self) -> bool:
        """Whether films outlive the process."""
        return self._folder is not None

    def put(self, id_: str, film: bytes) -> None:
        """Holds a film.

        Raises:
            DiskFull: It is to be kept, and there is no room; in memory it is held all the same.
        """
        if len(film) <= self._held_bytes:
            with self._lock:
                self._bytes += len(film) - len(self._films.pop(id_, b""))
                self._films[id_] = film
                while self._bytes > self._held_bytes:
                    _, oldest = self._films.popitem(last=False)
                    self._bytes -= len(oldest)
        self.keep(id_, film)

    def keep(self, id_: str, film: bytes) -> None:
        """Writes a film to the disk, sealed, where the site wants that."""
        path = self._path(id_)
        if path is not None and not path.exists():
            with replacing(path) as stream:
                stream.write(self._keys.seal(film, id_))

    def get(self, id_: str) -> bytes | None:
        """A film, or None if it is no longer held."""
        with self._lock:
            if (film := self._films.get(id_)) is not None:
                self._films.move_to_end(id_)
                return film
        path = self._path(id_)
        try:
            return None if path is None else self._keys.open(path.read_bytes(), id_)
        except (FileNotFoundError, ValueError):
            return None

    def ids(self) -> set[str]:
        """Of which results films are held, in memory or on the disk."""
        with self._lock:
            held = set(self._films)
        if self._folder is not None:
            held |= {path.name for path in self._folder.iterdir() if len(path.name) == 32}
        return held

    def tidy(self) -> None:
        """Deletes what a kill left half-written; only while nobody else writes."""
        if self._folder is not None:
            for part in self._folder.glob(".*.part"):
                part.unlink(missing_ok=True)

    def drop(self, ids: Iterable[str]) -> None:
        """Forgets films, on the disk too."""
        for id_ in ids:
            with self._lock:
                self._bytes -= len(self._films.pop(id_, b""))
            if (path := self._path(id_)) is not None:
                path.unlink(missing_ok=True)

    def _path(self, id_: str) -> Path | None:
        # Ids are the store's own, hexadecimal: nothing a request says becomes a path.
        return None if self._folder is None else self._folder / id_
