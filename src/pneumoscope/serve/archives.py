"""ZIP archives of films, unpacked in memory within limits.

Nothing is written, so a member's path leads nowhere; only its last part is shown. What a member
claims of its size is not believed: bytes are counted as they come.
"""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

from pneumoscope.errors import EmptySource, PneumoscopeError, UnreadableImage
from pneumoscope.images import is_archive
from pneumoscope.jobs.decoders import NAME
from pneumoscope.jobs.service import Arrived
from pneumoscope.serve.problems import TooMuch, Unprocessable
from pneumoscope.serve.uploads import display_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pneumoscope.serve.settings import Limits

_STEP = 2**20
_ENTRY = b"PK\1\2"
"""What every entry of a central directory begins with (APPNOTE.TXT 4.3.12)."""
_ENTRIES = 10_000
"""Most of them, litter included: every one becomes an object before the first film."""
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""`zipfile` unpacks these piece by piece, the others (bzip2, LZMA) at once, however large it gets."""
_ENCRYPTED = 0x1
"""Bit 0 of the general purpose flag (APPNOTE.TXT 4.4.4)."""
_OTHERS = (b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!", b"BZh", b"\xfd7zXZ")


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
        super().__init__("packed in a way that is not taken", "Make it again, as a plain ZIP.")


def unpack(
    files: Iterable[tuple[str, bytes]], limits: Limits, take: Callable[[int], None]
) -> list[Arrived]:
    """The films of an upload, those in archives among them.

    Args:
        files: Display name and bytes.
        limits: On films, and on archives.
        take: Counts unpacked bytes as they come, see `Intake.lease`.

    Raises:
        Busy: See there.
        BrokenArchive: An archive cannot be read at all.
        TooMuch: Over a limit, as archive bombs are.
    """
    films: list[Arrived] = []
    room = limits.archive_bytes
    for name, data in files:
        if not is_archive(data):
            films.append(Arrived(name, data))
        else:
            for film in _members(data, limits, room, take):
                films.append(film)
                room -= len(film.data)
        if len(films) > limits.max_files:
            raise TooMuch(f"more than {limits.max_files} films", "Send them in several requests.")
    if not films:
        raise Unprocessable("the archive holds no film", "Put films into it.")
    return films


def _members(
    data: bytes, limits: Limits, room: int, take: Callable[[int], None]
) -> Iterator[Arrived]:
    # Counted, because the end records may say anything, and the ZIP64 one something else.
    if data.count(_ENTRY) > _ENTRIES:
        raise TooMuch("the archive lists too many files", "Send fewer films at once.")
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except Exception as error:  # (of a broken directory zipfile raises what it likes)
        raise BrokenArchive from error
    found = 0
    with archive:
        for member in archive.infolist():
            # Not `is_dir`, which fails on a member without a name.
            if member.filename.endswith("/") or _is_litter(member.filename):
                continue
            found += 1
            if found > limits.max_files:
                raise TooMuch(
                    f"more than {limits.max_files} films", "Send them in several requests."
                )
            most = min(room, limits.archive_ratio * max(member.compress_size, 1) + _STEP)
            film = _member(archive, member, most, take)
            room -= len(film.data)
            yield film


def _is_litter(path: str) -> bool:
    """Hidden files, those that macOS adds, and the index of a DICOM medium."""
    parts = path.replace("\\", "/").split("/")
    return "__MACOSX" in parts or parts[-1].startswith(".") or parts[-1].upper() == "DICOMDIR"


def _member(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, most: int, take: Callable[[int], None]
) -> Arrived:
    name = display_name(member.filename)
    if member.flag_bits & _ENCRYPTED:
        return Arrived(name, b"", EncryptedArchive())
    if member.compress_type not in _METHODS:
        return Arrived(name, b"", UnknownPacking())
    pieces, total = [], 0
    try:
        with archive.open(member) as stream:
            while piece := stream.read(_STEP):
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
    except Exception:  # noqa: BLE001 (zipfile and zlib raise what they like)
        return Arrived(name, b"", UnreadableImage(NAME, "damaged in the archive"))
    data = b"".join(pieces)
    if not data:
        return Arrived(name, b"", EmptySource(NAME))
    if is_archive(data) or data.startswith(_OTHERS):
        return Arrived(name, b"", NestedArchive())
    return Arrived(name, data)
