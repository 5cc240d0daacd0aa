"""What films come from: the files of a folder or of a bucket, with their sizes and versions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pneumoscope.images import is_archive, sniff
from pneumoscope.images.formats import has_film_ending
from pneumoscope.images.media import is_directory_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pneumoscope.errors import ImageError

_UNFINISHED = (
    *(".part", ".partial", ".filepart", ".crdownload", ".download", ".tmp", ".temp"),
    *(".swp", ".lock", "~"),
)
"""Endings of names that programs give to files while they write them."""


@dataclass(frozen=True, slots=True)
class PlaceFile:
    """One file of a place, as it was listed.

    Attributes:
        path: Its path below the place, with ``/``.
        size: Bytes.
        version: A text that changes with the file's content.
    """

    path: str
    size: int
    version: str


class Place(ABC):
    """A folder or a bucket.

    Attributes:
        name: What people call it: its path or URL.
        label: Its last part, for results of several places in one folder.
        atomic: Whether a file appears only when it is complete.
    """

    name: str
    label: str
    atomic: bool

    @abstractmethod
    def files(self, below: str = "") -> Iterator[PlaceFile]:
        """The files of the place that may be films, without hidden and unfinished ones.

        Args:
            below: Path of a folder in the place; empty for all files.

        Raises:
            PneumoscopeError: The place cannot be listed.
        """

    @abstractmethod
    def file(self, path: str) -> PlaceFile | None:
        """A file as it is now; None if there is none, or it is not to be read.

        Raises:
            PneumoscopeError: The place cannot be reached.
        """

    @abstractmethod
    def head(self, path: str) -> bytes:
        """The first `HEAD_BYTES` of a file; empty if it cannot be read."""

    @abstractmethod
    def read(self, path: str) -> bytes:
        """All bytes of a file.

        Raises:
            ImageError: It is missing, empty, too large, or cannot be read. The message calls it
                `decoders.FILM_NAME`, because the name may be a person's.
        """

    @abstractmethod
    def archive_films(self, path: str) -> Iterator[tuple[str, bytes | ImageError]]:
        """The films of a ZIP archive: path of each in the archive, and its bytes or why not.

        If there are none, the path is empty.
        """

    def shown(self, path: str) -> str:
        """A file's path in words that people can look up."""
        return f"{self.name.rstrip('/')}/{path}"


def is_left_out(path: str) -> bool:
    """Whether a path below a place is hidden, or has the name of a file that is being written."""
    parts = path.split("/")
    return any(part.startswith(".") for part in parts) or parts[-1].lower().endswith(_UNFINISHED)


def may_be_film(place: Place, path: str) -> bool:
    """Whether a file has the ending of a film, or its first bytes say that it is one."""
    if has_film_ending(path):
        return True  # damaged ones too: their error is worth a report
    if is_directory_name(path.rsplit("/", 1)[-1]):
        return False
    return sniff(place.head(path)) is not None


def is_packed(place: Place, path: str) -> bool:
    """Whether a file is a ZIP archive by its name and by its first bytes."""
    return path.lower().endswith(".zip") and is_archive(place.head(path))
