"""Films and files in object stores, through fsspec.

fsspec and the package for each kind of store are optional: a run on local files needs neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pneumoscope.errors import MissingFile, NotPermitted, TooLarge, UsageError
from pneumoscope.files import cause
from pneumoscope.images.sources import ListedFilm

if TYPE_CHECKING:
    from collections.abc import Iterator

_PACKAGES = {
    "s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs", "abfs": "adlfs",
    "abfss": "adlfs",
}  # fmt: skip
"""Scheme of a URL to the package that fsspec needs for it."""
_VERSIONS = ("ETag", "etag", "content_md5", "md5Hash", "mtime", "LastModified", "last_modified",
    "updated")  # fmt: skip
"""Keys of what the stores say about an object that change with its content, the best first."""
_FILE = "file://"


def is_url(text: str) -> bool:
    """Whether a text names an object store, such as ``s3://bucket/films``, rather than a path."""
    return "://" in text and not text.startswith(_FILE)


def plain_path(text: str) -> str:
    """A path without a leading ``file://``."""
    return text.removeprefix(_FILE)


@lru_cache(64)
def filesystem(scheme: str) -> Any:
    """The file system of an object store.

    Args:
        scheme: Such as ``"s3"``. fsspec finds credentials where the store's own tools do.

    Raises:
        UsageError: fsspec or the package for this store is missing, or nobody knows the scheme.
    """
    url, package = f"{scheme}://", _PACKAGES.get(scheme)
    needed = " ".join(filter(None, ("fsspec", package)))
    try:
        import fsspec
    except ImportError:
        raise UsageError(
            f"{url} needs fsspec, which is not installed", f"Install it with: pip install {needed}"
        ) from None
    try:
        # A listing that is kept would grow with the bucket.
        return fsspec.filesystem(scheme, use_listings_cache=False)
    except ImportError as error:
        raise UsageError(
            f"{url} cannot be used ({cause(error)})", f"Install it with: pip install {needed}"
        ) from None
    except ValueError:
        raise UsageError(
            f"{url}: unknown kind of object store", f"Known are {', '.join(_PACKAGES)}."
        ) from None
    except Exception as error:  # the stores' packages raise their own classes without credentials
        raise UsageError(
            f"{url} cannot be used ({cause(error)})", "Check the credentials in the environment."
        ) from error


def split_url(url: str) -> tuple[Any, str]:
    """The file system of a URL, and the path in it."""
    system = filesystem(url.partition("://")[0].lower())
    return system, str(system._strip_protocol(url))


@dataclass(frozen=True, slots=True)
class BucketFilm(ListedFilm):
    """A film in an object store.

    Attributes:
        url: Its URL.
        size: Its bytes as the store lists them; None if it was not listed.
    """

    url: str
    size: int | None = None

    def __fspath__(self) -> str:
        return self.url

    def load(self, name: str, max_bytes: int) -> bytes:
        """The film's bytes."""
        if self.size is not None and self.size > max_bytes:
            raise TooLarge(name, f"{self.size:,} bytes", f"{max_bytes:,} bytes")
        system, path = split_url(self.url)
        try:
            with system.open(path, "rb") as stream:
                return bytes(stream.read(max_bytes + 1))
        except FileNotFoundError:
            raise MissingFile(name) from None
        except PermissionError:
            raise NotPermitted(name) from None


def objects_below(url: str) -> Iterator[tuple[str, int | None, str]]:
    """Every object below a URL, folder by folder, each sorted.

    Yields:
        Its path below the URL, its bytes if the store says so, and a text that changes with it.

    Raises:
        UsageError: The store refuses or does not answer.
    """
    system, root = split_url(url)
    folders = [root.rstrip("/")]
    start = len(folders[0])
    try:
        while folders:
            files, inner = _listed(system, folders.pop())
            folders += reversed(inner)
            for path, facts in files:
                yield path[start:].strip("/"), facts.get("size"), stamp_of(facts)
    except Exception as error:
        if isinstance(error, UsageError):
            raise
        raise UsageError(
            f"{url}: cannot be listed ({cause(error)})",
            "Check the address, the connection and the credentials.",
        ) from error


def _listed(system: Any, folder: str) -> tuple[list[tuple[str, dict[str, Any]]], list[str]]:
    """The files and the folders directly in a folder, sorted, without hidden ones.

    `walk` of fsspec would leave out, without a word, the films of a folder that the store refuses to list.
    """
    try:
        entries = system.ls(folder, detail=True)
    except FileNotFoundError:  # empty, or deleted meanwhile
        return [], []
    files, folders = [], []
    for facts in entries:
        path = facts["name"].rstrip("/")
        if path == folder or path.rpartition("/")[2].startswith("."):
            continue
        if facts["type"] == "directory":
            folders.append(path)
        else:
            files.append((path, facts))
    return sorted(files, key=lambda file: file[0]), sorted(folders)


def stamp_of(facts: dict[str, Any]) -> str:
    """A text that changes when an object changes, from what its store says about it."""
    version = next((facts[key] for key in _VERSIONS if facts.get(key)), "")
    return f"{facts.get('size', '')}-{version}".replace('"', "")
