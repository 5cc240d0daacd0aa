"""Where a batch keeps its files: a folder on this machine, or a prefix of an object store."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol

from pneumoscope import buckets
from pneumoscope.errors import UsageError
from pneumoscope.files import make_folder, replacing, take_lock

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOCK = ".lock"


class Place(Protocol):
    """A folder whose files are written completely or not at all."""

    name: str

    def files(self) -> dict[str, str]:
        """Name of each file to a text that changes with its content."""
        ...

    def stamp(self, name: str) -> str:
        """The same text for one file."""
        ...

    def open(self, name: str) -> IO[bytes]:
        """A file for reading.

        Raises:
            FileNotFoundError: There is none of this name.
        """
        ...

    def write(self, name: str, data: bytes) -> None:
        """Writes a file in one step, in place of one of this name."""
        ...

    @contextmanager
    def locked(self) -> Iterator[Path]:
        """Nobody else may write here; gives a local folder for the index.

        Raises:
            UsageError: Another run writes here.
        """
        ...


def place_of(target: str) -> Place:
    """The place that ``--out`` names.

    Raises:
        UsageError: It is a file, or an object store that cannot be used.
    """
    if buckets.is_url(target):
        return Bucket(target)
    return Folder(Path(buckets.plain_path(target)))


def check_apart(source: str, target: str) -> None:
    """Refuses to write beside the films, whose own files may have the names of a batch's.

    Args:
        source: See `listing.Listing`.
        target: What ``--out`` names.

    Raises:
        UsageError: Both are one folder or one prefix of an object store.
    """
    same = source.rstrip("/") == target.rstrip("/")
    if not (buckets.is_url(source) or buckets.is_url(target)):
        folders = (Path(buckets.plain_path(each)).resolve() for each in (source, target))
        same = len(set(folders)) == 1
    if same:
        raise UsageError(f"{target}: holds the films", "Name another folder with --out.")


class Folder:
    """A folder on this machine.

    Attributes:
        name: Its path, for people.
    """

    def __init__(self, path: Path) -> None:
        if path.exists() and not path.is_dir():
            raise UsageError(f"{path}: is a file", "Name a folder with --out.")
        self._path = path
        self.name = str(path)

    def files(self) -> dict[str, str]:
        """See `Place.files`."""
        if not self._path.is_dir():
            return {}
        with os.scandir(self._path) as entries:
            infos = {entry.name: entry.stat() for entry in entries if entry.is_file()}
        return {name: _stamp(info) for name, info in infos.items()}

    def stamp(self, name: str) -> str:
        """See `Place.stamp`."""
        return _stamp((self._path / name).stat())

    def open(self, name: str) -> IO[bytes]:
        """See `Place.open`."""
        return (self._path / name).open("rb")

    def write(self, name: str, data: bytes) -> None:
        """See `Place.write`.

        Raises:
            DiskFull: The disk is full.
        """
        make_folder(self._path)
        with replacing(self._path / name) as stream:
            stream.write(data)

    @contextmanager
    def locked(self) -> Iterator[Path]:
        """See `Place.locked`; also removes what a killed run left half-written."""
        make_folder(self._path)
        lock = os.open(self._path / _LOCK, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            if not take_lock(lock):
                raise UsageError(
                    f"{self._path}: another run is writing here",
                    "Wait for it, or name another folder with --out.",
                )
            for part in self._path.glob(".*.part"):
                part.unlink(missing_ok=True)
            yield self._path
        finally:
            os.close(lock)


def _stamp(info: os.stat_result) -> str:
    return f"{info.st_size}-{info.st_mtime_ns}"


class Bucket:
    """Everything directly below a URL. An object store shows an object when it is complete.

    Attributes:
        name: The URL.
    """

    def __init__(self, url: str) -> None:
        self.name = url.rstrip("/")
        self._system, self._root = buckets.file_system(self.name)

    def files(self) -> dict[str, str]:
        """See `Place.files`."""
        try:
            entries = self._system.ls(self._root, detail=True)
        except FileNotFoundError:
            return {}
        except Exception as error:
            raise buckets.not_listed(self.name, error) from error
        return {
            str(entry["name"]).rpartition("/")[2]: buckets.stamp_of(entry)
            for entry in entries
            if entry["type"] == "file"
        }

    def stamp(self, name: str) -> str:
        """See `Place.stamp`."""
        return buckets.stamp_of(self._system.info(f"{self._root}/{name}"))

    def open(self, name: str) -> IO[bytes]:
        """See `Place.open`."""
        stream: IO[bytes] = self._system.open(f"{self._root}/{name}", "rb")
        return stream

    def write(self, name: str, data: bytes) -> None:
        """See `Place.write`.

        Raises:
            UsageError: The store does not take it.
        """
        try:
            self._system.pipe_file(f"{self._root}/{name}", data)
        except Exception as error:  # each store raises its own kinds
            raise buckets.not_written(f"{self.name}/{name}", error) from error

    @contextmanager
    def locked(self) -> Iterator[Path]:
        """A folder for the index alone: object stores have no locks."""
        with tempfile.TemporaryDirectory(prefix="pneumoscope-batch-") as folder:
            yield Path(folder)
