"""Files that either stand there whole or not at all."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A binary stream whose content takes the place of ``path`` when the block ends well."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def whole_array(
    path: Path, kind: type[np.generic], shape: tuple[int, ...]
) -> Iterator[NDArray[Any]]:
    """A ``.npy`` file to fill through a memory map; it takes its name when the block ends well.

    Its space is claimed first: writing into a map of a full disk would kill the process.

    Raises:
        OSError: The disk is full.
    """
    import numpy as np

    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        store = np.lib.format.open_memmap(part, "w+", kind, shape)
        if hasattr(os, "posix_fallocate"):
            with part.open("rb+") as stream:
                os.posix_fallocate(stream.fileno(), 0, part.stat().st_size)
        yield store
        store.flush()
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def swap_folder(staged: Path, target: Path) -> None:
    """Puts a new folder in the place of an old one, or leaves the old one there.

    Args:
        staged: The new folder, on the same file system.
        target: Where it belongs; a folder that stands there is deleted in the end.
    """
    import shutil

    if not target.exists():
        staged.replace(target)
        return
    old = staged.with_name(f"{staged.name}-old")
    target.replace(old)
    try:
        staged.replace(target)
    except BaseException:
        old.replace(target)
        raise
    shutil.rmtree(old)


def write_text(path: Path, text: str) -> None:
    """Writes UTF-8 text in one step."""
    with replacing(path) as stream:
        # A file name may hold bytes that are not text.
        stream.write(text.encode("utf-8", "replace"))


def write_png(path: Path, picture: NDArray[np.uint8]) -> None:
    """Writes uint8 (rows, columns) or (rows, columns, 3) as PNG in one step."""
    from PIL import Image

    with replacing(path) as stream:
        Image.fromarray(picture).save(stream, "PNG")
