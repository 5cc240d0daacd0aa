"""Films that were received and are not in the queue yet: files that outlive crashes and power cuts."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from pneumoscope.errors import DiskFull
from pneumoscope.files import make_folder, room_for, sync_folder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pneumoscope.pacs.config import DiskLimits

_ENDING, _PART = ".dcm", ".part"
_MEASURED_S = 1.0
"""Seconds for which a measurement of the folders is used again."""


class Spool:
    """A folder of films. Several threads and processes may write to it, and one takes films out.

    A film's file is named by the SHA-256 of its SOP Instance UID and of its content: nothing from a
    sender becomes a path, and the same film is there once, however often it is sent.
    """

    def __init__(self, folder: Path, limits: DiskLimits, others: Sequence[Path] = ()) -> None:
        """Makes the folder if it does not exist.

        Args:
            folder: The folder.
            limits: How much disk may be used.
            others: Folders whose files count too.
        """
        self._folder = folder
        self._limits = limits
        self._others = tuple(others)
        self._lock = threading.Lock()
        self._measured_at = float("-inf")
        self._used_bytes = 0
        make_folder(folder, 0o700)

    def put(self, sop_instance: str, parts: Sequence[bytes | memoryview]) -> None:
        """Stores a film; after the return it is on the disk, not in a cache.

        Args:
            sop_instance: Its SOP Instance UID.
            parts: The file in parts.

        Raises:
            DiskFull: There is no space, or the node has used its share.
        """
        size = sum(len(part) for part in parts)
        self._reserve(size)
        content = hashlib.sha256()
        for part in parts:
            content.update(part)
        uid = hashlib.sha256(sop_instance.encode()).hexdigest()
        path = self._folder / f"{uid}-{content.hexdigest()[:16]}{_ENDING}"
        part_path = self._folder / f".{secrets.token_hex(16)}{_PART}"
        try:
            with room_for(self._folder), part_path.open("xb") as stream:
                part_path.chmod(0o600)
                for part in parts:
                    stream.write(part)
                stream.flush()
                os.fsync(stream.fileno())
            part_path.replace(path)
            sync_folder(self._folder)
        finally:
            part_path.unlink(missing_ok=True)

    def films(self) -> list[Path]:
        """The files, oldest first."""
        entries = []
        with os.scandir(self._folder) as folder:
            for entry in folder:
                if entry.name.endswith(_ENDING):
                    with suppress(FileNotFoundError):
                        entries.append((entry.stat().st_mtime_ns, entry.name))
        return [self._folder / name for _, name in sorted(entries)]

    def remove_partial_files(self) -> None:
        """Deletes what a killed process left half-written; call it while nothing is written."""
        for part in self._folder.glob(f".*{_PART}"):
            part.unlink(missing_ok=True)

    def used_bytes(self) -> int:
        """Size of the films in this folder and in the others."""
        return used_bytes(self._folder, *self._others)

    def has_room(self) -> bool:
        """Whether another film would be taken."""
        try:
            self._reserve(0)
        except DiskFull:
            return False
        return True

    def _reserve(self, size: int) -> None:
        """Counts a film.

        Raises:
            DiskFull: It does not fit.
        """
        with self._lock:
            if time.monotonic() - self._measured_at > _MEASURED_S:
                self._used_bytes, self._measured_at = self.used_bytes(), time.monotonic()
            free_bytes = shutil.disk_usage(self._folder).free
            limits = self._limits
            if self._used_bytes + size > limits.most_bytes or free_bytes - size < limits.free_bytes:
                raise DiskFull("the folder of received films")
            self._used_bytes += size


def used_bytes(*folders: Path) -> int:
    """Size of the files directly in some folders; one that does not exist has none."""
    return sum(_size_bytes(folder) for folder in folders)


def _size_bytes(folder: Path) -> int:
    size = 0
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):
                size += entry.stat(follow_symlinks=False).st_size
    return size
