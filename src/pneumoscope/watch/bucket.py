"""A bucket, or any other place that fsspec reaches by a URL."""

from __future__ import annotations

import hashlib
import tempfile
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from pneumoscope import files
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
from pneumoscope.images.decoders import FILM_NAME
from pneumoscope.images.formats import HEAD_BYTES
from pneumoscope.images.limits import MAX_BYTES
from pneumoscope.watch.folder import unpacked
from pneumoscope.watch.places import Place, PlaceFile, is_left_out

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs", "az": "azure", "abfs": "azure"}
"""Protocols to the extra that brings them. Their objects appear only when they are complete."""
_TAGS = ("ETag", "etag", "md5Hash", "content_md5", "checksum", "generation")
_TIMES = ("LastModified", "last_modified", "updated", "mtime", "modified", "created")
"""Names that the file systems of fsspec give to a hash of the content and to the time of change."""


def is_url(text: str) -> bool:
    """Whether a text is a URL of fsspec rather than a path of this system."""
    return "://" in text


def file_system(url: str) -> tuple[Any, str]:
    """The file system of fsspec for a URL, and the path in it.

    The credentials come from the environment, as for the protocol's own tools.

    Raises:
        UsageError: There is no such protocol, or the URL cannot be used.
        MissingExtra: The package for this protocol is not installed.
    """
    import fsspec

    protocol = url.partition("://")[0]
    try:
        system, root = fsspec.core.url_to_fs(url)
    except ImportError as error:
        if protocol in _EXTRAS:
            raise MissingExtra(f"{protocol}://", _EXTRAS[protocol]) from error
        raise UsageError(f"{protocol}://: {files.cause(error)}", _PROTOCOLS) from error
    except Exception as error:  # each protocol raises its own kinds
        raise UsageError(f"{url}: {files.cause(error)}", _PROTOCOLS) from error
    return system, str(root)


def open_bucket(url: str, excluded: str | None = None) -> Bucket:
    """A bucket by its URL; raises as `file_system`.

    Args:
        url: The URL.
        excluded: See `Bucket`.
    """
    system, root = file_system(url)
    return Bucket(system, root, url.rstrip("/"), excluded)


_PROTOCOLS = "Such as s3://bucket/films, gs://bucket/films or az://container/films."


class Bucket(Place):
    """The objects below a prefix."""

    def __init__(self, system: Any, root: str, name: str, excluded: str | None = None) -> None:
        """Looks at nothing yet.

        Args:
            system: A file system of fsspec.
            root: The prefix, as the file system names it.
            name: The URL.
            excluded: Path below the prefix whose objects are never listed, such as that of the
                results; None for none.
        """
        self._excluded = excluded
        self.name = name
        self.label = PurePosixPath(root).name or "bucket"
        self.whole = name.partition("://")[0] in _EXTRAS
        self._system = system
        self._root = root.rstrip("/")

    def files(self, below: str = "") -> Iterator[PlaceFile]:
        """See `Place.files`."""
        root = f"{self._root}/{below}" if below else self._root
        try:
            self._system.invalidate_cache()
            if not self.whole and not self._system.exists(root):
                raise FileNotFoundError(2, "no such folder")
            listing = self._system.find(root, detail=True)
        except Exception as error:
            raise self._not_reached(error) from error
        for path in sorted(listing):
            file = self._listed(path, listing[path])
            if file is not None:
                yield file

    def file(self, path: str) -> PlaceFile | None:
        """See `Place.file`."""
        full = self._full(path)
        try:
            self._system.invalidate_cache()
            return self._listed(full, self._system.info(full))
        except FileNotFoundError:
            return None
        except Exception as error:
            raise self._not_reached(error) from error

    def _listed(self, path: str, facts: Mapping[str, Any]) -> PlaceFile | None:
        inner = path.removeprefix(self._root).lstrip("/")
        if facts.get("type") != "file" or not inner or inner.endswith("/") or is_left_out(inner):
            return None
        if self._excluded is not None and inner.startswith(f"{self._excluded}/"):
            return None
        size = int(facts.get("size") or 0)
        # A store states times to different precision in a list and for one object; tags are the same.
        marks = [_mark(facts[key]) for key in (*_TAGS, *_TIMES) if facts.get(key)]
        digest = hashlib.sha256("".join(marks[:1]).encode()).hexdigest()[:32]
        return PlaceFile(inner, size, f"{size}-{digest}")

    def _full(self, path: str) -> str:
        return f"{self._root}/{path}"

    def _not_reached(self, error: Exception) -> UsageError:
        words = files.cause(error)
        return UsageError(
            f"{self.name}: cannot be listed ({words})",
            "Check the URL, the credentials in the environment, and the connection.",
        )

    def head(self, path: str) -> bytes:
        """See `Place.head`."""
        try:
            return bytes(self._system.cat_file(self._full(path), start=0, end=HEAD_BYTES))
        except Exception:  # noqa: BLE001 (each protocol raises its own kinds)
            return b""

    def read(self, path: str) -> bytes:
        """See `Place.read`."""
        name = FILM_NAME
        full = self._full(path)
        try:
            size = int(self._system.info(full).get("size") or 0)
            if size > MAX_BYTES:
                raise TooLarge(name, f"{size:,} bytes", f"{MAX_BYTES:,} bytes")
            data = bytes(self._system.cat_file(full))
        except ImageError:
            raise
        except FileNotFoundError as error:
            raise MissingFile(name) from error
        except PermissionError as error:
            raise NotPermitted(name) from error
        except Exception as error:
            raise UnreadableImage(name, files.cause(error)) from error
        if not data:
            raise EmptySource(name)
        return data

    def archive_films(self, path: str) -> Iterator[tuple[str, bytes | ImageError]]:
        """See `Place.archive_films`."""
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "films.zip"
            try:
                copy.write_bytes(self.read(path))
            except ImageError as error:
                yield "", error
                return
            yield from unpacked(copy)


def _mark(fact: object) -> str:
    """A hash or a time as text; some file systems give times as numbers in one place only."""
    if isinstance(fact, datetime):
        fact = fact.timestamp()
    return f"{fact:.6f}" if isinstance(fact, float) else str(fact)
