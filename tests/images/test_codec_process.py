"""gdcm in a child process: what ends the child, or stops it, costs one film."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import jpeg_ls
import numpy as np
import pytest

from film_files import JLS, LOSSLESS_SV1, compressed, dataset, dicom, lossless_jpeg, ramp, wrap
from pneumoscope import errors, images
from pneumoscope.images import codec_process

_FAKE = """
import os, sys, time
from pneumoscope.images.codec_child import receive, send
send(sys.stdout.buffer, {"ready": True})
receive(sys.stdin.buffer)
"""


@pytest.fixture(autouse=True)
def _no_children_left() -> Iterator[None]:
    codec_process.stop_children()
    yield
    codec_process.stop_children()


def film(bits: int = 8, stored: int = 8) -> bytes:
    pixels = ramp() >> (8 - stored)
    ds = dataset(pixels, BitsStored=stored, HighBit=stored - 1)
    return wrap(ds, lossless_jpeg(pixels, bits, 1), LOSSLESS_SV1)


def child_that(monkeypatch: pytest.MonkeyPatch, does: str) -> None:
    monkeypatch.setattr(codec_process, "COMMAND", (sys.executable, "-c", _FAKE + does))


@pytest.mark.parametrize("does", ["os.abort()", "sys.exit()", "print(1, flush=True); os.abort()"])
def test_a_crash_costs_one_film(monkeypatch: pytest.MonkeyPatch, does: str) -> None:
    with monkeypatch.context() as patched:
        child_that(patched, does)
        with pytest.raises(errors.UnreadableImage, match="brought the decoder down"):
            images.read(film())
    np.testing.assert_array_equal(images.read(film()).pixels, ramp() / np.float32(255))


def test_a_film_that_stops_the_decoder_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    child_that(monkeypatch, "time.sleep(60)")
    monkeypatch.setattr(codec_process, "TIME_S", 0.2)
    with pytest.raises(errors.UnreadableImage, match="takes more than 0 s"):
        images.read(film())
    assert codec_process._free == []


def test_a_child_that_does_not_start_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec_process, "COMMAND", (sys.executable, "-c", ""))
    with pytest.raises(errors.UnreadableImage, match="brought the decoder down"):
        images.read(film())


def test_a_child_is_kept_for_the_next_film() -> None:
    images.read(film())
    (child,) = codec_process._free
    images.read(film())
    assert codec_process._free == [child]


def test_threads_use_children_of_their_own() -> None:
    films: list[np.ndarray] = []
    threads = [
        threading.Thread(target=lambda: films.append(images.read(film()).pixels)) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for pixels in films:
        np.testing.assert_array_equal(pixels, ramp() / np.float32(255))
    assert len(films) == 2


def test_fewer_bits_stored_than_the_frame_has_do_not_end_the_process() -> None:
    # gdcm throws through Python where Bits Stored is 7 and the frame says 8.
    pixels = images.read(film(bits=8, stored=7)).pixels
    np.testing.assert_allclose(pixels, (ramp() >> 1) / 127, atol=1e-6)


def test_a_process_that_is_a_child_itself_starts_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec_process, "_is_child", False)
    codec_process.decode_in_this_process()
    np.testing.assert_array_equal(images.read(film()).pixels, ramp() / np.float32(255))
    assert codec_process._free == []


def codestream_with(change: Callable[[bytes], bytes]) -> bytes:
    return wrap(dataset(ramp()), change(lossless_jpeg(ramp(), 8, 1)), LOSSLESS_SV1)


def test_a_film_without_its_lower_part_is_truncated() -> None:
    with pytest.raises(errors.TruncatedImage):
        images.read(codestream_with(lambda data: data[: len(data) // 2] + b"\xff\xd9"))


@pytest.mark.parametrize("filling", [b"\0", b"\xff", b"\x5a"])
def test_a_film_with_a_damaged_part_is_an_error(filling: bytes) -> None:
    at = len(lossless_jpeg(ramp(), 8, 1)) // 2
    with pytest.raises(errors.UnreadableImage):
        images.read(codestream_with(lambda data: data[:at] + filling * 300 + data[at + 300 :]))


@pytest.mark.parametrize("padding", [b"\0", bytes(7), b"\xff" * 3, bytes(500)])
def test_padding_before_the_end_does_no_harm(padding: bytes) -> None:
    film = codestream_with(lambda data: data[:-2] + padding + data[-2:])
    np.testing.assert_array_equal(images.read(film).pixels, ramp() / np.float32(255))


def jpeg_ls_film() -> bytes:
    return compressed(dataset(ramp()), JLS, "pyjpegls")


def test_jpeg_ls_is_decoded_in_the_child_too(monkeypatch: pytest.MonkeyPatch) -> None:
    np.testing.assert_array_equal(images.read(jpeg_ls_film()).pixels, ramp() / np.float32(255))
    assert len(codec_process._free) == 1
    codec_process.stop_children()
    child_that(monkeypatch, "time.sleep(60)")  # CharLS never returns from some damaged films
    monkeypatch.setattr(codec_process, "TIME_S", 0.2)
    with pytest.raises(errors.UnreadableImage, match="takes more than 0 s"):
        images.read(jpeg_ls_film())


@pytest.mark.parametrize("interleave", [0, 1, 2])
def test_colour_of_jpeg_ls_comes_by_pixel(interleave: int) -> None:
    colours = np.dstack([ramp(), ramp()[::-1], ramp()[:, ::-1]])
    ordered = colours
    if interleave == 0:
        ordered = np.ascontiguousarray(colours.transpose(2, 0, 1))
    codestream = bytes(jpeg_ls.encode_array(ordered, interleave_mode=interleave))
    ds = dataset(colours, PlanarConfiguration=int(interleave == 0))
    film = images.read(wrap(ds, codestream, JLS))
    expected = images.read(dicom(colours))
    np.testing.assert_array_equal(film.pixels, expected.pixels)


def test_a_child_does_not_get_the_secrets_of_its_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = Path("/proc/self/environ")
    if not environment.exists():
        pytest.skip("needs /proc")
    codec_process.stop_children()
    monkeypatch.setenv("PNEUMOSCOPE_TOKEN", "sesame")
    child = codec_process._borrow()
    try:
        seen = Path(f"/proc/{child._process.pid}/environ").read_bytes()
    finally:
        codec_process.stop_children()
        child.stop()
    assert b"PATH=" in seen
    assert b"sesame" not in seen
