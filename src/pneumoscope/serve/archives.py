"""ZIP archives of films, unpacked in memory within limits.

Nothing is written to the disk, so the path of a member cannot lead anywhere; only its last part is
shown. The sizes that an archive states are not trusted: bytes are counted as they are unpacked.
"""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

from pneumoscope.errors import EmptySource, PneumoscopeError, UnreadableImage
from pneumoscope.images import is_archive
from pneumoscope.jobs.decoders import FILM_NAME
from pneumoscope.jobs.requests import UploadedFile
from pneumoscope.serve.problems import TooMuch, Unprocessable
from pneumoscope.serve.uploads import display_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pneumoscope.serve.settings import Limits

_STEP_BYTES = 2**20
_ENTRY = b"PK\1\2"
"""Start of every entry of a central directory (APPNOTE.TXT 4.3.12)."""
_MOST_ENTRIES = 10_000
"""Including files that are not films: every entry becomes an object before the first film is read."""
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""`zipfile` unpacks these in pieces, but bzip2 and LZMA at once, however large the result is."""
_ENCRYPTED = 0x1
"""Bit 0 of the general purpose flag (APPNOTE.TXT 4.4.4)."""
_OTHER_ARCHIVES = (b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!", b"BZh", b"\xfd7zXZ")


class BrokenArchive(Unprocessable):
    def __init__(self) -> None:
        super().__init__("the archive cannot be read", "Make it again, as a plain ZIP.")


class NestedArchive(Unprocessable):
    def __init__(self) -> None:
        super().__init__("an archive within the archive", "Put the films themselves into it.")


class EncryptedArchive(Unprocessable):
    def __init__(self) -> None:
        super().__init__("the archive is encrypted", "Unpack it first.")


class UnknownPacking(Unprocessable):
    def __init__(self) -> None:
        super().__init__(
            "compressed with a method that is not supported", "Make it again, as a plain ZIP."
        )


def unpack(
    files: Iterable[tuple[str, bytes]], limits: Limits, take: Callable[[int], None]
) -> list[UploadedFile]:
    """The films of an upload, including those in archives.

    Args:
        files: Display name and bytes.
        limits: For films and for archives.
        take: Counts unpacked bytes, see `UploadBudget.lease`.

    Raises:
        Busy: See there.
        BrokenArchive: An archive cannot be read at all.
        TooMuch: A limit is exceeded, as by archive bombs.
    """
    films: list[UploadedFile] = []
    bytes_left = limits.archive_bytes
    for name, data in files:
        if not is_archive(data):
            films.append(UploadedFile(name, data))
        else:
            for film in _members(data, limits, bytes_left, take):
                films.append(film)
                bytes_left -= len(film.data)
        if len(films) > limits.max_files:
            raise TooMuch(f"more than {limits.max_files} films", "Send them in several requests.")
    if not films:
        raise Unprocessable("the archive contains no film", "Put films into it.")
    return films


def _members(
    data: bytes, limits: Limits, bytes_left: int, take: Callable[[int], None]
) -> Iterator[UploadedFile]:
    # Counted here: the end records can state any number, and the ZIP64 record another one.
    if data.count(_ENTRY) > _MOST_ENTRIES:
        raise TooMuch("the archive lists too many files", "Send fewer films at once.")
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except Exception as error:  # (zipfile raises many kinds of errors for a broken directory)
        raise BrokenArchive from error
    count = 0
    with archive:
        for member in archive.infolist():
            # Not `is_dir`, which fails on a member without a name.
            if member.filename.endswith("/") or _is_no_film(member.filename):
                continue
            count += 1
            if count > limits.max_files:
                raise TooMuch(
                    f"more than {limits.max_files} films", "Send them in several requests."
                )
            ratio_bytes = limits.archive_ratio * max(member.compress_size, 1) + _STEP_BYTES
            film = _member(archive, member, min(bytes_left, ratio_bytes), take)
            bytes_left -= len(film.data)
            yield film


def _is_no_film(path: str) -> bool:
    """Hidden files, files that macOS adds, and the index of a DICOM medium."""
    parts = path.replace("\\", "/").split("/")
    return "__MACOSX" in parts or parts[-1].startswith(".") or parts[-1].upper() == "DICOMDIR"


def _member(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, most: int, take: Callable[[int], None]
) -> UploadedFile:
    name = display_name(member.filename)
    if member.flag_bits & _ENCRYPTED:
        return UploadedFile(name, b"", EncryptedArchive())
    if member.compress_type not in _METHODS:
        return UploadedFile(name, b"", UnknownPacking())
    pieces, total = [], 0
    try:
        with archive.open(member) as stream:
            while piece := stream.read(_STEP_BYTES):
                take(len(piece))
                total += len(piece)
                if total > most:
                    raise TooMuch(
                        "the archive unpacks to more than the server takes",
                        "Send the films themselves, or fewer at once.",
                    )
                pieces.append(piece)
    except PneumoscopeError:
        raise
    except Exception:  # noqa: BLE001 (zipfile and zlib raise many kinds of errors)
        return UploadedFile(name, b"", UnreadableImage(FILM_NAME, "damaged in the archive"))
    data = b"".join(pieces)
    if not data:
        return UploadedFile(name, b"", EmptySource(FILM_NAME))
    if is_archive(data) or data.startswith(_OTHER_ARCHIVES):
        return UploadedFile(name, b"", NestedArchive())
    return UploadedFile(name, data)
