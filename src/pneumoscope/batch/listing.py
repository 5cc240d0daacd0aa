"""The films of a folder, a manifest or a bucket, one after the other: no list of all is ever made."""

from __future__ import annotations

import os
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from pneumoscope import buckets
from pneumoscope.batch.films import NO_PATH, Film, stamp_of, text_of
from pneumoscope.buckets import BucketFilm
from pneumoscope.data.column_roles import path_column
from pneumoscope.data.film_paths import FilmPaths
from pneumoscope.data.table_files import ENDINGS, rows_of, start_of
from pneumoscope.errors import MissingExtra, MissingFile, UsageError, restored
from pneumoscope.files import cause
from pneumoscope.images import find_films, is_archive
from pneumoscope.images.formats import has_film_ending
from pneumoscope.images.sources import BrokenSource

if TYPE_CHECKING:
    from collections.abc import Iterator

_PARQUET, _TEXT = ".parquet", ".txt"
MANIFESTS = (*ENDINGS, _TEXT, _PARQUET)
"""Endings of manifests."""
_HINT = (
    "Name a folder or a ZIP archive of films, a manifest (CSV or Parquet with a column path, or a text "
    "file with a path in each line), or a bucket such as s3://bucket/films."
)
_ROWS = 4096
"""Rows of a Parquet manifest that are read at once."""


class Listing:
    """The films of a source. It can be walked through several times.

    Attributes:
        identity: The absolute path or the URL of the source.
        is_remote: Whether listing the films sends requests to an object store.
    """

    def __init__(self, source: str) -> None:
        """Looks at what the source is.

        Args:
            source: A folder, a ZIP archive, a manifest, or a URL of an object store: of a manifest
                there, or of everything below it.

        Raises:
            UsageError: It does not exist, or is something else.
        """
        if not source:
            raise UsageError("an empty source", "Is a variable of your shell not set?")
        self._url = source if buckets.is_url(source) else ""
        self.is_remote = bool(self._url)
        self._path = Path() if self._url else Path(buckets.plain_path(source)).absolute()
        self.identity = self._url.rstrip("/") or text_of(self._path)
        ending = Path(self.identity).suffix.lower()
        self._manifest = ending if ending in MANIFESTS else ""
        if self._url:
            buckets.file_system(self._url)
        elif self._path.is_dir():
            self._manifest = ""
        elif not self._path.exists():
            raise UsageError(f"{source}: no such file or folder", _HINT)
        elif not self._manifest and not _is_zip(self._path):
            raise UsageError(
                f"{source}: neither a folder nor a manifest",
                f"{_HINT} `pneumoscope predict FILM` reads one film.",
            )

    def films(self) -> Iterator[Film]:
        """The films in the order of the source.

        Raises:
            UsageError: A manifest or a bucket cannot be read.
        """
        if self._manifest:
            return self._films_of_manifest()
        return self._films_of_bucket() if self._url else self._films_of_folder()

    def _films_of_folder(self) -> Iterator[Film]:
        root = _with_slashes(text_of(f"{self._path}/"))
        for source in find_films([self._path]):
            name = _with_slashes(text_of(source)).removeprefix(root)
            yield Film(name, source, stamp_of(source))

    def _films_of_bucket(self) -> Iterator[Film]:
        root = self._url.rstrip("/")
        for path, size, stamp in buckets.objects_below(root):
            if has_film_ending(path):
                yield Film(text_of(path), BucketFilm(f"{root}/{path}", size), stamp)

    def _films_of_manifest(self) -> Iterator[Film]:
        paths: FilmPaths | None = None
        for number, cell in enumerate(self._cells(), 1):
            if not cell:
                name = NO_PATH.format(number)
                error = restored(MissingFile, f"{name}: names no film", "Fill the column path.")
                yield Film(name, BrokenSource(name, error))
                continue
            if buckets.is_url(cell):
                yield Film(text_of(cell), BucketFilm(cell))
            elif self._url:
                place = f"{self._url.rpartition('/')[0]}/{cell}"
                yield Film(text_of(cell), BucketFilm(place))
            else:
                paths = paths or FilmPaths(self._path.parent, buckets.plain_path(cell))
                file = self._path.parent / paths.name_of(buckets.plain_path(cell))
                yield Film(text_of(cell), file, stamp_of(file))

    def _cells(self) -> Iterator[str]:
        """What the manifest says in its column of paths, row by row."""
        try:
            with self._stream() as stream:
                if self._manifest == _PARQUET:
                    yield from _parquet_cells(stream, self.identity)
                elif self._manifest == _TEXT:
                    start_of(stream, self.identity)
                    yield from _lines(stream)
                else:
                    header, rows = rows_of(stream, self.identity)
                    key = path_column(header)
                    if key is None:
                        raise _no_column(self.identity, header)
                    with closing(rows):  # before the stream is
                        yield from (row[key] for row in rows)
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(
                f"{self.identity}: cannot be read ({cause(error)})", "Check the file."
            ) from error

    @contextmanager
    def _stream(self) -> Iterator[IO[bytes]]:
        if self._url:
            system, path = buckets.file_system(self._url)
            with system.open(path, "rb") as stream:
                yield stream
        else:
            with self._path.open("rb") as stream:
                yield stream


def _with_slashes(path: str) -> str:
    """A path as it is written everywhere; elsewhere than on Windows a backslash is part of a name."""
    return path.replace("\\", "/") if os.sep == "\\" else path


def _is_zip(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            return is_archive(stream.read(8))
    except OSError:
        return False


def _lines(stream: IO[bytes]) -> Iterator[str]:
    """The lines of a text file that are neither empty nor comments."""
    for number, line in enumerate(stream):
        text = line.decode("utf-8-sig" if number == 0 else "utf-8").strip()
        if text and not text.startswith("#"):
            yield text


def _parquet_cells(stream: IO[bytes], name: str) -> Iterator[str]:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise MissingExtra("a Parquet manifest (pyarrow)", "batch") from None
    try:
        file = parquet.ParquetFile(stream)
        key = path_column(file.schema_arrow.names)
        if key is None:
            raise _no_column(name, file.schema_arrow.names)
        for batch in file.iter_batches(_ROWS, columns=[key]):
            values: list[Any] = batch.column(0).to_pylist()
            yield from ("" if value is None else str(value).strip() for value in values)
    except pa.ArrowException as error:
        raise UsageError(f"{name}: is not Parquet ({cause(error)})", "Check the file.") from error


def _no_column(name: str, header: list[str]) -> UsageError:
    return UsageError(
        f"{name}: has no column path",
        f"Name the column of the films' paths so; the columns are {', '.join(header)}.",
    )
