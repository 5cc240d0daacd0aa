"""Files that are written completely or not at all."""

from __future__ import annotations

import errno
import os
import re
import sys
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, Any

from pneumoscope.errors import DiskFull, PneumoscopeError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray


_PERMISSIONS = "Check the permissions of the file and of its folder, or name another place."
_HINTS = {
    errno.ENOENT: "Check the path.",
    errno.ENOTDIR: "A part of the path is a file, not a folder. Check the path.",
    errno.EISDIR: "Name a file, not a folder.",
    errno.EEXIST: "Name a new file or folder.",
    errno.ENOTEMPTY: "Name a new or an empty folder.",
    errno.EACCES: _PERMISSIONS,
    errno.EPERM: _PERMISSIONS,
    errno.EROFS: "This disk can only be read. Name a place on another one.",
    errno.ENAMETOOLONG: "Give the file a shorter name.",
    errno.ELOOP: "A link on the path leads back to itself. Check the path.",
    errno.EMFILE: "Close other programs, or raise the limit on open files (`ulimit -n`).",
    errno.EIO: "Check the disk, or the connection to it.",
}
"""By the system's number of an error."""
_NUMBER = re.compile(r"\[(?:Errno|WinError) -?\d+\] ")
"""How Python writes the system's number in front of its words."""
MOST_TEXT_BYTES = 2**24
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def tells_of_full_disk(text: str) -> bool:
    """Whether a library's message holds the system's words for it; not all raise OSError."""
    return any(os.strerror(number) in text for number in NO_ROOM)


def cause(error: BaseException) -> str:
    """Why something failed, in words that continue a sentence and without the system's numbers.

    Args:
        error: Any exception. The message must name the file itself: an OSError's file is left out.
    """
    if isinstance(error, OSError) and not isinstance(error, PneumoscopeError) and error.strerror:
        words = str(error.strerror)
        return words[0].lower() + words[1:] if words[1:2].islower() else words
    if isinstance(error, KeyError) and error.args:
        key = str(error.args[0])
        return key if " " in key else f"{key!r} is missing"  # some libraries raise sentences
    return _NUMBER.sub("", str(error)) or type(error).__name__


def message(error: OSError) -> str:
    """What the system refused, with the files that it concerns but without the system's numbers."""
    names = [os.fsdecode(name) for name in (error.filename, error.filename2) if _is_path(name)]
    if not error.strerror:
        return cause(error)
    return f"{' -> '.join(names)}: {cause(error)}" if names else str(error.strerror)


def hint(error: OSError) -> str:
    """What to do about it."""
    return _HINTS.get(error.errno or 0, "Is there space, and may you write there?")


def _is_path(name: object) -> bool:
    return isinstance(name, (str, bytes, os.PathLike))


def read_text(path: Path, encoding: str = "utf-8", errors: str = "strict") -> str:
    """A small text file that somebody named, such as a recipe, a configuration or a password.

    Args:
        path: The file; at most `MOST_TEXT_BYTES` are read, so that a device cannot fill the memory.
        encoding: Its character set.
        errors: What is done about bytes that are no text, as in `bytes.decode`.

    Raises:
        OSError: It cannot be read, or is larger.
        UnicodeDecodeError: It is not text.
    """
    with path.open("rb") as stream:
        content = stream.read(MOST_TEXT_BYTES + 1)
    if len(content) > MOST_TEXT_BYTES:
        raise OSError(errno.EINVAL, f"has more than {MOST_TEXT_BYTES >> 20} MiB", str(path))
    return content.decode(encoding, errors)


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
        full = isinstance(error, OSError) and error.errno in NO_ROOM
        if full or tells_of_full_disk(str(error)):
            raise DiskFull(str(path)) from error
        raise


_NO_FOLDERS = (errno.EINVAL, errno.ENOTSUP, errno.EBADF)
"""What systems answer that cannot sync a folder."""


def sync_folder(folder: Path) -> None:
    """Makes the names in a folder outlive a power cut, where the system can.

    Without it the content of a new file is on the disk, but a file system may lose its name.
    """
    try:
        number = os.open(folder, os.O_RDONLY)
    except OSError:  # Windows opens no folders
        return
    try:
        os.fsync(number)
    except OSError as error:
        if error.errno not in _NO_FOLDERS:
            raise
    finally:
        os.close(number)


def make_folder(folder: Path, mode: int = 0o777) -> None:
    """Makes a folder, and those above it, that outlive a power cut; nothing happens if it is there."""
    if folder.is_dir():
        return
    if not folder.parent.exists():
        make_folder(folder.parent)
    folder.mkdir(exist_ok=True, mode=mode)
    sync_folder(folder.parent)


@contextmanager
def replacing(path: Path, *, made_again: bool = False) -> Iterator[IO[bytes]]:
    """A binary stream whose content takes the place of ``path`` when the block ends well.

    Args:
        path: The file.
        made_again: Whether the same command makes the file again. Other files outlive a power cut once
            the block has ended, which takes about a third to a half longer.

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
        if not made_again:
            sync_folder(path.parent)
    except OSError as error:
        if error.filename == str(part):
            error.filename, error.filename2 = str(path), None  # the name that a reader knows
        raise
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


def make_private_folder(folder: Path, hint: str) -> None:
    """Makes a folder that only its owner can read, unless it is there, and tries to write into it.

    Args:
        folder: The folder.
        hint: What to do if that fails.

    Raises:
        UsageError: It cannot be made or written to.
    """
    import tempfile

    try:
        make_folder(folder, 0o700)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = "is no folder" if folder.is_file() else cause(error)
        raise UsageError(f"{folder}: {reason}", hint) from None


def take_lock(number: int) -> bool:
    """Takes the lock on an open file, without waiting; False if another process has it.

    The lock ends when the file is closed, and so with the process, however that ends. Windows has no
    such lock: there it is always free.

    Args:
        number: Number of the open file, as `os.open` gives it.
    """
    if sys.platform == "win32":
        return True
    import fcntl

    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def is_link_or_device(path: Path) -> bool:
    """Whether a path is a link, a device, a pipe or a socket, rather than a file or a folder."""
    return path.is_symlink() or (path.exists() and not path.is_file() and not path.is_dir())


def write_text(path: Path, text: str) -> None:
    """Writes UTF-8 text in one step."""
    with replacing(path) as stream:
        # A file name may hold bytes that are not text.
        stream.write(text.encode("utf-8", "replace"))


def write_png(path: Path, picture: NDArray[np.uint8]) -> None:
    """Writes uint8 (rows, columns) or (rows, columns, 3) as PNG in one step."""
    from PIL import Image

    with replacing(path, made_again=True) as stream:
        Image.fromarray(picture).save(stream, "PNG")


def is_zip_with(path: Path, name: str) -> bool:
    """Whether a file is a ZIP file with a member of this name; nothing in it is checked."""
    import zipfile

    if not path.is_file():  # opening a pipe would wait for its other end
        return False
    with suppress(OSError, zipfile.BadZipFile), zipfile.ZipFile(path) as pack:
        return name in pack.namelist()
    return False
