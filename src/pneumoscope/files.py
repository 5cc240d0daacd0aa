"""Files that are written completely or not at all."""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

from pneumoscope.errors import DiskFull

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray


_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def tells_of_full_disk(text: str) -> bool:
    """Whether a library's message holds the system's words for it; not all raise OSError."""
    return any(os.strerror(number) in text for number in _NO_ROOM)


@contextmanager
def room_for(path: Path) -> Iterator[None]:
    """Says of what is written in this block that it does not fit, if it does not.

    Args:
        path: What is being written, or its folder.

    Raises:
        DiskFull: The disk, a quota or the limit on a file's size is reached.
    """
    try:
        yield
    except DiskFull:
        raise
    except Exception as error:
        full = isinstance(error, OSError) and error.errno in _NO_ROOM
        if full or tells_of_full_disk(str(error)):
            raise DiskFull(str(path)) from error
        raise


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A binary stream whose content takes the place of ``path`` when the block ends well.

    Raises:
        DiskFull: See `room_for`.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with room_for(path), part.open("wb") as stream:
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
        DiskFull: See `room_for`.
    """
    import numpy as np

    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with room_for(path):
            store = np.lib.format.open_memmap(part, "w+", kind, shape)
            claim(part, part.stat().st_size)
        yield store
        store.flush()
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def claim(path: Path, size_bytes: int) -> None:
    """Claims a file's space on the disk, where the system can: some writers do not say it is full.

    Raises:
        OSError: There is not so much.
    """
    if hasattr(os, "posix_fallocate"):
        with path.open("ab") as stream:
            os.posix_fallocate(stream.fileno(), 0, size_bytes)


def swap_folder(staged: Path, target: Path) -> None:
    """Puts a new folder in the place of an old one, or leaves the old one there.

    Args:
        staged: The new folder, on the same file system.
        target: Where it belongs; an existing folder there is deleted at the end.
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
