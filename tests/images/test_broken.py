"""What cannot be read fails with its own error, and never with another one."""

from __future__ import annotations

import os
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable
from io import BytesIO, StringIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset

import film_files as make
from film_files import (
    dataset,
    dicom,
    lossless_jpeg,
    png_chunks,
    ramp,
    save,
    smooth,
    tiff,
    wrap,
    write,
)
from pneumoscope import errors, images


def archive() -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("film.png", save(ramp(), "PNG"))
    return out.getvalue()


def pages(kind: str) -> bytes:
    first = Image.fromarray(ramp()).convert("RGB")
    second = Image.fromarray(ramp()[::-1].copy()).convert("RGB")
    return save(first, kind, save_all=True, append_images=[second])


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]


def half(data: bytes) -> bytes:
    return data[: len(data) // 2]


def claims(rows: int, columns: int) -> bytes:
    """A PNG of a few hundred bytes that claims to be large."""
    header = struct.pack(">IIBBBBB", columns, rows, 8, 0, 0, 0, 0)
    return png_chunks((b"IHDR", header), (b"IDAT", zlib.compress(bytes(9999))), (b"IEND", b""))


def report() -> bytes:
    ds = Dataset()
    ds.SOPClassUID, ds.SOPInstanceUID, ds.Modality = make.SR, "1.2.3", "SR"
    ds.PatientName = make.PATIENT
    return write(ds)


def encapsulated(syntax: str = make.JPEG_8) -> bytes:
    return wrap(dataset(smooth()), save(smooth(), "JPEG", quality=95), syntax)


def without(data: bytes, tag: bytes) -> bytes:
    """Renames a tag of group 0028 to a private one."""
    return data.replace(b"\x28\0" + tag, b"\x29\0" + tag, 1)


def meta_only(syntax: str) -> bytes:
    """File meta information with nothing but noise behind it."""
    return dicom(ramp(), syntax if syntax != make.DEFLATED else make.EXPLICIT).replace(
        b"1.2.840.10008.1.2.1\0", syntax.encode() + b"\0", 1
    )


def deflated() -> bytes:
    """The length of (0002,0010) grows from 20 to 22, the data set is garbage that nobody reads."""
    meta = b"\x02\0\x10\0UI" + struct.pack("<H", 22) + make.DEFLATED.encode()
    return bytes(128) + b"DICM" + meta + b"\x78\x9c" + b"garbage" * 99


def with_syntax(uid: str) -> bytes:
    text = uid.encode() + b"\0" * (len(uid) % 2)
    meta = b"\x02\0\x10\0UI" + struct.pack("<H", len(text)) + text
    body = write(dataset(ramp()), make.EXPLICIT, preamble=False)
    return bytes(128) + b"DICM" + meta + body


PNG, JPEG, TIFF = save(ramp(), "PNG"), save(smooth(), "JPEG"), save(ramp(), "TIFF")

CASES: dict[str, tuple[Callable[[], bytes], type[errors.ImageError]]] = {
    "empty": (lambda: b"", errors.EmptySource),
    "one byte": (lambda: b"\xff", errors.UnknownFormat),
    "text": (lambda: b"Chest film of today, see attachment.\n" * 9, errors.UnknownFormat),
    "html": (lambda: b"<!DOCTYPE html><html><body>404</body></html>", errors.UnknownFormat),
    "svg": (lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>", errors.UnknownFormat),
    "pdf": (lambda: b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj<<>>endobj", errors.UnknownFormat),
    "zip": (archive, errors.UnknownFormat),
    "gif": (lambda: save(ramp(), "GIF"), errors.UnknownFormat),
    "mp4": (lambda: b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41" * 9, errors.UnknownFormat),
    "heic": (lambda: b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" * 9, errors.UnknownFormat),
    "wav": (lambda: b"RIFF\x24\0\0\0WAVEfmt " + bytes(99), errors.UnknownFormat),
    "BM without a bitmap header": (lambda: b"BMW sales brochure " * 9, errors.UnknownFormat),
    "zeros": (lambda: bytes(4096), errors.UnknownFormat),
    "jpeg, half": (lambda: JPEG[: len(JPEG) // 2], errors.TruncatedImage),
    "jpeg, header only": (lambda: JPEG[:200], errors.TruncatedImage),
    "jpeg, three bytes": (lambda: JPEG[:3], errors.TruncatedImage),
    "jpeg, progressive, half": (
        lambda: half(save(smooth(), "JPEG", progressive=True)),
        errors.TruncatedImage,
    ),
    "jpeg, no size": (lambda: b"\xff\xd8\xff\xd9", errors.UnreadableImage),
    "jpeg, 12 bits": (
        lambda: JPEG.replace(b"\xff\xc0\x00\x0b\x08", b"\xff\xc0\x00\x0b\x0c"),
        errors.UnsupportedCoding,
    ),
    "png, half": (lambda: PNG[: len(PNG) // 2], errors.TruncatedImage),
    "png, signature only": (lambda: PNG[:8], errors.TruncatedImage),
    "png, bad header checksum": (lambda: flipped(PNG, 29), errors.UnreadableImage),
    "png, bad data checksum": (lambda: flipped(PNG, len(PNG) - 14), errors.UnreadableImage),
    "png, bad data": (lambda: flipped(PNG, 60), errors.UnreadableImage),
    "tiff, half": (lambda: tiff(ramp())[:2000], errors.TruncatedImage),
    "tiff, half, compressed": (
        lambda: tiff_compressed_cut(),
        errors.TruncatedImage,
    ),
    "tiff, directory missing": (lambda: TIFF[:8], errors.TruncatedImage),
    "bmp, half": (lambda: save(ramp(), "BMP")[:3000], errors.TruncatedImage),
    "webp, half": (lambda: half(save(smooth(), "WEBP")), errors.TruncatedImage),
    "webp, header only": (lambda: save(smooth(), "WEBP")[:20], errors.TruncatedImage),
    "63 pixels": (lambda: save(ramp(63, 100), "PNG"), errors.TooSmall),
    "63 pixels in DICOM": (lambda: dicom(ramp(100, 63)), errors.TooSmall),
    "bomb, png": (lambda: claims(60000, 60000), errors.TooLarge),
    "bomb, png, bytes missing": (lambda: claims(11000, 11000), errors.TooLarge),
    "bomb, webp": (lambda: webp_claim(16000, 16000), errors.TooLarge),
    "bomb, tiff": (lambda: tiff_claim(60000), errors.TooLarge),
    "bomb, dicom": (lambda: dicom(ramp(), Rows=60000, Columns=60000), errors.TooLarge),
    "bomb, dicom frames": (lambda: dicom(ramp(), NumberOfFrames=99999), errors.TooLarge),
    "animated webp": (lambda: pages("WEBP"), errors.NotA2DImage),
    "apng": (lambda: pages("PNG"), errors.NotA2DImage),
    "tiff of two pages": (lambda: pages("TIFF"), errors.NotA2DImage),
    "dicom of two frames": (
        lambda: dicom(np.vstack([ramp()] * 2), Rows=64, NumberOfFrames=2),
        errors.NotA2DImage,
    ),
    "dicom, structured report": (report, errors.UnsupportedObject),
    "dicom, CT": (lambda: dicom(ramp(), SOPClassUID=make.CT), errors.UnsupportedObject),
    "dicom, for processing": (
        lambda: dicom(ramp(), SOPClassUID=make.DX_PROCESSING),
        errors.UnsupportedObject,
    ),
    "dicom, float pixels": (
        lambda: dicom(ramp(), PixelData=None, FloatPixelData=bytes(4 * 64 * 80)),
        errors.UnsupportedObject,
    ),
    "dicom, no pixels": (lambda: dicom(ramp(), PixelData=None), errors.NotA2DImage),
    "dicom, no fragment": (
        lambda: encapsulated().replace(b"\xfe\xff\0\xe0", b"\xfe\xff\xdd\xe0"),
        errors.NotA2DImage,
    ),
    "dicom, deflated": (deflated, errors.DeflatedDicom),
    "dicom, unknown syntax": (lambda: with_syntax("1.2.3.4.5"), errors.UnsupportedSyntax),
    "dicom, MPEG-4": (
        lambda: with_syntax("1.2.840.10008.1.2.4.102"),
        errors.UnsupportedSyntax,
    ),
    "dicom, JPEG of 12 bits without a scan": (
        lambda: wrap(
            dataset(np.zeros((64, 80), np.uint16), BitsStored=12),
            make.dct_jpeg(np.zeros((64, 80), np.uint16))[:100] + b"\xff\xd9",
            make.JPEG_12,
        ),
        errors.UnreadableImage,
    ),
    "dicom, nothing but padding": (
        lambda: dicom(np.full((64, 80), 7, np.uint16), PixelPaddingValue=7),
        errors.OnlyPadding,
    ),
    "dicom, no rows": (lambda: dicom(ramp(), Rows=0), errors.UnreadableImage),
    "dicom, rows missing": (lambda: without(dicom(ramp()), b"\x10\0"), errors.UnreadableImage),
    "dicom, 7 bits allocated": (lambda: dicom(ramp(), BitsAllocated=7), errors.UnreadableImage),
    "dicom, 12 bits allocated": (
        lambda: dicom(ramp(), BitsAllocated=12),
        errors.UnsupportedCoding,
    ),
    "dicom, 64 bits": (
        lambda: dicom(ramp(), BitsAllocated=64, BitsStored=64),
        errors.UnsupportedCoding,
    ),
    "dicom, double floats": (
        lambda: dicom(ramp(), PixelData=None, DoubleFloatPixelData=bytes(40960), BitsAllocated=64),
        errors.UnsupportedObject,
    ),
    "dicom, 99 bits allocated": (lambda: dicom(ramp(), BitsAllocated=99), errors.UnreadableImage),
    "dicom, 16 bits stored in 8": (lambda: dicom(ramp(), BitsStored=16), errors.UnreadableImage),
    "dicom, monochrome of no number": (
        lambda: dicom(ramp(), PhotometricInterpretation="MONOCHROME"),
        errors.UnsupportedCoding,
    ),
    "dicom, ARGB": (
        lambda: dicom(ramp(), PhotometricInterpretation="ARGB", SamplesPerPixel=4),
        errors.UnsupportedCoding,
    ),
    "dicom, YBR_PARTIAL_420": (
        lambda: dicom(ramp(), PhotometricInterpretation="YBR_PARTIAL_420", SamplesPerPixel=3),
        errors.UnsupportedCoding,
    ),
    "dicom, 2 samples": (lambda: dicom(ramp(), SamplesPerPixel=2), errors.UnreadableImage),
    "dicom, unknown photometric": (
        lambda: dicom(ramp(), PhotometricInterpretation="HSV"),
        errors.UnsupportedCoding,
    ),
    "dicom, preamble only": (lambda: bytes(128) + b"DICM", errors.TruncatedImage),
    "dicom, cut in the meta": (lambda: dicom(ramp())[:180], errors.TruncatedImage),
    "dicom, cut in the header": (lambda: dicom(ramp())[:420], errors.TruncatedImage),
    "dicom, cut in the pixels": (lambda: dicom(ramp())[:-99], errors.TruncatedImage),
    "dicom, cut in the pixels, implicit": (
        lambda: dicom(ramp(), make.IMPLICIT)[:-99],
        errors.TruncatedImage,
    ),
    "dicom, more pixels claimed": (lambda: dicom(ramp(), Rows=65), errors.TruncatedImage),
    "dicom, cut in a fragment": (lambda: encapsulated()[:-99], errors.TruncatedImage),
    "dicom, broken fragment": (
        lambda: wrap(dataset(smooth()), b"\xff\xd8\xff" + bytes(500), make.JPEG_8),
        errors.UnreadableImage,
    ),
    "dicom, fragment of another size": (
        lambda: wrap(dataset(smooth()), save(smooth(640, 800), "JPEG"), make.JPEG_8),
        errors.UnreadableImage,
    ),
    "dicom, colour fragment in a grey film": (
        lambda: wrap(dataset(smooth()), save(np.stack([smooth()] * 3, -1), "JPEG"), make.JPEG_8),
        errors.UnreadableImage,
    ),
    "dicom, JPEG 2000 bomb": (
        lambda: wrap(dataset(smooth()), j2k_claim(60000), make.J2K_LOSSLESS),
        errors.UnreadableImage,
    ),
    "dicom, line ends of two bytes": (
        lambda: dicom(ramp(256, 256)).replace(b"\n", b"\r\n"),
        errors.StoredAsText,
    ),
    "dicom, Latin-1 as UTF-8": (
        lambda: dicom(ramp()).decode("latin-1").encode(),
        errors.StoredAsText,
    ),
    "dicom, what is no UTF-8 replaced": (
        lambda: dicom(ramp()).decode(errors="replace").encode(),
        errors.StoredAsText,
    ),
    "bmp, Latin-1 as UTF-8": (
        lambda: save(ramp(), "BMP").decode("latin-1").encode(),
        errors.StoredAsText,
    ),
    "dicom, raw pixels called JPEG": (
        lambda: wrap(dataset(ramp()), ramp().tobytes(), make.JPEG_8),
        errors.UnreadableImage,
    ),
}


def tiff_compressed_cut() -> bytes:
    """Pillow writes the directory in front when told to; here the strip stands last."""
    packed = zlib.compress(np.random.default_rng(1).integers(0, 256, (64, 80), np.uint8).tobytes())
    plain = tiff(ramp())
    head = plain[: len(plain) - ramp().nbytes]
    head = head.replace(struct.pack("<HHIH", 259, 3, 1, 1), struct.pack("<HHIH", 259, 3, 1, 8))
    head = head.replace(
        struct.pack("<HHII", 279, 4, 1, 5120), struct.pack("<HHII", 279, 4, 1, len(packed))
    )
    assert images.read(head + packed).facts.rows == 64
    return (head + packed)[:-2000]


def webp_claim(rows: int, columns: int) -> bytes:
    """The canvas of an extended WebP, enlarged in its header."""
    rgba = Image.fromarray(np.stack([ramp()] * 4, -1))
    exif = Image.Exif()
    exif[0x010E] = "x"
    data = bytearray(save(rgba, "WEBP", exif=exif))
    assert data[12:16] == b"VP8X"
    data[24:27], data[27:30] = (columns - 1).to_bytes(3, "little"), (rows - 1).to_bytes(3, "little")
    return bytes(data)


def tiff_claim(side: int) -> bytes:
    data = tiff(ramp())
    data = data.replace(struct.pack("<HHII", 256, 4, 1, 80), struct.pack("<HHII", 256, 4, 1, side))
    return data.replace(struct.pack("<HHII", 257, 4, 1, 64), struct.pack("<HHII", 257, 4, 1, side))


def j2k_claim(side: int) -> bytes:
    data = bytearray(make.jpeg_2000(smooth(), 8))
    data[8:16] = struct.pack(">II", side, side)
    return bytes(data)


@pytest.mark.parametrize("case", CASES)
def test_each_kind_of_broken_film_has_its_error(case: str) -> None:
    data, expected = CASES[case][0](), CASES[case][1]
    with pytest.raises(errors.ImageError) as caught:
        images.read(data, name="film.x")
    assert type(caught.value) is expected, repr(caught.value)
    assert str(caught.value).startswith("film.x: ")
    assert caught.value.hint
    assert "\n" not in str(caught.value)
    assert make.PATIENT not in str(caught.value)


def test_deflated_is_refused_before_pydicom_sees_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zlib, "decompressobj", lambda *_: pytest.fail("inflated"))
    monkeypatch.setattr(zlib, "decompress", lambda *_: pytest.fail("inflated"))
    with pytest.raises(errors.DeflatedDicom):
        images.read(deflated())


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(errors.MissingFile, match="nowhere"):
        images.read(tmp_path / "nowhere.png")
    (tmp_path / "file").write_bytes(PNG)
    with pytest.raises(errors.MissingFile):
        images.read(tmp_path / "file" / "below")


def test_directory(tmp_path: Path) -> None:
    with pytest.raises(errors.IsADirectory):
        images.read(tmp_path)


def test_no_permission(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    path = tmp_path / "secret.png"
    path.write_bytes(PNG)
    path.chmod(0)
    with pytest.raises(errors.NotPermitted):
        images.read(path)


def test_no_permission_as_the_system_says_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "film.png").touch()
    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(errors.NotPermitted):
        images.read(tmp_path / "film.png")


@pytest.mark.parametrize("path", ["a\0b", "x" * 5000])
def test_impossible_paths(path: str) -> None:
    with pytest.raises(errors.UnreadableImage):
        images.read(path)


def test_too_many_bytes(tmp_path: Path) -> None:
    path = tmp_path / "film.png"
    path.write_bytes(PNG)
    for source in (PNG, memoryview(PNG), BytesIO(PNG), path):
        with pytest.raises(errors.TooLarge):
            images.read(source, max_bytes=len(PNG) - 1)
        if isinstance(source, BytesIO):
            assert source.tell() <= len(PNG)
            source.seek(0)
        assert images.read(source, max_bytes=len(PNG)).facts.rows == 64


def test_an_endless_stream_is_left() -> None:
    class Endless:
        given = 0

        def read(self, size: int) -> bytes:
            self.given += size
            return bytes(size)

    stream = Endless()
    with pytest.raises(errors.TooLarge):
        images.read(stream, max_bytes=5_000_000)
    assert stream.given == 5_000_001


def test_limits_are_the_callers() -> None:
    assert images.read(save(ramp(20, 30), "PNG"), min_side_px=20).facts.rows == 20
    with pytest.raises(errors.TooLarge, match="5,119 pixels"):
        images.read(PNG, max_pixels=5119)
    assert images.read(PNG, max_pixels=5120).facts.rows == 64


def test_a_broken_stream() -> None:
    class Broken:
        def read(self, _: int) -> bytes:
            raise OSError(5, "Input/output error")

    with pytest.raises(errors.UnreadableImage, match="Input/output error"):
        images.read(Broken())


@pytest.mark.parametrize("source", [None, 7, np.zeros((64, 64)), StringIO("text")])
def test_what_is_no_source_is_a_type_error(source: object) -> None:
    """A mistake of the caller, not of the film."""
    with pytest.raises(TypeError):
        images.read(source)


def test_memory_error_becomes_an_image_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def greedy(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("pneumoscope.images.raster.luminance", greedy)
    with pytest.raises(errors.UnreadableImage, match="memory") as caught:
        images.read(PNG)
    assert isinstance(caught.value.__cause__, MemoryError)


def film_formats() -> dict[str, bytes]:
    colour = np.stack([ramp(), smooth(), ramp()], -1)
    deep = ramp().astype(np.uint16) * 16
    return {
        "jpeg": save(smooth(), "JPEG"),
        "jpeg progressive": save(colour, "JPEG", progressive=True),
        "png": save(ramp(), "PNG"),
        "png rgba": save(np.dstack([colour, smooth()]), "PNG"),
        "tiff": save(ramp(), "TIFF"),
        "tiff lzw": save(deep, "TIFF", compression="tiff_lzw"),
        "bmp": save(colour, "BMP"),
        "webp": save(colour, "WEBP"),
        "dicom explicit": dicom(deep, BitsStored=12, WindowCenter=2048, WindowWidth=4096),
        "dicom implicit": dicom(deep, make.IMPLICIT, VOILUTSequence=[], PixelPaddingValue=0),
        "dicom big": dicom(deep, make.BIG),
        "dicom rle": make.compressed(dataset(deep), make.RLE, "pydicom"),
        "dicom jpeg": encapsulated(),
        "dicom lossless": wrap(dataset(smooth()), lossless_jpeg(smooth(), 8, 1), make.LOSSLESS_SV1),
        "dicom jls": make.compressed(dataset(deep), make.JLS, "pyjpegls"),
        "dicom j2k": make.compressed(dataset(deep), make.J2K_LOSSLESS, "openjpeg"),
    }


FORMATS = film_formats()


@pytest.mark.slow
@pytest.mark.parametrize("kind", FORMATS)
def test_damaged_films_read_or_raise_an_image_error(kind: str) -> None:
    """300 damages each: flipped bytes, cuts, and blocks of noise, most of them in the header."""
    rng = np.random.default_rng(20261121)
    whole = FORMATS[kind]
    outcomes = {"read": 0, "refused": 0}
    for n in range(300):
        data = bytearray(whole)
        if n % 5 == 0:
            del data[int(rng.integers(1, len(data))) :]
        else:
            reach = len(data) if n % 2 else min(len(data), 700)
            for at in rng.integers(0, reach, int(rng.integers(1, 6))):
                data[at] = rng.integers(256)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                film = images.read(bytes(data))
                assert film.pixels.dtype == np.float32
                assert 0 <= film.pixels.min() <= film.pixels.max() <= 1
                outcomes["read"] += 1
            except errors.ImageError:
                outcomes["refused"] += 1
        assert not caught, [str(w.message) for w in caught]
    assert outcomes["refused"] > 20, outcomes
