"""Films and files in object stores, through fsspec.

fsspec and the package for each kind of store are optional: local files need neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pneumoscope.errors import (
    EmptySource,
    ImageError,
    MissingExtra,
    MissingFile,
    NotPermitted,
    TooLarge,
    UnreadableImage,
    UsageError,
)
from pneumoscope.files import cause
from pneumoscope.images.sources import ListedFilm

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

STORES = {
    "s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs", "az": "azure", "abfs": "azure",
    "abfss": "azure",
}  # fmt: skip
"""Protocol of an object store to the extra that it needs. An object appears only when it is complete."""
_HINT = "Such as s3://bucket/films, gs://bucket/films or az://container/films."
_TAGS = ("ETag", "etag", "md5Hash", "content_md5", "checksum", "generation")
_TIMES = ("LastModified", "last_modified", "updated", "mtime", "modified", "created")
"""Names that the file systems of fsspec give to a hash of the content and to the time of change."""
_FILE = "file://"


def is_url(text: str) -> bool:
    """Whether a text names a place that fsspec reaches, such as ``s3://bucket/films``, not a path."""
    return "://" in text and not text.startswith(_FILE)


def plain_path(text: str) -> str:
    """A path without a leading ``file://``."""
    return text.removeprefix(_FILE)


def file_system(url: str) -> tuple[Any, str]:
    """The file system of fsspec for a URL, and the path in it.

    Credentials come from the environment, as for the store's own tools.

    Raises:
        MissingExtra: fsspec or the package for this protocol is not installed.
        UsageError: There is no such protocol, or the URL cannot be used.
    """
    protocol = url.partition("://")[0].lower()
    try:
        import fsspec

        # A listing that is kept would grow with the bucket, and become outdated.
        system, root = fsspec.core.url_to_fs(url, use_listings_cache=False)
    except ImportError as error:
        extra = STORES.get(protocol)
        if extra is not None:
            raise MissingExtra(f"{protocol}://", extra) from error
        if error.name == "fsspec":
            raise MissingExtra(f"{protocol}://", "watch") from error
        raise UsageError(f"{protocol}://: {cause(error)}", _HINT) from error
    except Exception as error:  # each protocol raises its own kinds
        raise UsageError(f"{url}: {cause(error)}", _HINT) from error
    return system, str(root)


def stamp_of(facts: Mapping[str, Any]) -> str:
    """A text that changes when an object changes, from what its store says about it."""
    return f"{facts.get('size', '')}-{version_of(facts)}".replace('"', "")


def version_of(facts: Mapping[str, Any]) -> str:
    """The hash of an object's content, or else the time of its change; ``""`` if neither is known.

    A store states times to different precision in a list and for one object; hashes are the same.
    """
    value = next((facts[key] for key in (*_TAGS, *_TIMES) if facts.get(key)), "")
    if isinstance(value, datetime):
        value = value.timestamp()
    return f"{value:.6f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def read(system: Any, path: str, name: str, max_bytes: int, size: int | None = None) -> bytes:
    """All bytes of an object.

    Args:
        system: A file system of fsspec.
        path: The object's path in it.
        name: What to call it in messages.
        max_bytes: Most bytes.
        size: Its bytes if they are known; None to ask the store.

    Raises:
        ImageError: It is missing, empty, too large, or cannot be read.
    """
    try:
        if size is None:
            size = system.info(path).get("size")
        if size == 0:
            raise EmptySource(name)  # some stores refuse to give a part of it
        if size is not None and size > max_bytes:
            raise TooLarge(name, f"{size:,} bytes", f"{max_bytes:,} bytes")
        # It may have grown since its store was asked.
        data = bytes(system.cat_file(path, start=0, end=max_bytes + 1))
    except ImageError:
        raise
    except Exception as error:
        raise not_read(name, error) from error
    if not data:
        raise EmptySource(name)
    if len(data) > max_bytes:
        raise TooLarge(name, f"over {max_bytes:,} bytes", f"{max_bytes:,} bytes")
    return data


def not_read(name: str, error: Exception) -> ImageError:
    """The error of a film that its store does not give."""
    if isinstance(error, FileNotFoundError):
        return MissingFile(name)
    if isinstance(error, PermissionError):
        return NotPermitted(name)
    return UnreadableImage(name, cause(error))


def not_listed(url: str, error: Exception) -> UsageError:
    """The error of a store that does not list its objects."""
    return UsageError(
        f"{url}: cannot be listed ({cause(error)})",
        "Check the URL, the credentials in the environment, and the connection.",
    )


def not_written(url: str, error: Exception) -> UsageError:
    """The error of a store that does not take an object."""
    return UsageError(
        f"{url}: cannot be written ({cause(error)})",
        "Does the bucket exist, and may you write there? The same command continues.",
    )


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
        system, path = file_system(self.url)
        return read(system, path, name, max_bytes, self.size)

    def looked_up(self, name: str) -> tuple[BucketFilm, str]:
        """The film as its store has it now, and its stamp, by one request.

        Args:
            name: What to call it in messages.

        Raises:
            ImageError: It is missing, or the store does not answer.
        """
        system, path = file_system(self.url)
        try:
            facts = system.info(path)
        except Exception as error:
            raise not_read(name, error) from error
        return BucketFilm(self.url, facts.get("size")), stamp_of(facts)


def objects_below(url: str) -> Iterator[tuple[str, int | None, str]]:
    """Every object below a URL, folder by folder, each sorted; no list of all is made.

    Yields:
        Its path below the URL, its bytes if the store says so, and its stamp.

    Raises:
        UsageError: The store refuses or does not answer, or has nothing there.
    """
    system, root = file_system(url)
    folders = [root.rstrip("/")]
    start = len(folders[0])
    try:
        while folders:
            folder = folders.pop()
            try:
                files, inner = _listed(system, folder)
            except FileNotFoundError as error:
                if len(folder) > start:  # deleted meanwhile
                    continue
                raise UsageError(
                    f"{url}: nothing is there", "Check the name of the bucket and the path."
                ) from error
            folders += reversed(inner)
            for path, facts in files:
                yield path[start:].strip("/"), facts.get("size"), stamp_of(facts)
    except Exception as error:
        if isinstance(error, UsageError):
            raise
        raise not_listed(url, error) from error


def _listed(system: Any, folder: str) -> tuple[list[tuple[str, dict[str, Any]]], list[str]]:
    """The files and the folders directly in a folder, sorted, without hidden ones.

    `walk` of fsspec would leave out, without a word, the films of a folder that the store refuses to list.
    """
    files, folders = [], []
    for facts in system.ls(folder, detail=True):
        path = facts["name"].rstrip("/")
        if path == folder or path.rpartition("/")[2].startswith("."):
            continue
        if facts["type"] == "directory":
            folders.append(path)
        else:
            files.append((path, facts))
    return sorted(files, key=lambda file: file[0]), sorted(folders)
