"""ZIP archives: their films, and what else people put into them."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zipfile

import pytest

from live import BRIGHT, DARK, zipped
from pneumoscope.serve.archives import BrokenArchive, unpack
from pneumoscope.serve.problems import TooMuch, Unprocessable
from pneumoscope.serve.settings import Limits

LIMITS = Limits(max_files=4, archive_bytes=2**20, archive_ratio=10)


def test_films_in_their_order_without_litter() -> None:
    packed = zipped(
        ("b/one.png", b"1"), ("__MACOSX/._one.png", b"x"), (".DS_Store", b"x"), ("DICOMDIR", b"x"),
        ("folder/", b""), ("two.png", b"2"),
    )  # fmt: skip
    found = unpack([DARK, ("a.zip", packed)], LIMITS)
    assert [(film.name, film.data) for film in found] == [
        DARK, ("one.png", b"1"), ("two.png", b"2"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "path", ["../../etc/passwd", "/etc/passwd", "C:\\x\\passwd", "a/../passwd"]
)
def test_paths_lead_nowhere(path: str) -> None:
    assert [film.name for film in unpack([("a.zip", zipped((path, b"x")))], LIMITS)] == ["passwd"]


def test_one_bad_member_disturbs_no_other() -> None:
    packed = bytearray(zipped(("a.png", b"aaaa"), ("inner.zip", zipped(DARK)), ("empty", b"")))
    at = packed.index(b"a.png") + 5
    packed[at] ^= 0xFF  # the deflated bytes of the first
    found = unpack([("a.zip", bytes(packed)), BRIGHT], LIMITS)
    codes = [film.error.code if film.error else None for film in found]
    assert codes == ["UnreadableImage", "NestedArchive", "EmptySource", None]


def test_an_encrypted_member_is_named_as_such() -> None:
    packed = bytearray(zipped(("a.png", b"aaaa")))
    for signature, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        struct.pack_into("<H", packed, packed.index(signature) + offset, 1)
    found = unpack([("a.zip", bytes(packed))], LIMITS)
    assert [film.error.code for film in found if film.error] == ["EncryptedArchive"]


def test_bombs_are_not_unpacked() -> None:
    with pytest.raises(TooMuch):  # by ratio: 1 MB and ten times the packed size are allowed
        unpack([("a.zip", zipped(("bomb", bytes(2**21))))], Limits(archive_ratio=10))
    half = bytes(2**20 * 3 // 4)
    with pytest.raises(TooMuch):  # by the sum
        unpack([("a.zip", zipped(("one", half), ("two", half)))], LIMITS)
    with pytest.raises(TooMuch):  # by the sum of several archives
        unpack([("a.zip", zipped(("one", half))), ("b.zip", zipped(("two", half)))], LIMITS)
    with pytest.raises(TooMuch):
        unpack([("a.zip", zipped(*[(f"{i}", b"x") for i in range(5)]))], LIMITS)


def test_a_member_that_lies_about_its_size_gains_nothing() -> None:
    packed = bytearray(zipped(("bomb", bytes(2**21))))
    for signature, offset in ((b"PK\3\4", 22), (b"PK\1\2", 24)):
        struct.pack_into("<I", packed, packed.index(signature) + offset, 10)
    found = unpack([("a.zip", bytes(packed))], LIMITS)
    assert found[0].error is not None or len(found[0].data) <= 10


def test_archives_that_cannot_be_read() -> None:
    with pytest.raises(BrokenArchive):
        unpack([("a.zip", b"PK\3\4 nothing more")], LIMITS)
    with pytest.raises(Unprocessable, match="no film"):
        unpack([("a.zip", zipped((".hidden", b"x")))], LIMITS)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_unpacks_only_as_a_whole_is_not_unpacked(method: int) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        archive.writestr("bomb.png", bytes(32 * 2**20))
    tracemalloc.start()
    found = unpack([("a.zip", stream.getvalue())], LIMITS)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [film.error.code for film in found if film.error] == ["UnknownPacking"]
    assert peak < 2**20


def directory(entries: int, told: int) -> bytes:
    """An archive that is little but a central directory, whose size is told once right, once wrong."""
    entry = struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, 20, *[0] * 7, 1, *[0] * 6) + b"x"
    listed, start = entry * entries, b"PK\3\4" + bytes(26)
    end = len(start) + len(listed)
    right = struct.pack(
        "<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, entries, entries, len(listed), 30
    )
    where = struct.pack("<4sLQL", b"PK\6\7", 0, end, 1)
    wrong = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, told, 30, 0)
    return start + listed + right + where + wrong


def test_a_directory_that_lies_about_its_size_gains_nothing() -> None:
    assert (
        len(zipfile.ZipFile(io.BytesIO(directory(50, 47))).infolist()) == 50
    )  # it reads the other
    with pytest.raises(TooMuch, match="lists too many"):
        unpack([("a.zip", directory(20_001, 47))], LIMITS)
    with pytest.raises(TooMuch, match="more than 4 films"):
        unpack([("a.zip", directory(20_000, 47))], LIMITS)
