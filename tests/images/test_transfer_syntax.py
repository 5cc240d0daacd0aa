"""The coding is that of the pixels, whatever the file meta information says."""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable

import numpy as np
import pytest
from pydicom.uid import UID

import film_files as make
from film_files import BIG, EXPLICIT, IMPLICIT, dataset, dicom, lossless_jpeg, ramp, wrap, write
from pneumoscope import images
from pneumoscope.errors import DeflatedDicom, UnsupportedSyntax
from pneumoscope.images.dicom_pixels import PLUGINS
from pneumoscope.images.transfer_syntax import CODINGS

# By OpenJPH 0.26.3, reversible and irreversible: 64 x 64 pixels of 16 bits, each 65 times its
# column.
HT_LOSSLESS = (
    "/0//UQApQAAAAABAAAAAQAAAAAAAAAAAAAAAQAAAAEAAAAAAAAAAAAABDwEB/1AACAACAAAAC/9SAAwAAgABAAYE"
    "BEAB/1wAFiCIkJCYkJCQkJCQkJCQkJCQiIiI/2QAFwABT3BlbkpQSCBWZXIgMC4yNi4zLv+QAAoAAAAAAKYAAf+T"
    "wAAmtfYFB3QAwAATAJDyA4d0AMAAE4BIQcoDAnQAwAAVQKKIIoooqnKCdQDAABaIUKBAgQIFChQo58p6enICeADA"
    "ABboIiIiIiIiIiIiIiIiIiIiIvn/Cnp6enp6enGCfQDAAC7IAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAP6/"
    "/Ap6enp6enp6enp6enp6enECdgH/2Q=="
)
HT_LOSSY = (
    "/0//UQApQAAAAABAAAAAQAAAAAAAAAAAAAAAQAAAAEAAAAAAAAAAAAABDwEB/1AACAACAAAAJf9SAAwAAgABAAYE"
    "BEAA/1wAKSKXc5c/lz+XDY9Fj0WPF4dch1yHPX+qf6p/wmg1aDVoeGAaYBpvv/9kABcAAU9wZW5KUEggVmVyIDAu"
    "MjYuMy7/kAAKAAAAAACfAAH/k8AAEwAJ/QWHdADAABMAwP4DB3QAwAAqQCecoIEGAUK0AMAAWmCiEKLVwuOFEKLV"
    "wuMGcHAEWZcAwAC2gIiUtAampDUwJa2BKWn9XSV/JX8lfgCtC3wAwALoACQkCUlCkpAkJAlJQpKQef8BJdkuyXZL"
    "sl2S7JdRWRIBwAWmAAAAAAD+v/wClKUpSlKUpSlL7wD/2Q=="
)
COLUMNS = np.tile(np.arange(64, dtype=np.uint16) * 65, (64, 1))


def ht_film(syntax: str, codestream: str = HT_LOSSLESS) -> bytes:
    ds = dataset(COLUMNS, BitsStored=12, HighBit=11, WindowCenter=2048, WindowWidth=4096)
    return wrap(ds, base64.b64decode(codestream), syntax)


@pytest.mark.parametrize("syntax", [make.HTJ2K_LOSSLESS, make.HTJ2K_RPCL, make.HTJ2K])
def test_high_throughput_jpeg_2000(syntax: str) -> None:
    film = images.read(ht_film(syntax))
    np.testing.assert_allclose(film.pixels, COLUMNS / 4095, atol=1e-6)
    assert film.facts.transfer_syntax == syntax


def test_high_throughput_jpeg_2000_with_loss() -> None:
    film = images.read(ht_film(make.HTJ2K, HT_LOSSY))
    np.testing.assert_allclose(film.pixels, COLUMNS / 4095, atol=0.005)


def test_every_coding_has_a_decoder_and_every_syntax_its_name() -> None:
    assert set(CODINGS.values()) <= set(PLUGINS)
    names = {syntax: UID(syntax).name for syntax in CODINGS}
    assert all(name != syntax for syntax, name in names.items())
    for syntax, coding in CODINGS.items():
        assert ("JPEG 2000" in names[syntax]) == (coding in ("jpeg-2000", "htj2k"))
        assert ("JPEG-LS" in names[syntax]) == (coding == "jpeg-ls")
        assert ("High-Throughput" in names[syntax]) == (coding == "htj2k")
        assert ("JPEG Lossless" in names[syntax]) == (coding == "jpeg-lossless")


CODESTREAMS: dict[str, Callable[[], bytes]] = {
    make.JPEG_8: lambda: make.save(make.smooth(), "JPEG", quality=98),
    make.LOSSLESS: lambda: lossless_jpeg(make.smooth(), 8, 1),
    make.JLS_NEAR: lambda: make.jpeg_ls(make.smooth()),
    make.J2K: lambda: make.jpeg_2000(make.smooth(), 8),
}


def renamed(data: bytes, syntax: str | None) -> bytes:
    """The same file with another transfer syntax, or without any."""
    at = data.index(b"\x02\0\x10\0UI")
    size = struct.unpack("<H", data[at + 6 : at + 8])[0]
    if syntax is None:
        return data[:at] + data[at + 8 + size :]
    text = syntax.encode() + b"\0" * (len(syntax) % 2)
    return data[: at + 6] + struct.pack("<H", len(text)) + text + data[at + 8 + size :]


@pytest.mark.parametrize("declared", ["", None, EXPLICIT, IMPLICIT, make.RLE, *CODESTREAMS])
@pytest.mark.parametrize("real", CODESTREAMS)
def test_compressed_pixels_under_any_name(real: str, declared: str | None) -> None:
    data = renamed(wrap(dataset(make.smooth()), CODESTREAMS[real](), real), declared)
    film = images.read(data)
    assert np.abs(film.pixels * 255 - make.smooth()).max() <= (4 if real == make.JPEG_8 else 0.01)
    assert film.facts.transfer_syntax == real


@pytest.mark.parametrize("declared", ["", None, EXPLICIT, make.JPEG_8])
def test_run_lengths_under_any_name(declared: str | None) -> None:
    data = renamed(make.compressed(dataset(ramp()), make.RLE, "pydicom"), declared)
    film = images.read(data)
    np.testing.assert_allclose(film.pixels, ramp() / 255, atol=1e-6)
    assert film.facts.transfer_syntax == make.RLE


@pytest.mark.parametrize(
    "declared", ["", None, EXPLICIT, IMPLICIT, BIG, make.RLE, make.JPEG_8, make.J2K, make.JLS]
)
@pytest.mark.parametrize("real", [EXPLICIT, IMPLICIT, BIG])
def test_uncompressed_pixels_under_any_name(real: str, declared: str | None) -> None:
    stored = ramp().astype(np.uint16) * 16
    data = renamed(dicom(stored, real, BitsStored=12, HighBit=11, WindowCenter=2048, WindowWidth=4096),
                   declared)  # fmt: skip
    film = images.read(data)
    np.testing.assert_allclose(film.pixels, stored / 4095, atol=1e-6)
    assert film.facts.transfer_syntax == real


@pytest.mark.parametrize("declared", [EXPLICIT, make.JPEG_8, make.LOSSLESS, ""])
@pytest.mark.parametrize("real", CODESTREAMS)
def test_a_codestream_without_fragments(real: str, declared: str) -> None:
    """The bare codestream is the value, of a stated length."""
    ds = dataset(make.smooth())
    codestream = CODESTREAMS[real]()
    ds.PixelData = codestream + b"\0" * (len(codestream) % 2)
    film = images.read(renamed(write(ds), declared))
    assert np.abs(film.pixels * 255 - make.smooth()).max() <= (4 if real == make.JPEG_8 else 0.01)


def test_fragments_in_a_value_of_stated_length() -> None:
    ds = dataset(make.smooth())
    codestream = lossless_jpeg(make.smooth(), 8, 1)
    codestream += b"\0" * (len(codestream) % 2)
    ds.PixelData = b"\xfe\xff\0\xe0\0\0\0\0\xfe\xff\0\xe0" + struct.pack("<I", len(codestream))
    ds.PixelData += codestream
    for declared in (EXPLICIT, make.LOSSLESS):
        film = images.read(renamed(write(ds), declared))
        np.testing.assert_allclose(film.pixels, make.smooth() / 255, atol=1e-6)


def test_encapsulated_but_uncompressed() -> None:
    film = images.read(wrap(dataset(ramp()), ramp().tobytes(), "1.2.840.10008.1.2.1.98"))
    np.testing.assert_allclose(film.pixels, ramp() / 255, atol=1e-6)


def test_progressive_jpeg_under_its_retired_name() -> None:
    codestream = make.save(make.smooth(), "JPEG", quality=98, progressive=True)
    film = images.read(wrap(dataset(make.smooth()), codestream, "1.2.840.10008.1.2.4.55"))
    assert np.abs(film.pixels * 255 - make.smooth()).max() <= 4


def test_a_film_called_deflated_that_is_not() -> None:
    film = images.read(renamed(dicom(ramp()), make.DEFLATED))
    np.testing.assert_allclose(film.pixels, ramp() / 255, atol=1e-6)
    with pytest.raises(DeflatedDicom):
        images.read(renamed(dicom(ramp()), make.DEFLATED).replace(b"\x08\0\x16\0UI", b"\x9d" * 6))


def test_big_endian_pixels_in_the_syntax_of_ge() -> None:
    stored = np.random.default_rng(1).integers(0, 16, (64, 80)).astype(np.uint16)
    stored += make.smooth().astype(np.uint16) * 16
    ds = dataset(stored.byteswap(), BitsStored=12, HighBit=11, WindowCenter=2048, WindowWidth=4096)
    film = images.read(renamed(write(ds, IMPLICIT), "1.2.840.113619.5.2"))
    np.testing.assert_allclose(film.pixels, stored / 4095, atol=1e-6)


def test_an_unknown_name_is_not_guessed() -> None:
    with pytest.raises(UnsupportedSyntax):
        images.read(renamed(dicom(ramp()), "1.2.3.4"))
