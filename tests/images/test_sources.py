"""Bytes of a film from everything that may hold them."""

from __future__ import annotations

import io
import os
import zlib
from pathlib import Path

import pytest

from pneumoscope.errors import EmptySource, IsADirectory, MissingFile, TooLarge, UnreadableImage
from pneumoscope.images.sources import is_system_folder, load_bytes, name_of


def test_names_of_sources(tmp_path: Path) -> None:
    path = tmp_path / "film.png"
    path.write_bytes(b"x")
    assert name_of(path) == name_of(str(path)) == str(path)
    for raw in (b"x", bytearray(b"x"), memoryview(b"x")):
        assert name_of(raw) == "<bytes>"
    with path.open("rb") as stream:
        assert name_of(stream) == str(path)
    assert name_of(io.BytesIO(b"x")) == "<stream>"
    read, write = os.pipe()
    with os.fdopen(read, "rb") as stream, os.fdopen(write, "wb"):
        assert name_of(stream) == "<stream>"  # its name is a number


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, io.BytesIO])
def test_every_kind_of_source_gives_the_same_bytes(kind: type) -> None:
    assert load_bytes(kind(b"a film"), "film") == b"a film"


def test_a_file_by_either_name(tmp_path: Path) -> None:
    path = tmp_path / "film"
    path.write_bytes(b"a film")
    assert load_bytes(path, "film") == load_bytes(str(path), "film") == b"a film"


class Trickle(io.RawIOBase):
    """Answers at most ``step`` bytes at once, as sockets and pipes may, and counts requests."""

    def __init__(self, content: bytes, step: int) -> None:
        self.content, self.step, self.taken = content, step, 0

    def read(self, size: int = -1, /) -> bytes:
        take = min(self.step, size) if size >= 0 else self.step
        piece, self.content = self.content[:take], self.content[take:]
        self.taken += len(piece)
        return piece


def test_a_stream_may_answer_in_pieces() -> None:
    assert load_bytes(Trickle(b"0123456789", 3), "film") == b"0123456789"  # type: ignore[arg-type]


def test_no_more_than_one_byte_beyond_the_limit_is_read() -> None:
    stream = Trickle(b"x" * 1000, 7)
    with pytest.raises(TooLarge, match="more than 20 bytes"):
        load_bytes(stream, "film", max_bytes=20)  # type: ignore[arg-type]
    assert stream.taken == 21


def test_the_limit_itself_passes(tmp_path: Path) -> None:
    path = tmp_path / "film"
    path.write_bytes(b"x" * 20)
    for source in (path, b"x" * 20, io.BytesIO(b"x" * 20)):
        assert len(load_bytes(source, "film", max_bytes=20)) == 20
    for source in (path, b"x" * 20):
        with pytest.raises(TooLarge, match=r"20 bytes.*19 bytes"):
            load_bytes(source, "film", max_bytes=19)


def test_a_wide_memoryview_counts_its_bytes() -> None:
    wide = memoryview(bytes(24)).cast("d")  # three numbers of eight bytes
    with pytest.raises(TooLarge, match="24 bytes"):
        load_bytes(wide, "film", max_bytes=23)
    assert len(load_bytes(wide, "film", max_bytes=24)) == 24


@pytest.mark.parametrize("source", [b"", io.BytesIO(b"")])
def test_nothing_is_no_film(source: bytes | io.BytesIO) -> None:
    with pytest.raises(EmptySource, match="film"):
        load_bytes(source, "film")


def test_paths_that_lead_nowhere(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    for path in (tmp_path / "no", tmp_path / "file" / "below"):
        with pytest.raises(MissingFile):
            load_bytes(path, "film")
    with pytest.raises(IsADirectory):
        load_bytes(tmp_path, "film")
    with pytest.raises(UnreadableImage, match="null"):
        load_bytes("a\0b", "film")


@pytest.mark.parametrize(
    ("raised", "words"),
    [
        (OSError(5, "Input/output error"), "Input/output error"),
        (OSError(), "OSError"),
        (ValueError("read of closed file"), "read of closed file"),
        (EOFError(), "EOFError"),
        (zlib.error("bad stream"), "error"),
    ],
)
def test_whatever_a_stream_raises_becomes_an_unreadable_film(raised: Exception, words: str) -> None:
    class Broken(io.RawIOBase):
        def read(self, size: int = -1, /) -> bytes:
            raise raised

    with pytest.raises(UnreadableImage, match=words) as error:
        load_bytes(Broken(), "film")  # type: ignore[arg-type]
    assert error.value.__cause__ is raised


@pytest.mark.parametrize("source", [None, 7, ["film.png"], object()])
def test_what_is_no_source_is_the_callers_mistake(source: object) -> None:
    with pytest.raises(TypeError, match=f"not {type(source).__name__}"):
        load_bytes(source, "film")  # type: ignore[arg-type]


def test_a_text_stream_is_the_callers_mistake() -> None:
    with pytest.raises(TypeError, match="mode 'rb'"):
        load_bytes(io.StringIO("text"), "film")  # type: ignore[arg-type]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
def test_a_link_to_a_file_of_the_kernel_is_not_read(tmp_path: Path) -> None:
    """/proc/kmsg would wait for ever."""
    link = tmp_path / "film.png"
    link.symlink_to("/proc/self/status")
    with pytest.raises(EmptySource):
        load_bytes(link, "film")


@pytest.mark.parametrize(
    ("name", "is_system"),
    [("NORMAL", False), ("recycled films", False), (".git", True), ("__MACOSX", True), ("$Recycle.Bin", True),
     ("@eaDir", True), ("lost+found", True)],
)  # fmt: skip
def test_folders_of_systems(name: str, is_system: bool) -> None:
    assert is_system_folder(name) == is_system
