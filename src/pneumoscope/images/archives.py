"""ZIP archives of films, unpacked in memory within limits, one member at a time.

Nothing is written to the disk, so the path of a member cannot lead anywhere. The sizes that an
archive states are not trusted: bytes are counted as they are unpacked.
"""

from __future__ import annotations

import io
import zipfile
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, TYPE_CHECKING

from pneumoscope.errors import EmptySource, ImageError, UnreadableImage
from pneumoscope.images.archive_errors import (
    ArchiveTooLarge,
    BrokenArchive,
    EncryptedArchive,
    NestedArchive,
    NoFilmInArchive,
    UnknownPacking,
)
from pneumoscope.images.formats import HEAD_BYTES, has_film_ending, is_archive, sniff
from pneumoscope.images.media import HEADER_BYTES, is_directory_name, other_object
from pneumoscope.images.sources import BrokenSource, ListedFilm, is_system_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Self

MAX_ENTRIES = 10_000
"""Files that an archive may list: each becomes an object before the first film is read."""
MAX_RATIO = 200
"""Unpacked bytes per packed byte of one member."""
_STEP_BYTES = 2**20
_ENTRY = b"PK\1\2"
"""Start of every entry of a central directory (APPNOTE.TXT 4.3.12)."""
_ENTRY_BYTES = 1024
"""Bytes of a directory per entry, at most: mostly the path."""
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""`zipfile` unpacks these in pieces, but bzip2 and LZMA at once, however large the result is."""
_ENCRYPTED = 0x1
"""Bit 0 of the general purpose flag (APPNOTE.TXT 4.4.4)."""
_UTF_8 = 0x800
"""Bit 11: the member's path is in UTF-8."""
_OTHER_ARCHIVES = (b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!", b"BZh", b"\xfd7zXZ")
_OPEN_ARCHIVES = 4
"""Archives that stay open between two of their films."""


class _CheckedStream:
    """The bytes of an archive; refuses to read a directory that is too long.

    Counted here: the end records can state any number, and the ZIP64 record another one. `ZipFile`
    reads the directory as a whole.
    """

    def __init__(self, stream: IO[bytes], name: str, max_entries: int) -> None:
        self._stream = stream
        self._name = name
        self._max_entries = max_entries
        self.is_directory_read = False

    def read(self, size: int = -1) -> bytes:
        if self.is_directory_read:
            return self._stream.read(size)
        if size <= _ENTRY_BYTES * self._max_entries:
            data = self._stream.read(size)
            if data.count(_ENTRY) <= self._max_entries:
                return data
        raise ArchiveTooLarge(self._name, "the archive lists too many files")

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def seekable(self) -> bool:
        return True

    def close(self) -> None:
        self._stream.close()


class Archive:
    """An open archive. Its members can be read by several threads at once.

    Args:
        stream: Its bytes; closed with the archive.
        name: What to call it in messages.
        max_entries: Most files that it may list, including files that are no films.

    Attributes:
        members: The members that may be films: without folders, hidden files, files that macOS
            adds, and the index of a DICOM medium.
        is_medium: Whether it contains a DICOM medium, such as a CD.

    Raises:
        BrokenArchive: It cannot be read at all.
        ArchiveTooLarge: It lists more than ``max_entries`` files.
    """

    def __init__(self, stream: IO[bytes], name: str, max_entries: int = MAX_ENTRIES) -> None:
        checked = _CheckedStream(stream, name, max_entries)
        self._stream = checked
        try:
            self._archive = zipfile.ZipFile(checked)
            entries = self._archive.infolist()
            for entry in entries:
                entry.filename = _name(entry)
            packed, size = (
                sum(entry.compress_size for entry in entries),
                stream.seek(0, io.SEEK_END),
            )
        except ImageError:
            stream.close()
            raise
        except Exception as error:  # (zipfile raises many kinds of errors for a broken directory)
            stream.close()
            raise BrokenArchive(name) from error
        # Members that overlap: a small file would unpack to many times `MAX_RATIO`.
        if packed > size:
            stream.close()
            raise BrokenArchive(name)
        checked.is_directory_read = True
        # Not `is_dir`, which fails on a member without a name.
        plain = [e for e in entries if not e.filename.endswith("/") and not _is_litter(e.filename)]
        self.members = [e for e in plain if not is_directory_name(_last(e.filename))]
        self.is_medium = len(self.members) < len(plain)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Closes the archive."""
        self._stream.close()

    def read(
        self,
        member: zipfile.ZipInfo,
        name: str,
        most_bytes: int,
        *,
        ratio: int = MAX_RATIO,
        take: Callable[[int], object] = lambda _size: None,
    ) -> bytes:
        """Unpacks a member.

        Args:
            member: One of ``members``.
            name: What to call it in messages.
            most_bytes: Most bytes that it may unpack to.
            ratio: Most unpacked bytes per packed byte; 1 MiB more are allowed.
            take: Called with the size of each piece as it is unpacked; may raise.

        Raises:
            EncryptedArchive, UnknownPacking, NestedArchive: It is packed so.
            ArchiveTooLarge: It unpacks to more than it may.
            EmptySource: It is empty.
            UnreadableImage: It is damaged.
        """
        most = min(most_bytes, ratio * max(member.compress_size, 1) + _STEP_BYTES)
        pieces, total = [], 0
        for piece in self._pieces(member, name):
            take(len(piece))
            total += len(piece)
            if total > most:
                raise ArchiveTooLarge(name, "unpacks to more than a film may have")
            pieces.append(piece)
        data = b"".join(pieces)
        if not data:
            raise EmptySource(name)
        if is_archive(data) or data.startswith(_OTHER_ARCHIVES):
            raise NestedArchive(name)
        return data

    def head(self, member: zipfile.ZipInfo, name: str) -> bytes:
        """The first bytes of a member, at most `media.HEADER_BYTES`; raises as `read`."""
        return next(self._pieces(member, name, HEADER_BYTES), b"")

    def _pieces(
        self, member: zipfile.ZipInfo, name: str, step_bytes: int = _STEP_BYTES
    ) -> Iterator[bytes]:
        if member.flag_bits & _ENCRYPTED:
            raise EncryptedArchive(name)
        if member.compress_type not in _METHODS:
            raise UnknownPacking(name)
        try:
            with self._archive.open(member) as stream:
                while piece := stream.read(step_bytes):
                    yield piece
        except Exception as error:  # zipfile and zlib raise many kinds of errors
            raise UnreadableImage(name, "damaged in the archive") from error


def _name(entry: zipfile.ZipInfo) -> str:
    """The path of a member.

    Without the flag of UTF-8 `zipfile` takes code page 437. The path may be in UTF-8, too, as macOS
    writes it; it is rare that another one can be read so.
    """
    name = entry.orig_filename
    if not entry.flag_bits & _UTF_8:
        with suppress(UnicodeError):
            name = name.encode("cp437").decode()
    return name.partition("\0")[0]


def _last(path: str) -> str:
    return path.replace("\\", "/").rsplit("/", 1)[-1]


def _is_litter(path: str) -> bool:
    """Hidden files, and those in folders that a system adds."""
    *folders, name = path.replace("\\", "/").split("/")
    return name.startswith(".") or any(
        is_system_folder(folder) for folder in folders if folder not in (".", "..")
    )


@dataclass(frozen=True, slots=True)
class ArchiveFilm(ListedFilm):
    """A film in an archive on the disk, unpacked whenever it is read.

    Attributes:
        archive: The archive.
        stamp: Size in bytes and time of change in nanoseconds that it had when it was listed.
        number: Position of the member among `Archive.members`.
        member: Path of the member, without parts that lead out of the archive.
    """

    archive: Path
    stamp: tuple[int, int]
    number: int
    member: str

    def __fspath__(self) -> str:
        return f"{self.archive}/{self.member}"

    def load(self, name: str, max_bytes: int) -> bytes:
        """The film's bytes, see `Archive.read`."""
        archive = _opened(self.archive, self.stamp)
        return archive.read(archive.members[self.number], name, max_bytes)


def films_in(path: Path) -> Iterator[Path | ListedFilm]:
    """The films of an archive: members with a film's ending, or whose first bytes say so.

    Args:
        path: A ZIP archive.

    Yields:
        Films in the order of the archive. If there are none, or if all are encrypted, one source for
        the archive itself; reading it raises the reason. The path, if it cannot be opened.
    """
    name = str(path)
    try:
        info = path.stat()
        stamp = (info.st_size, info.st_mtime_ns)
        archive = _opened(path, stamp)
    except ImageError as error:
        yield BrokenSource(name, error)
        return
    except OSError:
        yield path  # the reader says why
        return
    films = [
        ArchiveFilm(path, stamp, number, inner_path(member.filename))
        for number, member in enumerate(archive.members)
        if _looks_like_film(archive, member, f"{name}/{inner_path(member.filename)}")
    ]
    if not films:
        yield BrokenSource(name, NoFilmInArchive(name))
    elif all(archive.members[film.number].flag_bits & _ENCRYPTED for film in films):
        yield BrokenSource(name, EncryptedArchive(name))
    else:
        yield from films


def inner_path(member: str) -> str:
    """The path of a member without parts that lead out of the archive; never empty.

    A colon would name a drive or a stream on Windows.
    """
    parts = member.replace("\\", "/").replace(":", "_").split("/")
    return "/".join(part for part in parts if part not in ("", ".", "..")) or "unnamed"


def _looks_like_film(archive: Archive, member: zipfile.ZipInfo, name: str) -> bool:
    """Whether a member is worth reading: a film, or something whose error is worth a report."""
    if has_film_ending(member.filename) and not archive.is_medium:
        return True
    try:
        head = archive.head(member, name)
    except ImageError:
        # Films on media have no ending.
        return has_film_ending(member.filename) or "." not in _last(member.filename)
    if archive.is_medium and other_object(head, name):
        return False
    is_packed = is_archive(head) or head.startswith(_OTHER_ARCHIVES)
    return has_film_ending(member.filename) or is_packed or sniff(head[:HEAD_BYTES]) is not None


@lru_cache(_OPEN_ARCHIVES)
def _opened(path: Path, _stamp: tuple[int, int]) -> Archive:
    return Archive(path.open("rb"), str(path))
