"""The rows of a batch in Parquet files, each written completely or not at all."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

from pneumoscope.batch.columns import ERROR_CODE, PATH, SHA256, STAMP, schema
from pneumoscope.batch.index import Entry
from pneumoscope.errors import UsageError
from pneumoscope.files import cause

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from pneumoscope.batch.columns import Column, Row
    from pneumoscope.batch.places import Place

_NAME = re.compile(r"part-(\d+)\.parquet")


class Shards:
    """The shards of a place: ``part-000001.parquet`` and so on."""

    def __init__(self, place: Place, fills: Sequence[Column]) -> None:
        """Writes nothing yet.

        Args:
            place: Where they are.
            fills: Their columns.

        Raises:
            MissingExtra: pyarrow is not installed.
        """
        self._place = place
        self._schema = schema(fills)
        self._last = max((int(name[5:-8]) for name in self.stamps()), default=0)

    def stamps(self) -> dict[str, str]:
        """Name of each shard to a text that changes with its content, in the order of their numbers."""
        files = self._place.files()
        names = sorted(filter(_NAME.fullmatch, files), key=lambda name: int(name[5:-8]))
        return {name: files[name] for name in names}

    def stamp(self, name: str) -> str:
        """The same text for one shard."""
        return self._place.stamp(name)

    def append(self, rows: Sequence[Row]) -> str:
        """Writes rows as a new shard; returns its name."""
        import pyarrow as pa

        self._last += 1
        name = f"part-{self._last:06}.parquet"
        self._write(name, pa.Table.from_pylist(list(rows), self._schema))
        return name

    def remove(self, name: str, paths: Collection[str]) -> None:
        """Writes a shard again without the rows of these films."""
        import pyarrow as pa
        from pyarrow import compute

        table = self.read(name)
        obsolete = compute.is_in(table[PATH], pa.array(list(paths), pa.string()))
        self._write(name, table.filter(compute.invert(obsolete)))

    def entries(self, name: str) -> Iterator[Entry]:
        """What the index notes of a shard."""
        for row in self.read(name, [PATH, SHA256, STAMP, ERROR_CODE]).to_pylist():
            yield Entry(
                row[PATH], row[SHA256] or "", row[STAMP] or "", name, row[ERROR_CODE] is not None
            )

    def read(self, name: str, columns: Sequence[str] | None = None) -> Any:
        """A shard as an Arrow table, or some of its columns.

        Raises:
            UsageError: It is damaged, or has other columns.
        """
        import pyarrow as pa
        from pyarrow import parquet

        try:
            with self._place.open(name) as stream:
                table = parquet.ParquetFile(stream).read(columns)
            return table.select(columns) if columns else table.cast(self._schema)
        except (pa.ArrowException, KeyError, ValueError) as error:
            raise UsageError(
                f"{self._place.name}/{name}: is no shard of this batch ({cause(error)})",
                "Delete it, and the films in it are read again.",
            ) from error

    def _write(self, name: str, table: Any) -> None:
        from pyarrow import parquet

        stream = io.BytesIO()
        parquet.write_table(table, stream, compression="zstd")
        self._place.write(name, stream.getvalue())
