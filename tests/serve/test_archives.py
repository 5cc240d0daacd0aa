"""ZIP archives: their films, and other files in them."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zipfile

import pytest

from grey_films import BRIGHT, DARK, zipped
from pneumoscope.images.archive_errors import BrokenArchive, NestedArchive
from pneumoscope.jobs.requests import UploadedFile
from pneumoscope.serve.archives import unpack
from pneumoscope.serve.problems import Busy, TooMuch, Unprocessable
from pneumoscope.serve.settings import Limits
from pneumoscope.serve.uploads import UploadBudget

LIMITS = Limits(max_files=4, archive_bytes=2**20, archive_ratio=10)


def opened(files: list[tuple[str, bytes]], limits: Limits = LIMITS) -> list[UploadedFile]:
    with UploadBudget(2**30).lease() as take:
        return unpack(files, limits, take)


def test_films_in_their_order_without_litter() -> None:
    packed = zipped(
        ("b/one.png", b"1"), ("__MACOSX/._one.png", b"x"), (".DS_Store", b"x"), ("DICOMDIR", b"x"),
        ("folder/", b""), ("two.png", b"2"),
    )  # fmt: skip
    films = opened([DARK, ("a.zip", packed)])
    assert [(film.name, film.data) for film in films] == [
        DARK, ("one.png", b"1"), ("two.png", b"2"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "path", ["../../etc/passwd", "/etc/passwd", "C:\\x\\passwd", "a/../passwd"]
)
def test_paths_lead_nowhere(path: str) -> None:
    assert [film.name for film in opened([("a.zip", zipped((path, b"x")))])] == ["passwd"]


def test_one_bad_member_disturbs_no_other() -> None:
    packed = bytearray(zipped(("a.png", b"aaaa"), ("inner.zip", zipped(DARK)), ("empty", b"")))
    at = packed.index(b"a.png") + 5
    packed[at] ^= 0xFF  # the deflated bytes of the first
    films = opened([("a.zip", bytes(packed)), BRIGHT])
    codes = [film.error.code if film.error else None for film in films]
    assert codes == ["UnreadableImage", "NestedArchive", "EmptySource", None]


def test_an_empty_archive_within_an_archive_is_one_too() -> None:
    [film] = opened([("a.zip", zipped(("inner.zip", zipped())))])
    assert isinstance(film.error, NestedArchive)


def test_a_member_without_a_name_is_a_film_like_others() -> None:
    data = zipped(("x", BRIGHT[1]))
    directory = data.index(b"PK\1\2")
    nameless = bytearray(data)
    nameless[directory + 28] = 0  # the length of the name, APPNOTE.TXT 4.3.12
    nameless[26] = 0
    del nameless[directory + 46], nameless[30]
    end = nameless.index(b"PK\5\6")
    struct.pack_into("<2L", nameless, end + 12, end - directory + 1, directory - 1)
    assert zipfile.ZipFile(io.BytesIO(nameless)).namelist() == [""]
    assert [film.data for film in opened([("a.zip", bytes(nameless))])] == [BRIGHT[1]]


def test_an_encrypted_member_is_named_as_such() -> None:
    packed = bytearray(zipped(("a.png", b"aaaa")))
    for signature, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        struct.pack_into("<H", packed, packed.index(signature) + offset, 1)
    films = opened([("a.zip", bytes(packed))])
    assert [film.error.code for film in films if film.error] == ["EncryptedArchive"]


def test_bombs_are_not_unpacked() -> None:
    with pytest.raises(TooMuch):  # by ratio: 1 MB and ten times the packed size are allowed
        opened([("a.zip", zipped(("bomb", bytes(2**21))))], Limits(archive_ratio=10))
    half = bytes(2**20 * 3 // 4)
    with pytest.raises(TooMuch):  # by the sum
        opened([("a.zip", zipped(("one", half), ("two", half)))])
    with pytest.raises(TooMuch):  # by the sum of several archives
        opened([("a.zip", zipped(("one", half))), ("b.zip", zipped(("two", half)))])
    with pytest.raises(TooMuch):
        opened([("a.zip", zipped(*[(f"{i}", b"x") for i in range(5)]))])


def test_a_member_that_lies_about_its_size_gains_nothing() -> None:
    packed = bytearray(zipped(("bomb", bytes(2**21))))
    for signature, offset in ((b"PK\3\4", 22), (b"PK\1\2", 24)):
        struct.pack_into("<I", packed, packed.index(signature) + offset, 10)
    films = opened([("a.zip", bytes(packed))])
    assert films[0].error is not None or len(films[0].data) <= 10


def test_archives_that_cannot_be_read() -> None:
    with pytest.raises(BrokenArchive):
        opened([("a.zip", b"PK\3\4 nothing more")])
    with pytest.raises(Unprocessable, match="no film"):
        opened([("a.zip", zipped((".hidden", b"x")))])
    with pytest.raises(Unprocessable, match="no film"):
        opened([("a.zip", zipped())])


def test_a_directory_of_thousands_is_not_read() -> None:
    small = zipped((".a", b""))
    at, end = small.index(b"PK\1\2"), small.index(b"PK\5\6")
    count, entry = 20_000, small[at:end]
    # The ZIP64 record says where the directory is; the other record counts a single entry.
    large = struct.pack(
        "<IQ2H2I4Q", 0x06064B50, 44, 45, 45, 0, 0, count, count, count * len(entry), at
    )
    locator = struct.pack("<IIQI", 0x07064B50, 0, at + count * len(entry), 1)
    whole = small[:at] + entry * count + large + locator + small[end:]
    assert len(zipfile.ZipFile(io.BytesIO(whole)).infolist()) == count
    with pytest.raises(TooMuch, match="lists too many"):
        opened([("a.zip", whole)])


def test_all_requests_together_unpack_no_more_than_the_server_takes() -> None:
    upload_budget, packed = UploadBudget(100), zipped(("a.png", b"x" * 60))
    with upload_budget.lease() as take:
        unpack([("a.zip", packed)], LIMITS, take)
        with upload_budget.lease() as other, pytest.raises(Busy):
            unpack([("a.zip", packed)], LIMITS, other)
        with upload_budget.lease() as other:
            other(40)
    with upload_budget.lease() as take:
        take(100)


@pytest.mark.slow
@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_unpacks_only_as_a_whole_is_not_unpacked(method: int) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        archive.writestr("bomb.png", bytes(32 * 2**20))
    tracemalloc.start()
    films = opened([("a.zip", stream.getvalue())])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [film.error.code for film in films if film.error] == ["UnknownPacking"]
    assert peak < 2**20
