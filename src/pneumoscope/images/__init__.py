"""Reads a film from any source, and makes the one model input.

``read`` picks the decoder by the first bytes, never by the file's ending, and imports it only then:
``raster`` (Pillow) for JPEG, PNG, TIFF, BMP and WebP, ``dicom`` (pydicom) for DICOM.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from pneumoscope.errors import (
    EmptySource,
    ImageError,
    IsADirectory,
    MissingFile,
    NotPermitted,
    TooLarge,
    UnknownFormat,
    UnreadableImage,
)
from pneumoscope.images.limits import MAX_BYTES, MAX_PIXELS, MIN_SIDE_PX, Limits
from pneumoscope.images.quiet import quiet
from pneumoscope.records import Radiograph

if TYPE_CHECKING:
    from numpy.typing import NDArray

_log = logging.getLogger(__name__)

__all__ = [
    "Source",
    "find_films",
    "is_archive",
    "load_bytes",
    "model_input",
    "name_of",
    "read",
    "resample",
    "sniff",
]

Source = str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes]

VERSION = 1  # of what `read` and `model_input` make of a film; caches of older versions are void
SOURCE_SIZE = 224  # px; the training films were stored at 224 x 224

_ENDINGS = frozenset(
    (
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".tif", ".tiff", ".bmp", ".dib", ".webp"),
        *(".dcm", ".dicom", ".dic", ".ima"),
    )
)
_BMP_HEADERS = (12, 40, 52, 56, 64, 108, 124)  # sizes of the BITMAPINFOHEADER family, bytes


def read(
    source: Source,
    *,
    at_least_px: int | None = None,
    name: str | None = None,
    min_side_px: int = MIN_SIDE_PX,
    max_pixels: int = MAX_PIXELS,
    max_bytes: int = MAX_BYTES,
) -> Radiograph:
    """Reads one film.

    Args:
        source: A path, the bytes of a file, or a binary stream (read from its current position).
        at_least_px: If given, a large JPEG may be decoded at 1/2, 1/4 or 1/8 of its size, as long
            as either side keeps at least this many pixels. ``facts.rows`` and
            ``facts.columns`` stay those of the stored film.
        name: What to call the film in messages; by default ``name_of(source)``.
        min_side_px: Fewest pixels along either side.
        max_pixels: Most rows x columns x frames, checked in the header before decoding.
        max_bytes: Most bytes of the file; of a stream no more than one byte beyond is read.

    Returns:
        The film: pixels float32 (rows, columns) in [0, 1], C-contiguous, 0 = air-dark.

    Raises:
        ImageError: One of its subclasses, for every way in which a film can be unreadable.
    """
    label = name_of(source) if name is None else name
    data = load_bytes(source, label, max_bytes)
    kind = sniff(data)
    if kind is None:
        raise UnknownFormat(label)
    limits = Limits(max_pixels, min_side_px)
    try:
        with quiet():
            if kind == "DICOM":
                from pneumoscope.images.dicom import read_dicom

                return read_dicom(data, label, limits)
            from pneumoscope.images.raster import read_raster

            return read_raster(data, kind, label, limits, at_least_px)
    except ImageError:
        raise
    except MemoryError as error:
        raise UnreadableImage(label, "the memory does not suffice") from error
    except Exception as error:
        _log.debug("the %s decoder failed", kind, exc_info=True)
        # A decoder's text may quote the file, and a DICOM header holds names: its class suffices.
        raise UnreadableImage(
            label, f"the {kind} decoder failed: {type(error).__name__}"
        ) from error


def name_of(source: object) -> str:
    """What to call a source in messages: its path, its name, ``"<bytes>"`` or ``"<stream>"``."""
    if isinstance(source, str | os.PathLike):
        return os.fsdecode(source)
    if isinstance(source, bytes | bytearray | memoryview):
        return "<bytes>"
    own = getattr(source, "name", None)  # of an open file, or "<stdin>"
    return own if isinstance(own, str) else "<stream>"


def sniff(head: bytes) -> str | None:
    """Names the format by its first bytes.

    Args:
        head: At least the first 132 bytes, or all of a shorter file.

    Returns:
        ``"JPEG"``, ``"PNG"``, ``"TIFF"``, ``"BMP"``, ``"WEBP"``, ``"DICOM"``, or None.
    """
    if head[:3] == b"\xff\xd8\xff":
        return "JPEG"
    if head[:8] == b"\x89PNG\r\n\x1a\n":
        return "PNG"
    if head[128:132] == b"DICM":  # PS3.10 7.1; the preamble may look like a TIFF on purpose
        return "DICOM"
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "TIFF"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return "BMP"
    return "DICOM" if _is_bare_dicom(head) else None


def _is_bare_dicom(head: bytes) -> bool:
    """Whether a file starts with a data element instead of the preamble that PS3.10 7.1 asks for.

    It does if its first tag is an early one of group 0002 or 0008, little endian, followed by a VR
    or by a short length.
    """
    if len(head) < 132 or head[1] or head[0] not in (2, 8) or head[3] or head[2] > 0x20:
        return False
    return head[4:6] in (b"UL", b"OB", b"UI", b"CS", b"DA", b"TM", b"SH", b"LO") or (
        0 < int.from_bytes(head[4:8], "little") <= 64
    )


def is_archive(head: bytes) -> bool:
    """Whether a file that begins so is a ZIP archive (APPNOTE.TXT 4.3.7, or 4.3.16 for an empty one)."""
    return head[:4] in (b"PK\3\4", b"PK\5\6")


def load_bytes(source: Source, name: str, max_bytes: int = MAX_BYTES) -> bytes:
    """All bytes of a source, at most ``max_bytes``.

    Args:
        source: A path, the bytes of a file, or a binary stream.
        name: What to call it in messages.
        max_bytes: Most bytes; of a stream no more than one byte beyond is read.

    Raises:
        ImageError: It cannot be opened or read, is empty or too large.
    """
    if not isinstance(source, str | os.PathLike | bytes | bytearray | memoryview) and not hasattr(
        source, "read"
    ):
        raise TypeError(f"a film is a path, bytes or a binary stream, not {type(source).__name__}")
    limit = f"{max_bytes:,} bytes"
    if isinstance(source, bytes | bytearray | memoryview):
        size = source.nbytes if isinstance(source, memoryview) else len(source)
        if size > max_bytes:
            raise TooLarge(name, f"{size:,} bytes", limit)
        data = bytes(source)
    else:
        try:
            if isinstance(source, str | os.PathLike):
                with Path(source).open("rb", buffering=0) as file:
                    size = os.fstat(file.fileno()).st_size
                    if size > max_bytes:  # known before a byte is read
                        raise TooLarge(name, f"{size:,} bytes", limit)
                    # one byte beyond the size: the end shows without a second buffer
                    data = _drain(file, max_bytes + 1, max(size + 1, 2**16))
            else:
                data = _drain(source, max_bytes + 1, 2**20)
        except ImageError:
            raise
        except (FileNotFoundError, NotADirectoryError) as error:
            raise MissingFile(name) from error
        except IsADirectoryError as error:
            raise IsADirectory(name) from error
        except PermissionError as error:
            raise NotPermitted(name) from error
        except OSError as error:
            raise UnreadableImage(name, error.strerror or type(error).__name__) from error
        except ValueError as error:  # a NUL in the path, a closed stream
            raise UnreadableImage(name, str(error)) from error
        except TypeError:
            raise  # not a binary stream: the caller's mistake
        except Exception as error:  # a stream may raise what it likes: EOFError, zlib.error ...
            raise UnreadableImage(name, type(error).__name__) from error
    if len(data) > max_bytes:
        raise TooLarge(name, f"more than {max_bytes:,} bytes", limit)
    if not data:
        raise EmptySource(name)
    return data


def _drain(stream: IO[bytes], most: int, step: int) -> bytes:
    """Reads until the end, but no more than ``most`` bytes; raw streams may answer in pieces.

    ``step`` bounds one request, because Python sets aside the memory that a request asks for.
    """
    pieces = []
    while most > 0 and (piece := stream.read(min(most, step))):
        if isinstance(piece, str):
            raise TypeError("the stream gives text; open it with mode 'rb'")
        pieces.append(piece)
        most -= len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def model_input(
    film: Radiograph | NDArray[np.float32], size: int, source_size: int = SOURCE_SIZE
) -> NDArray[np.uint8]:
    """What the network sees of a film: the only definition, for training and inference alike.

    The training films were stored at ``source_size`` squared (bilinear, aspect ratio not kept), so
    every other film takes that step first. An 8-bit film of that size passes it bit by bit.

    Args:
        film: A film, or its pixels: float32 (rows, columns) in [0, 1].
        size: Side of the model input in pixels.
        source_size: Side of the intermediate film in pixels.

    Returns:
        uint8 (size, size), 0 to 255.
    """
    if isinstance(film, Radiograph) and film.levels is not None:
        return resample(resample(film.levels, source_size), size)
    pixels = film.pixels if isinstance(film, Radiograph) else film
    # Adding one half and cutting rounds non-negative numbers; rint would cost a pass more.
    scaled = np.clip(pixels, 0.0, 1.0)
    scaled *= np.float32(255)
    scaled += np.float32(0.5)
    return resample(resample(scaled.astype(np.uint8), source_size), size)


def resample(film: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """One step of `model_input`; training takes the second after its augmentation.

    Args:
        film: uint8 (rows, columns).
        size: Wanted side in pixels.

    Returns:
        uint8 (size, size), by bilinear resampling with antialiasing, as Pillow always does.
    """
    from PIL import Image

    if film.shape == (size, size):
        return film
    return np.array(Image.fromarray(film).resize((size, size), Image.Resampling.BILINEAR))


def find_films(paths: Iterable[str | os.PathLike[str]]) -> Iterator[Path]:
    """Expands folders and glob patterns to films.

    A folder gives the files below it, sorted, folder by folder, that have the ending of an image or a
    DICOM file, or whose first bytes say so; hidden files and folders are left out. Whatever does not
    exist is passed on, so that ``read`` reports it.

    Args:
        paths: Files, folders, and patterns with ``*``, ``?``, ``[]`` or ``**``.

    Yields:
        One path per film. A film that two arguments name comes twice.
    """
    import glob

    for given in paths:
        path = Path(given)
        if path.is_dir():
            yield from _films_below(path)
        elif not path.exists() and glob.has_magic(os.fspath(given)):
            found = sorted(glob.glob(os.fspath(given), recursive=True))  # noqa: PTH207 (absolute)
            for hit in map(Path, found):
                if hit.is_dir():  # what ``**`` lists below it comes by itself
                    if "**" not in os.fspath(given):
                        yield from _films_below(hit)
                elif "**" not in os.fspath(given) or _looks_like_film(hit):
                    yield hit
            if not found:
                yield path
        else:
            yield path


def _films_below(folder: Path) -> Iterator[Path]:
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        for file in sorted(files):
            path = Path(root, file)
            if not file.startswith(".") and _looks_like_film(path):
                yield path


def _looks_like_film(path: Path) -> bool:
    if path.suffix.lower() in _ENDINGS:
        return True  # broken ones too: their error is worth a report
    if path.name.upper() == "DICOMDIR":  # PS3.10 8.6: an index, not a film
        return False
    try:
        with path.open("rb") as file:
            return sniff(file.read(132)) is not None
    except OSError:
        return False
