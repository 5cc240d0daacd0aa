"""Makes the files that the tests of images/ read. Everything is seeded or counted by hand."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import numpy as np
from openjpeg.utils import encode_array
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate

IMPLICIT, EXPLICIT, BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
RLE = "1.2.840.10008.1.2.5"
JPEG_8, JPEG_12 = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"
LOSSLESS, LOSSLESS_SV1 = "1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70"
JLS, JLS_NEAR = "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"
J2K_LOSSLESS, J2K = "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91"
HTJ2K_LOSSLESS, HTJ2K_RPCL, HTJ2K = (f"1.2.840.10008.1.2.4.20{n}" for n in (1, 2, 3))

CR = "1.2.840.10008.5.1.4.1.1.1"
DX = "1.2.840.10008.5.1.4.1.1.1.1"
DX_PROCESSING = "1.2.840.10008.5.1.4.1.1.1.1.1"
CT = "1.2.840.10008.5.1.4.1.1.2"
SR = "1.2.840.10008.5.1.4.1.1.88.33"
SC = "1.2.840.10008.5.1.4.1.1.7"
SC_WORDS = "1.2.840.10008.5.1.4.1.1.7.3"

PATIENT = "DOE^JANE^SECRET"
PATIENT_ID = "ID-987654321"


def ramp(rows: int = 64, columns: int = 80) -> np.ndarray:
    """uint8, no two neighbours alike, and no symmetry."""
    y, x = np.mgrid[:rows, :columns]
    return ((3 * x + 2 * y) % 251).astype(np.uint8)


def smooth(rows: int = 64, columns: int = 80) -> np.ndarray:
    """uint8, gentle enough for JPEG to keep within a few grey levels."""
    y, x = np.mgrid[:rows, :columns]
    return (40 + 120 * x / columns + 60 * y / rows).astype(np.uint8)


def save(image: Image.Image | np.ndarray, kind: str, **options: object) -> bytes:
    out = BytesIO()
    if isinstance(image, np.ndarray):
        image = Image.fromarray(image)
    image.save(out, kind, **options)
    return out.getvalue()


def png_chunks(*chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of the given (type, data) chunks with right checksums."""
    parts = [b"\x89PNG\r\n\x1a\n"]
    for kind, data in chunks:
        crc = zlib.crc32(kind + data)
        parts.append(struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc))
    return b"".join(parts)


def tiff(
    pixels: np.ndarray,
    photometric: int = 1,
    order: str = "<",
    bits: int | None = None,
    fmt: int = 1,
) -> bytes:
    """An uncompressed one-strip TIFF, by TIFF 6.0, so that no writer has a say in it."""
    rows, columns = pixels.shape
    entries = [
        (256, 4, columns),
        (257, 4, rows),
        (258, 3, bits or pixels.itemsize * 8),
        (259, 3, 1),
        (262, 3, photometric),
        (273, 4, 8 + 2 + 10 * 12 + 4),
        (277, 3, 1),
        (278, 4, rows),
        (279, 4, pixels.nbytes),
        (339, 3, fmt),
    ]
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    ifd = struct.pack(order + "H", len(entries))
    for tag, kind, value in entries:
        packed = struct.pack(order + ("H2x" if kind == 3 else "I"), value)
        ifd += struct.pack(order + "HHI", tag, kind, 1) + packed
    data = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
    return head + ifd + struct.pack(order + "I", 0) + data


def dataset(stored: np.ndarray, **elements: object) -> Dataset:
    """A CR film with a patient; ``elements`` override, None removes."""
    ds = Dataset()
    ds.SOPClassUID, ds.SOPInstanceUID = CR, "1.2.3.4"
    ds.Modality = "CR"
    ds.PatientName, ds.PatientID, ds.PatientBirthDate = PATIENT, PATIENT_ID, "19991231"
    ds.SamplesPerPixel = 3 if stored.ndim == 3 else 1
    ds.PhotometricInterpretation = "RGB" if stored.ndim == 3 else "MONOCHROME2"
    if stored.ndim == 3:
        ds.PlanarConfiguration = 0
    ds.Rows, ds.Columns = stored.shape[:2]
    ds.BitsAllocated = ds.BitsStored = stored.itemsize * 8
    ds.HighBit = ds.BitsStored - 1
    ds.PixelRepresentation = int(stored.dtype.kind == "i")
    ds.PixelData = stored.tobytes() + b"\0" * (stored.nbytes % 2)
    ds["PixelData"].VR = "OW" if stored.itemsize > 1 else "OB"
    for key, value in elements.items():
        if value is None:
            delattr(ds, key)
        else:
            setattr(ds, key, value)
    return ds


def write(ds: Dataset, syntax: str = EXPLICIT, preamble: bool = True) -> bytes:
    """The bytes of a DICOM file. Big endian swaps 16-bit pixels here."""
    implicit, little = syntax == IMPLICIT, syntax != BIG
    out = BytesIO()
    if preamble:
        meta = FileMetaDataset()
        meta.TransferSyntaxUID = syntax
        meta.MediaStorageSOPClassUID = ds.get("SOPClassUID", "1.2.3")
        meta.MediaStorageSOPInstanceUID = "1.2.3.4"
        ds.file_meta = meta
        if syntax == BIG and "PixelData" in ds and ds.BitsAllocated == 16:
            ds.PixelData = np.frombuffer(ds.PixelData, "<u2").astype(">u2").tobytes()
            ds["PixelData"].VR = "OW"
        ds.save_as(out, implicit_vr=implicit, little_endian=little, enforce_file_format=True)
    else:
        ds.save_as(out, implicit_vr=implicit, little_endian=little, enforce_file_format=False)
    return out.getvalue()


def dicom(stored: np.ndarray, syntax: str = EXPLICIT, **elements: object) -> bytes:
    return write(dataset(stored, **elements), syntax)


def compressed(ds: Dataset, syntax: str, plugin: str, **options: object) -> bytes:
    """A DICOM file whose pixels a pydicom plugin, or openjpeg itself, compresses."""
    if plugin == "openjpeg":
        return wrap(ds, jpeg_2000(stored_of(ds), ds.BitsStored, **options), syntax)
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = EXPLICIT
    ds.compress(syntax, encoding_plugin=plugin, generate_instance_uid=False, **options)
    return write(ds, syntax)


def stored_of(ds: Dataset) -> np.ndarray:
    kind = f"<{'ui'[ds.PixelRepresentation]}{ds.BitsAllocated // 8}"
    shape = (ds.Rows, ds.Columns, 3)[: 2 + (ds.SamplesPerPixel == 3)]
    return np.frombuffer(ds.PixelData, kind, count=int(np.prod(shape))).reshape(shape)


def jpeg_2000(stored: np.ndarray, bits: int, **options: object) -> bytes:
    """A JPEG 2000 codestream; colour goes through the component transform."""
    photometric = 1 if stored.ndim == 3 else 2  # openjpeg's numbers for sRGB and grey
    return encode_array(stored, bits, photometric, stored.ndim == 3, **options)


def jpeg_ls(stored: np.ndarray) -> bytes:
    """A lossless JPEG-LS codestream of all bits of the type."""
    import jpeg_ls

    return bytes(jpeg_ls.encode_array(stored))


def wrap(ds: Dataset, codestream: bytes, syntax: str) -> bytes:
    """A DICOM file around a codestream that is compressed already."""
    ds.PixelData = encapsulate([codestream])
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    return write(ds, syntax)


def lossless_jpeg(stored: np.ndarray, bits: int, predictor: int) -> bytes:
    """Encodes ITU-T T.81 process 14 (annex H), predictor 1 (left) or 2 (above).

    The Huffman table gives each of the 17 categories a code of five bits, so that it can be
    written down: category c has the code c.
    """
    values = stored.astype(np.int64)
    predicted = np.empty_like(values)
    predicted[1:, 1:] = values[1:, :-1] if predictor == 1 else values[:-1, 1:]
    predicted[0, 1:], predicted[1:, 0] = values[0, :-1], values[:-1, 0]
    predicted[0, 0] = 1 << (bits - 1)
    out = []
    differences = (values - predicted + 32767) % 65536 - 32767  # H.1.2.1: modulo 2^16
    for difference in differences.ravel().tolist():
        category = abs(difference).bit_length()
        out.append(format(category, "05b"))
        if 0 < category < 16:  # H.1.2.2: category 16 is 32768 alone, and has no further bits
            extra = difference if difference > 0 else difference + (1 << category) - 1
            out.append(format(extra, f"0{category}b"))
    text = "".join(out)
    text += "1" * (-len(text) % 8)
    scan = int(text, 2).to_bytes(len(text) // 8, "big").replace(b"\xff", b"\xff\0")
    rows, columns = stored.shape
    sof = struct.pack(">BHHBBBB", bits, rows, columns, 1, 1, 0x11, 0)
    dht = b"\0" + bytes([0, 0, 0, 0, 17] + [0] * 11) + bytes(range(17))
    sos = bytes([1, 1, 0, predictor, 0, 0])
    segments = segment(0xC3, sof) + segment(0xC4, dht) + segment(0xDA, sos)
    return b"\xff\xd8" + segments + scan + b"\xff\xd9"


def segment(marker: int, body: bytes) -> bytes:
    """A marker segment of a JPEG (T.81 B.1.1.4)."""
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def blocks(values: np.ndarray) -> np.ndarray:
    """Each value as a block of 8 x 8 pixels, as `dct_jpeg` can store them without loss."""
    return np.kron(values, np.ones((8, 8), values.dtype))


def dct_jpeg(stored: np.ndarray, bits: int = 12, frame: int = 0xC1) -> bytes:
    """Encodes flat blocks of 8 x 8 pixels by ITU-T T.81 process 4 (annex F).

    The DC coefficient of a flat block is 8 (v - 2^(bits - 1)) (A.3.3), and is divided by 8. The
    table of DC codes has a code of five bits for each category, and that of AC codes only 0: end
    of block.
    """
    dc = stored[::8, ::8].astype(int).ravel() - (1 << (bits - 1))
    out = []
    for difference in np.diff(dc, prepend=0).tolist():
        category = abs(difference).bit_length()
        out.append(format(category, "05b"))
        if category:
            extra = difference if difference > 0 else difference + (1 << category) - 1
            out.append(format(extra, f"0{category}b"))
        out.append("0")
    text = "".join(out)
    text += "1" * (-len(text) % 8)
    scan = int(text, 2).to_bytes(len(text) // 8, "big").replace(b"\xff", b"\xff\0")
    rows, columns = stored.shape
    return (
        b"\xff\xd8"
        + segment(0xDB, b"\0" + bytes([8] + [1] * 63))
        + segment(frame, struct.pack(">BHHBBBB", bits, rows, columns, 1, 1, 0x11, 0))
        + segment(0xC4, b"\0" + bytes([0, 0, 0, 0, 16] + [0] * 11) + bytes(range(16)))
        + segment(0xC4, b"\x10" + bytes([1] + [0] * 15) + b"\0")
        + segment(0xDA, bytes([1, 1, 0, 0, 63, 0]))
        + scan
        + b"\xff\xd9"
    )


def table(descriptor: list[int], data: bytes, vr: str = "US") -> Dataset:
    """The item of a modality or VOI LUT."""
    item = Dataset()
    item.add_new("LUTDescriptor", vr, descriptor)
    item.add_new("LUTData", "OW", data)
    return item


def words(*values: int) -> bytes:
    """Little endian words of 16 bits."""
    return struct.pack(f"<{len(values)}H", *values)
