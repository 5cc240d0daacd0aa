"""Files that are no films are named, with what to do."""

from __future__ import annotations

import base64
import bz2
import gzip
import lzma
import tarfile
import zipfile
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from film_files import jpeg_2000, ramp, save, smooth
from pneumoscope import errors, images
from pneumoscope.images.foreign import foreign_kind


def npy() -> bytes:
    out = BytesIO()
    np.save(out, ramp())
    return out.getvalue()


def nifti() -> bytes:
    head = bytearray(352)
    head[:4] = (348).to_bytes(4, "little")
    head[344:348] = b"n+1\0"
    return bytes(head) + ramp().tobytes()


def tar() -> bytes:
    out = BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        member = tarfile.TarInfo("film.png")
        member.size = 3
        archive.addfile(member, BytesIO(b"abc"))
    return out.getvalue()


def zipped(name: str) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, save(ramp(), "PNG"))
    return out.getvalue()


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"
KINDS: dict[str, tuple[bytes, str, str]] = {
    "jp2": (save(smooth(), "JPEG2000"), "JPEG 2000", "PNG or TIFF"),
    "j2k": (jpeg_2000(smooth(), 8), "JPEG 2000", "PNG or TIFF"),
    "gif": (save(ramp(), "GIF"), "GIF", "PNG or TIFF"),
    "heic": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" * 9, "HEIC", "PNG or TIFF"),
    "avif": (b"\0\0\0\x18ftypavif\0\0\0\0mif1avif" * 9, "AVIF", "PNG or TIFF"),
    "mp4": (b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41" * 9, "video", "DICOM"),
    "jxl": (b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(99), "JPEG XL", "PNG or TIFF"),
    "jxl codestream": (b"\xff\x0a" + bytes(199), "JPEG XL", "PNG or TIFF"),
    "pgm": (b"P5\n80 64\n255\n" + ramp().tobytes(), "PGM", "PNG or TIFF"),
    "ppm": (b"P6 9 9 255\n" + bytes(243), "PPM", "PNG or TIFF"),
    "ico": (save(Image.fromarray(ramp()), "ICO"), "icon", "PNG or TIFF"),
    "npy": (npy(), "NumPy", "PNG or TIFF"),
    "nifti": (nifti(), "NIfTI", "one film"),
    "nrrd": (b"NRRD0004\ntype: short\n", "NRRD", "one film"),
    "h5": (b"\x89HDF\r\n\x1a\n" + bytes(99), "HDF5", "one film"),
    "zip": (zipped("film.png"), "ZIP", "Unpack"),
    "docx": (zipped("[Content_Types].xml"), "Office", "film itself"),
    "gzip": (gzip.compress(nifti()), "gzip", "Unpack"),
    "bzip2": (bz2.compress(nifti()), "bzip2", "Unpack"),
    "xz": (lzma.compress(nifti()), "xz", "Unpack"),
    "tar": (tar(), "tar", "Unpack"),
    "7z": (b"7z\xbc\xaf\x27\x1c" + bytes(99), "7-Zip", "Unpack"),
    "rar": (b"Rar!\x1a\x07\x01\x00" + bytes(99), "RAR", "Unpack"),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj<<>>endobj", "PDF", "film itself"),
    "html": (b"\xef\xbb\xbf <!DOCTYPE html><html><body>log in</body></html>", "web page", "log in"),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG", "film itself"),
    "xml": (b"<?xml version='1.0'?><annotation/>", "XML", "film itself"),
    "git lfs": (LFS, "Git LFS", "git lfs pull"),
    "git annex": (b"/annex/objects/SHA256E-s1--ab.png\n", "git-annex", "git annex get"),
    "multipart": (
        b"\r\n--0a1b\r\nContent-Length: 9\r\nContent-Type: application/dicom\r\n\r\n" + bytes(999),
        "multipart",
        "Save each part",
    ),
    "data URL": (b"data:image/png;base64,iVBORw0KGgo" + b"A" * 99, "base64", "base64 -d"),
    "base64": (base64.b64encode(save(smooth(), "JPEG")), "base64", "base64 -d"),
    "jpeg as text": (
        save(smooth(), "JPEG").decode(errors="replace").encode(),
        "took for text",
        "binary",
    ),
    "png as text": (save(smooth(), "PNG").decode("latin-1").encode(), "took for text", "binary"),
    "png by FTP": (save(smooth(), "PNG").replace(b"\n", b"\r\n"), "took for text", "binary"),
    "macOS": (b"\0\5\x16\7\0\2\0\0Mac OS X" + bytes(99), "macOS", "._"),
    "qoi": (b"qoif\0\0\2\x80" + bytes(99), "QOI", "PNG or TIFF"),
    "dds": (b"DDS \x7c\0\0\0" + bytes(99), "DDS", "PNG or TIFF"),
    "xcf": (b"gimp xcf v011\0" + bytes(99), "GIMP", "PNG or TIFF"),
    "hdr": (b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n", "Radiance", "PNG or TIFF"),
    "djvu": (b"AT&TFORM\0\0\x09\0DJVU", "DjVu", "film itself"),
    "eps": (b"\xc5\xd0\xd3\xc6" + bytes(99), "PostScript", "film itself"),
    "minc": (b"CDF\1" + bytes(99), "NetCDF", "one film"),
    "parquet": (b"PAR1" + bytes(99), "Parquet", "one film"),
    "sqlite": (b"SQLite format 3\0" + bytes(99), "SQLite", "film itself"),
    "lz4": (b"\x04\x22M\x18" + bytes(99), "LZ4", "Unpack"),
    "compress": (b"\x1f\x9d\x90" + bytes(99), "compress", "Unpack"),
    "cab": (b"MSCF" + bytes(99), "cabinet", "Unpack"),
    "pgp": (b"-----BEGIN PGP MESSAGE-----\n", "encrypted", "Decrypt"),
    "url": (b"[InternetShortcut]\r\nURL=https://example.org/\r\n", "shortcut", "film itself"),
    "elf": (b"\x7fELF" + bytes(99), "program", "film itself"),
    "DICOM as JSON": (b'[{"00080005": {"vr": "CS"}}]', "JSON", "DICOM file"),
    "an answer with its header": (b"HTTP/1.1 200 OK\r\n\r\n" + bytes(99), "header", "empty line"),
    "sgi": (b"\x01\xda\0\1" + bytes(600), "SGI", "PNG or TIFF"),
    "pcx": (b"\x0a\5\1\x08" + bytes(200), "PCX", "PNG or TIFF"),
    "icns": (b"icns\0\0\1\0" + bytes(99), "icon", "PNG or TIFF"),
    "analyze": (b"\x5c\1\0\0" + bytes(344), "Analyze", "one film"),
    "sound": (b"RIFF\x24\0\0\0WAVEfmt " + bytes(99), "sound", "film itself"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_foreign_file_is_named_with_what_to_do(kind: str) -> None:
    data, words, advice = KINDS[kind]
    with pytest.raises(errors.UnknownFormat) as caught:
        images.read(data, name="film.x")
    assert words in str(caught.value)
    assert advice in caught.value.hint
    assert "damaged" not in caught.value.hint


@pytest.mark.parametrize("data", [bytes(4096), b"\xff", b"\x80\x81\x82" * 99, b"", b"file,label\n"])
def test_an_unknown_file_stays_unknown(data: bytes) -> None:
    assert foreign_kind(data) == ("", "")
