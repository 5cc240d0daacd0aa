"""Notices of the system about changed files, so that new films need not wait for the next listing."""

from __future__ import annotations

import errno
import os
import queue
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from watchdog.events import (
    FileClosedEvent,
    FileCreatedEvent,
    FileModifiedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer

from pneumoscope.errors import UsageError
from pneumoscope.files import cause

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pneumoscope.watch.folder import Folder


@dataclass(frozen=True, slots=True)
class Notice:
    """A path that has changed.

    Attributes:
        place: Number of its place.
        path: Its path below the place.
        folder: Whether it is a folder, whose files are to be looked at.
        closed: Whether a writer has closed the file, or has renamed it to this name.
    """

    place: int
    path: str
    folder: bool = False
    closed: bool = False


class Notices:
    """Watches folders, and keeps what has changed until `take`."""

    def __init__(self, folders: Sequence[tuple[int, Folder]], wake: threading.Event) -> None:
        """Starts to watch.

        Args:
            folders: Number of each place, and the folder.
            wake: Set whenever something has changed.

        Raises:
            UsageError: The system cannot watch so many folders.
        """
        self._changed: queue.SimpleQueue[Notice] = queue.SimpleQueue()
        self._wake = wake
        self._observer = Observer()
        try:
            for number, folder in folders:
                handler = _Handler(self, number, folder)
                self._observer.schedule(handler, str(folder.root), recursive=True)
            self._observer.start()
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EMFILE, errno.ENOSYS):
                raise
            raise UsageError(
                f"the system cannot watch so many folders ({cause(error)})",
                "Raise fs.inotify.max_user_watches, or list the folders with --poll 10.",
            ) from error

    def add(self, notice: Notice) -> None:
        """Keeps a notice; from any thread."""
        self._changed.put(notice)
        self._wake.set()

    def take(self) -> list[Notice]:
        """What has changed since the last call; of several notices about a path, one."""
        taken: dict[tuple[int, str], Notice] = {}
        while not self._changed.empty():
            notice = self._changed.get()
            key = notice.place, notice.path
            before = taken.pop(key, None)
            if before is not None and before.closed and not notice.folder:
                notice = before
            taken[key] = notice
        return list(taken.values())

    def stop(self) -> None:
        """Ends the threads."""
        self._observer.stop()
        self._observer.join()


class _Handler(FileSystemEventHandler):
    """Turns events of a folder into notices; they come from the observer's thread."""

    def __init__(self, notices: Notices, number: int, folder: Folder) -> None:
        self._notices = notices
        self._number = number
        self._folder = folder

    def on_any_event(self, event: FileSystemEvent) -> None:
        moved = event.event_type == "moved"
        closed = moved or isinstance(event, FileClosedEvent)
        if event.is_directory:
            if not (moved or event.event_type == "created"):
                return
        elif not closed and not isinstance(event, FileCreatedEvent | FileModifiedEvent):
            return
        path = self._folder.inner(os.fsdecode(event.dest_path if moved else event.src_path))
        if path is not None:
            folder = event.is_directory
            self._notices.add(Notice(self._number, path, folder, closed and not folder))
