"""Reads damaged films of every coding, and counts crashes, hangs and unexpected errors.

    python tools/fuzz_films.py --films 2000

Films are damaged by a seeded generator: bytes changed, parts zeroed, set to FF, cut out, doubled or
swapped, mostly in the compressed data. A child process reads them, as `predict` would. The tool prints
for each coding how many were read, how many gave an `ImageError`, and the longest time; it ends with 1
if a film ended the child, took more than 10 s, or gave another error.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "images"))
import film_files as make
from pneumoscope import images
from pneumoscope.errors import ImageError

HANG_S = 10.0
ROWS, COLUMNS = 96, 128


def films() -> dict[str, bytes]:
    """A sound film of each coding, in DICOM and by itself."""
    y, x = np.mgrid[:ROWS, :COLUMNS]
    noise = np.random.default_rng(5).normal(0, 8, (ROWS, COLUMNS))
    grey = np.clip(60 + x / 2 + y / 3 + noise, 0, 255).astype(np.uint8)
    deep = grey.astype(np.uint16) * 16
    wide = {"BitsStored": 12, "HighBit": 11}
    jpeg = make.save(grey, "JPEG", quality=90)
    return {
        "JPEG": jpeg,
        "JPEG progressive": make.save(grey, "JPEG", progressive=True),
        "JPEG in DICOM": make.wrap(make.dataset(grey), jpeg, make.JPEG_8),
        "JPEG Lossless in DICOM": make.wrap(
            make.dataset(deep, **wide), make.lossless_jpeg(deep, 12, 1), make.LOSSLESS
        ),
        "JPEG-LS in DICOM": make.compressed(make.dataset(deep, **wide), make.JLS, "pyjpegls"),
        "JPEG 2000 in DICOM": make.wrap(
            make.dataset(deep, **wide),
            make.jpeg_2000(deep, 12),
            make.J2K_LOSSLESS,
        ),
        "RLE in DICOM": make.compressed(make.dataset(deep, **wide), make.RLE, "pydicom"),
        "DICOM": make.dicom(deep, **wide),
        "PNG": make.save(grey, "PNG"),
        "TIFF": make.save(deep, "TIFF", compression="tiff_lzw"),
        "TIFF of 32 bits": make.tiff(deep.astype(np.uint32)),
        "BMP": make.save(grey, "BMP"),
        "WebP": make.save(grey, "WEBP"),
    }


def damaged(film: bytes, seed: int) -> bytes:
    """The film with one to four kinds of damage, three quarters of them in its later part.

    Args:
        film: A sound film.
        seed: Makes the damage the same every time.
    """
    rng = np.random.default_rng(seed)
    data = bytearray(film)
    for _ in range(int(rng.integers(1, 5))):
        low = 0 if rng.random() < 0.25 else len(data) // 5
        at = int(rng.integers(low, max(low + 1, len(data) - 1)))
        size = int(rng.integers(1, 1 + max(1, min(len(data) - at, int(2 ** rng.uniform(0, 11))))))
        kind = int(rng.integers(7))
        if kind == 0:
            data[at] ^= 1 << int(rng.integers(8))
        elif kind == 1:
            data[at : at + size] = rng.bytes(size)
        elif kind == 2:
            data[at : at + size] = bytes(size)
        elif kind == 3:
            data[at : at + size] = b"\xff" * size
        elif kind == 4:
            del data[at : at + size]
        elif kind == 5:
            data[at:at] = data[at : at + size]
        else:
            value = int(rng.choice((0, 1, 0x7F, 0x80, 0xFF)))
            data[at : at + 2] = bytes((value, int(rng.integers(256))))
    return bytes(data)


def outcome(film: bytes) -> str:
    """``"read"``, ``"refused"``, or the class of an error that is no `ImageError`."""
    try:
        pixels = images.read(film, name="film", min_side_px=16).pixels
    except ImageError:
        return "refused"
    except Exception as error:  # noqa: BLE001 (that is what this tool looks for)
        return type(error).__name__
    return "read" if np.isfinite(pixels).all() else "not finite"


def _read(pipe: Connection, film: bytes) -> None:
    while True:
        began = time.perf_counter()
        result = outcome(damaged(film, pipe.recv()))
        pipe.send((result, time.perf_counter() - began))


def results(film: bytes, count: int) -> Iterator[tuple[str, float]]:
    """What became of each damaged film, and its seconds."""
    context = multiprocessing.get_context("spawn")
    child = None
    for seed in range(count):
        if child is None or not child.is_alive():
            pipe, other = context.Pipe()
            child = context.Process(target=_read, args=(other, film), daemon=True)
            child.start()
            other.close()
        pipe.send(seed)
        try:
            if pipe.poll(HANG_S + (60 if seed == 0 else 0)):
                yield pipe.recv()
                continue
            yield f"hang (seed {seed})", HANG_S
        except EOFError:
            yield f"crash (seed {seed})", 0.0
        child.kill()
        child.join()
    if child is not None:
        child.kill()
        child.join()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--films", type=int, default=2000, help="damaged films of each coding")
    parser.add_argument("--coding", action="append", help="only this one; may be repeated")
    options = parser.parse_args()
    failed = False
    for coding, film in films().items():
        if options.coding and coding not in options.coding:
            continue
        rows = list(results(film, options.films))
        counts = Counter(result for result, _ in rows)
        failed |= not set(counts) <= {"read", "refused"}
        listed = ", ".join(f"{number} {name}" for name, number in counts.most_common())
        print(f"{coding}: {listed}; longest {max(s for _, s in rows):.2f} s", flush=True)
    sys.exit(int(failed))


if __name__ == "__main__":
    main()
