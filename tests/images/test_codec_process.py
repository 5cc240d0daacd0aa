"""gdcm in a child process: what ends the child, or stops it, costs one film."""

from __future__ import annotations

import subprocess
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


@pytest.fixture
def _no_children() -> Iterator[None]:
    """For tests of children; the others take over the child of the test before."""
    codec_process.stop_children()
    yield
    codec_process.stop_children()


@pytest.fixture(scope="module", autouse=True)
def _no_children_left() -> Iterator[None]:
    yield
    codec_process.stop_children()


alone = pytest.mark.usefixtures("_no_children")


def film(bits: int = 8, stored: int = 8) -> bytes:
    pixels = ramp() >> (8 - stored)
    ds = dataset(pixels, BitsStored=stored, HighBit=stored - 1)
    return wrap(ds, lossless_jpeg(pixels, bits, 1), LOSSLESS_SV1)


def child_that(monkeypatch: pytest.MonkeyPatch, does: str) -> None:
    monkeypatch.setattr(codec_process, "COMMAND", (sys.executable, "-c", _FAKE + does))


@pytest.mark.slow
@alone
@pytest.mark.parametrize("does", ["os.abort()", "sys.exit()", "print(1, flush=True); os.abort()"])
def test_a_crash_costs_one_film(monkeypatch: pytest.MonkeyPatch, does: str) -> None:
    with monkeypatch.context() as patched:
        child_that(patched, does)
        with pytest.raises(errors.UnreadableImage, match="brought the decoder down"):
            images.read(film())
    np.testing.assert_array_equal(images.read(film()).pixels, ramp() / np.float32(255))


@alone
def test_a_film_that_stops_the_decoder_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    child_that(monkeypatch, "time.sleep(60)")
    monkeypatch.setattr(codec_process, "TIME_S", 0.2)
    with pytest.raises(errors.UnreadableImage, match="takes more than 0 s"):
        images.read(film())
    assert codec_process._free == []


@pytest.mark.slow
@alone
@pytest.mark.skipif(sys.platform == "win32", reason="the system has no such limit")
def test_a_decoder_that_loops_is_ended_by_the_time_it_computes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not by a clock: a machine that sleeps or has other work does not lose a film."""
    limited = "from pneumoscope.images.codec_child import limit_time\nlimit_time(0.2)\n"
    child_that(monkeypatch, limited + "while True: pass")
    monkeypatch.setattr(codec_process, "TIME_S", 60.0)
    with pytest.raises(errors.UnreadableImage, match="takes more than 60 s"):
        images.read(film())


@alone
def test_a_film_that_waits_for_its_decoder_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Longer than it may compute."""
    monkeypatch.setattr(codec_process, "TIME_S", 0.001)
    monkeypatch.setattr(codec_process, "PIXELS_PER_S", 1e9)
    monkeypatch.setattr(codec_process, "WAITING", 1e6)
    waiting = "time.sleep(0.1); send(sys.stdout.buffer, {'warning': ''}, bytes(64 * 80))"
    child_that(monkeypatch, waiting)
    assert images.read(film()).pixels.max() == 0


@alone
def test_a_child_that_does_not_start_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec_process, "COMMAND", (sys.executable, "-c", ""))
    with pytest.raises(errors.UnreadableImage, match="brought the decoder down"):
        images.read(film())


@alone
def test_a_child_is_kept_for_the_next_film() -> None:
    images.read(film())
    (child,) = codec_process._free
    images.read(film())
    assert codec_process._free == [child]


@alone
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


@alone
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


@pytest.mark.slow
@alone
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


@pytest.mark.parametrize("planar", [0, 1])
def test_colour_of_lossless_jpeg_comes_by_pixel(tmp_path: Path, planar: int) -> None:
    """Whatever Planar Configuration says: that is for uncompressed films."""
    import gdcm

    colours = np.dstack([ramp(), ramp()[::-1], ramp()[:, ::-1]])
    (tmp_path / "film.dcm").write_bytes(dicom(colours))
    reader, change = gdcm.ImageReader(), gdcm.ImageChangeTransferSyntax()
    reader.SetFileName(str(tmp_path / "film.dcm"))
    assert reader.Read()
    change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.JPEGLosslessProcess14_1))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer = gdcm.ImageWriter()
    writer.SetImage(change.GetOutput())
    writer.SetFile(reader.GetFile())
    writer.SetFileName(str(tmp_path / "lossless.dcm"))
    assert writer.Write()
    data = (tmp_path / "lossless.dcm").read_bytes()
    element = b"\x28\0\6\0US\2\0"
    assert element + b"\0\0" in data
    film = images.read(data.replace(element + b"\0\0", element + bytes((planar, 0))))
    np.testing.assert_array_equal(film.pixels, images.read(dicom(colours)).pixels)


@alone
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


@alone
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux only")
def test_the_child_is_confined_as_the_decoders_of_a_server_are() -> None:
    images.read(film())
    images.read(jpeg_ls_film())
    (child,) = codec_process._free
    process = Path(f"/proc/{child._process.pid}")
    for thread in (process / "task").iterdir():
        status = (thread / "status").read_text()
        assert "NoNewPrivs:\t1" in status
        assert "Seccomp:\t2" in status
    assert len([*(process / "fd").iterdir()]) == 3  # input, output and errors
    limits = (process / "limits").read_text().splitlines()
    assert [line.split()[3] for line in limits if "open files" in line] == ["128"]


@alone
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux only")
def test_a_decoder_that_a_film_has_taken_over_reads_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "landlock" not in applied_here():
        pytest.skip("needs Landlock")
    (secret := tmp_path / "key").write_text("sesame")
    code = (
        f"try:\n    open({str(secret)!r})\nexcept PermissionError:\n    pass\nelse:\n    exit(1)\n"
    )
    decoder_in(tmp_path / "packages", code, monkeypatch)
    codec_process._borrow().stop()  # it has started, so nothing was read


@alone
@pytest.mark.parametrize("installed_in", ["site-packages", "wheel of gdcm"])
def test_a_decoder_may_be_installed_in_any_folder(
    installed_in: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoder_in(tmp_path / installed_in, "", monkeypatch)
    codec_process._borrow().stop()


def decoder_in(folder: Path, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Installs a package that is imported in the place of gdcm."""
    (folder / "_gdcm").mkdir(parents=True)
    (folder / "_gdcm" / "__init__.py").touch()
    (folder / "gdcm.py").write_text(code)
    monkeypatch.syspath_prepend(folder)


def applied_here() -> str:
    code = "from pneumoscope.confinement.confine import confine; print(confine())"
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout


def test_a_lossless_jpeg_whose_end_was_erased_is_not_read() -> None:
    pixels = ramp()
    codestream = lossless_jpeg(pixels, 8, 1)
    erased = codestream[:-900] + bytes(900)
    with pytest.raises(errors.TruncatedImage):
        images.read(wrap(dataset(pixels), erased, LOSSLESS_SV1))
    np.testing.assert_allclose(
        images.read(wrap(dataset(pixels), codestream[:-2], LOSSLESS_SV1)).pixels * 255,
        pixels,
        atol=1e-4,
    )
