"""A bucket, or any other place that fsspec reaches by a URL."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from pneumoscope import buckets
from pneumoscope.errors import ImageError
from pneumoscope.images.decoders import FILM_NAME
from pneumoscope.images.formats import HEAD_BYTES
from pneumoscope.images.limits import MAX_BYTES
from pneumoscope.watch.folder import unpacked
from pneumoscope.watch.places import Place, PlaceFile, is_left_out

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def open_bucket(url: str, excluded: str | None = None) -> Bucket:
    """A bucket by its URL.

    Args:
        url: The URL.
        excluded: See `Bucket`.

    Raises:
        UsageError: There is no such protocol, or the URL cannot be used.
        MissingExtra: The package for this protocol is not installed.
    """
    system, root = buckets.file_system(url)
    return Bucket(system, root, url.rstrip("/"), excluded)


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
        self.atomic = name.partition("://")[0] in buckets.STORES
        self._system = system
        self._root = root.rstrip("/")

    def files(self, below: str = "") -> Iterator[PlaceFile]:
        """See `Place.files`."""
        root = f"{self._root}/{below}" if below else self._root
        try:
            if not self.atomic and not self._system.exists(root):
                raise FileNotFoundError(2, "no such folder")
            listing = self._system.find(root, detail=True)
        except Exception as error:
            raise buckets.not_listed(self.name, error) from error
        for path in sorted(listing):
            file = self._listed(path, listing[path])
            if file is not None:
                yield file

    def file(self, path: str) -> PlaceFile | None:
        """See `Place.file`."""
        full = self._full(path)
        try:
            return self._listed(full, self._system.info(full))
        except FileNotFoundError:
            return None
        except Exception as error:
            raise buckets.not_listed(self.name, error) from error

    def _listed(self, path: str, facts: Mapping[str, Any]) -> PlaceFile | None:
        inner = path.removeprefix(self._root).lstrip("/")
        if facts.get("type") != "file" or not inner or inner.endswith("/") or is_left_out(inner):
            return None
        if self._excluded is not None and inner.startswith(f"{self._excluded}/"):
            return None
        size = int(facts.get("size") or 0)
        digest = hashlib.sha256(buckets.version_of(facts).encode()).hexdigest()[:32]
        return PlaceFile(inner, size, f"{size}-{digest}")

    def _full(self, path: str) -> str:
        return f"{self._root}/{path}"

    def head(self, path: str) -> bytes:
        """See `Place.head`."""
        try:
            return bytes(self._system.cat_file(self._full(path), start=0, end=HEAD_BYTES))
        except Exception:  # noqa: BLE001 (each protocol raises its own kinds)
            return b""

    def read(self, path: str) -> bytes:
        """See `Place.read`."""
        return buckets.read(self._system, self._full(path), FILM_NAME, MAX_BYTES)

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
