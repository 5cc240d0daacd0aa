"""Where results are written: a folder, or a bucket that fsspec reaches."""

from __future__ import annotations

import errno
import hashlib
import json
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pneumoscope import files
from pneumoscope.buckets import file_system, is_url, plain_path

if TYPE_CHECKING:
    from collections.abc import Sequence

_NAME_BYTES = 190
"""Longest last part of a path: most systems take 255 bytes, of which 65 are left for the suffixes of
results and of files that are being written."""


class Target(ABC):
    """A place for results.

    Attributes:
        name: What people call it: its path or URL.
    """

    name: str

    @abstractmethod
    def read(self, path: str) -> bytes | None:
        """The content of a file; None if there is none.

        Raises:
            OSError: It cannot be read.
        """

    @abstractmethod
    def write(self, path: str, content: bytes) -> None:
        """Writes a file completely or not at all, in place of one of this name.

        Raises:
            OSError: It cannot be written.
        """

    @abstractmethod
    def remove(self, path: str) -> None:
        """Deletes a file if there is one.

        Raises:
            OSError: It cannot be deleted.
        """

    def shown(self, path: str) -> str:
        """A file's path in words that people can look up."""
        return f"{self.name.rstrip('/')}/{path}"


class FolderTarget(Target):
    """A folder."""

    def __init__(self, folder: Path) -> None:
        self.name = str(folder)
        self._folder = folder

    def read(self, path: str) -> bytes | None:
        """See `Target.read`."""
        try:
            return self._inside(path).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, path: str, content: bytes) -> None:
        """See `Target.write`."""
        full = self._inside(path)
        with files.room_for(full):
            files.make_folder(full.parent)
        with files.replacing(full) as stream:
            stream.write(content)

    def remove(self, path: str) -> None:
        """See `Target.remove`."""
        self._inside(path).unlink(missing_ok=True)

    def _inside(self, path: str) -> Path:
        """A file in the folder, whatever it is called: keys of a bucket may begin with a slash.

        Raises:
            OSError: The path leads out of the folder.
        """
        parts = [part for part in path.split("/") if part not in ("", ".")]
        if ".." in parts or "\0" in path:
            raise OSError(errno.EINVAL, "a path that leads out of the folder of the results")
        return self._folder.joinpath(*parts)


class BucketTarget(Target):
    """The objects below a prefix."""

    def __init__(self, system: Any, root: str, name: str) -> None:
        """Writes nothing yet.

        Args:
            system: A file system of fsspec.
            root: The prefix, as the file system names it.
            name: The URL.
        """
        self.name = name
        self._system = system
        self._root = root.rstrip("/")

    def read(self, path: str) -> bytes | None:
        """See `Target.read`."""
        try:
            return bytes(self._system.cat_file(f"{self._root}/{path}"))
        except FileNotFoundError:
            return None
        except OSError:
            raise
        except Exception as error:  # each protocol raises its own kinds
            raise OSError(files.cause(error)) from error

    def write(self, path: str, content: bytes) -> None:
        """See `Target.write`."""
        try:
            self._system.pipe_file(f"{self._root}/{path}", content)
        except OSError:
            raise
        except Exception as error:  # each protocol raises its own kinds
            raise OSError(files.cause(error)) from error

    def remove(self, path: str) -> None:
        """See `Target.remove`."""
        try:
            self._system.rm_file(f"{self._root}/{path}")
        except FileNotFoundError:
            pass
        except OSError:
            raise
        except Exception as error:  # each protocol raises its own kinds
            raise OSError(files.cause(error)) from error


def open_target(text: str) -> Target:
    """A target by its path or URL.

    Raises:
        UsageError: There is no such protocol, or the URL cannot be used.
        MissingExtra: The package for this protocol is not installed.
    """
    if not is_url(text):
        return FolderTarget(Path(plain_path(text)))
    system, root = file_system(text)
    return BucketTarget(system, root, text)


def free_name(target: Target, film: str, identity: Sequence[str]) -> str:
    """The name that the files of a result begin with: that of the film, unless another film has it.

    Args:
        target: Where they go.
        film: The film's path.
        identity: SHA-256 of the film and of the bundle.
    """
    name = short_name(film)
    content = target.read(f"{name}.json")
    if content is None or identity_of(content) == list(identity):
        return name
    return _second_name(name, identity)


def has_result(target: Target, film: str, sha256: str, bundles: Sequence[str]) -> bool:
    """Whether a film has its result, under its name or beside that of another film of this name.

    Args:
        target: Where results go.
        film: The film's path.
        sha256: SHA-256 of the film.
        bundles: SHA-256 of each bundle that may have read it.
    """
    name, identities = short_name(film), [[sha256, bundle] for bundle in bundles]
    known = target.read(f"{name}.json")
    if known is None:
        return False  # the second name is taken only if the first one is
    if identity_of(known) in identities:
        return True
    return any(
        (content := target.read(f"{_second_name(name, each)}.json")) is not None
        and identity_of(content) == each
        for each in identities
    )


def _second_name(name: str, identity: Sequence[str]) -> str:
    return f"{name}.{identity[0][:8]}-{identity[1][:8]}"


def short_name(film: str) -> str:
    """A film's path, whose last part is cut if no ending would fit behind it.

    Args:
        film: The path. Its folders are those of the film, so that they fit.
    """
    folder, slash, name = film.rpartition("/")
    data = name.encode("utf-8", "replace")
    if len(data) <= _NAME_BYTES:
        return film
    digest = hashlib.sha256(data).hexdigest()[:16]
    beginning = data[: _NAME_BYTES - len(digest) - 1].decode("utf-8", "ignore")
    return f"{folder}{slash}{beginning}-{digest}"


def identity_of(content: bytes) -> list[str] | None:
    """The SHA-256 of the film and of the bundle in the JSON of a result; None if it is other JSON."""
    try:
        record = json.loads(content)
        return [record["film_sha256"], record["bundle_sha256"]]
    except (ValueError, KeyError, TypeError):
        return None
