"""One film of a batch: its name in the table, where its bytes are, and what is known of them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pneumoscope.buckets import BucketFilm
from pneumoscope.images.archives import ArchiveFilm

if TYPE_CHECKING:
    from pneumoscope.images import ListedFilm

NO_PATH = "row {}"
"""Name of a row of a manifest whose cell of the path is empty, by its number."""


@dataclass(frozen=True, slots=True)
class Film:
    """A film that is to be read.

    Attributes:
        name: Its name in the table, unique in the batch.
        source: Where its bytes are; can be sent to other processes.
        stamp: A text that changes when the file changes, such as size and time; ``""`` if unknown.
        known_sha256: SHA-256 of the content that the table has a row for; ``""`` for none. A film with
            this content is not decoded again.
        known_stamp: Stamp in the table's row, ``""`` if the row has none; None without a row.
    """

    name: str
    source: Path | ListedFilm
    stamp: str = ""
    known_sha256: str = ""
    known_stamp: str | None = None

    @property
    def is_stamped_late(self) -> bool:
        """Whether its store must still be asked for its stamp: the list of films has only its URL."""
        return not self.stamp and isinstance(self.source, BucketFilm)


def stamp_of(source: Path | ListedFilm) -> str:
    """Size and time of change of a film's file; ``""`` if there is no such file."""
    if isinstance(source, ArchiveFilm):
        size, changed = source.stamp
        return f"{size}-{changed}"
    if not isinstance(source, Path):
        return ""
    try:
        info = source.stat()
    except (OSError, ValueError):
        return ""
    return f"{info.st_size}-{info.st_mtime_ns}"


def text_of(path: str | os.PathLike[str]) -> str:
    """A path as text that every file format takes: bytes that are not text become escapes."""
    return os.fspath(path).encode("utf-8", "backslashreplace").decode()
