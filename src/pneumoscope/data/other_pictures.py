"""Rows of tables that are of no frontal film."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.data.column_roles import lateral_views, other_modalities, view_column

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pneumoscope.data.table_files import Row


class OtherPictures:
    """Which rows of a table are of lateral films, or of other pictures than radiographs.

    Args:
        file: The table.
        header: Its columns.
        rows: All of its rows.

    Attributes:
        kind: What the pictures are if there are no others.
    """

    def __init__(self, file: Path, header: Sequence[str], rows: Sequence[Row]) -> None:
        self._modality, self._others = other_modalities(header, rows)
        self._view = view_column(header)
        views = {row[self._view] for row in rows} if self._view else set()
        self._lateral = lateral_views(self._view, views) if self._view else set()
        self._file = file.name
        self.kind = "lateral films" if self._lateral else "other pictures than radiographs"

    def reason(self, row: Row) -> str:
        """Why a row counts as none, ``""`` if it does."""
        if self._modality and row[self._modality] in self._others:
            others = ", ".join(sorted(self._others))
            return f"pictures of {self._file} that are no radiographs ({others})"
        if self._view and row[self._view] in self._lateral:
            return f"lateral films of {self._file}"
        return ""
