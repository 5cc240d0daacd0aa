"""All bytes of a film, from a path, bytes or a stream."""

from __future__ import annotations

import os
import stat
from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pneumoscope.errors import (
    EmptySource,
    ImageError,
    IsADirectory,
    MissingFile,
    NotPermitted,
    TooLarge,
    UnreadableImage,
)
from pneumoscope.images.limits import MAX_BYTES

Source = str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes]


SYSTEM_FOLDERS = {
    "__macosx", "$recycle.bin", "recycler", "system volume information", "@eadir", "#recycle", "@recycle",
    "@recently-snapshot", "lost+found", "__pycache__",
}  # fmt: skip
"""Of macOS, Windows, Synology, QNAP, file systems of Linux, and Python: recycle bins, previews and caches."""


def is_system_folder(name: str) -> bool:
    """Whether a folder is hidden, or one that a system makes beside those of its user."""
    return name.startswith(".") or name.lower() in SYSTEM_FOLDERS


class ListedFilm(os.PathLike[str]):
    """A film that an archive or a list of films names; its path is a name for people."""

    __slots__ = ()

    @abstractmethod
    def load(self, name: str, max_bytes: int) -> bytes:
        """The bytes of the film.

        Args:
            name: What to call it in messages.
            max_bytes: Most bytes.

        Raises:
            ImageError: It cannot be read, is empty or too large.
            OSError: The file that contains it cannot be opened.
        """


@dataclass(frozen=True, slots=True)
class BrokenSource(ListedFilm):
    """In the place of films: an archive or a list of films that cannot be used.

    Attributes:
        name: Its path.
        error: Why not; reading it raises this.
    """

    name: str
    error: ImageError

    def __fspath__(self) -> str:
        return self.name

    def load(self, name: str, max_bytes: int) -> bytes:  # noqa: ARG002 (the error has the name)
        """Raises the error."""
        raise self.error


def name_of(source: object) -> str:
    """What to call a source in messages: its path, its name, ``"<bytes>"`` or ``"<stream>"``."""
    if isinstance(source, str | os.PathLike):
        return os.fsdecode(source)
    if isinstance(source, bytes | bytearray | memoryview):
        return "<bytes>"
    name = getattr(source, "name", None)  # of an open file, or "<stdin>"
    return name if isinstance(name, str) else "<stream>"


def special_kind(mode: int) -> str:
    """What a path is that is neither a file nor a folder, in words; ``""`` for these.

    Args:
        mode: ``st_mode`` of the path.
    """
    kinds = (
        (stat.S_ISFIFO, "a named pipe"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISCHR, "a device"),
        (stat.S_ISBLK, "a device"),
    )
    return next((words for is_kind, words in kinds if is_kind(mode)), "")


def _check_kind(path: str | os.PathLike[str], name: str) -> None:
    """Refuses a named pipe, which would wait for a writer; those of the shell have one."""
    is_pipe = stat.S_ISFIFO(os.stat(path).st_mode)  # noqa: PTH116 (as of `open`, see there)
    if not is_pipe or Path(path).parts[:2] in (("/", "dev"), ("/", "proc")):
        return
    error = UnreadableImage(name, "a named pipe, not a file")
    error.hint = "Give a file; `pneumoscope predict -` reads one film from stdin."
    raise error


def _is_of_the_kernel(path: str | os.PathLike[str]) -> bool:
    """Whether a file of size 0 is one that the kernel makes when it is read: some wait for ever."""
    return Path(os.path.realpath(path)).parts[:2] in (("/", "proc"), ("/", "sys"))


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
            if isinstance(source, ListedFilm):
                data = source.load(name, max_bytes)
            elif isinstance(source, str | os.PathLike):
                _check_kind(source, name)
                with open(source, "rb", buffering=0) as file:  # noqa: PTH123 (Path costs as much again)
                    status = os.fstat(file.fileno())
                    size = status.st_size
                    if not size and stat.S_ISREG(status.st_mode) and _is_of_the_kernel(source):
                        raise EmptySource(name)
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
