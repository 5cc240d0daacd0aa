"""Exports of several results: a CSV table, JSON, a PDF, or a ZIP of overlays.

CSV and JSON have the format of ``pneumoscope predict``, and like it they are in English.
"""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from pneumoscope.jobs.rows import name_of
from pneumoscope.languages.current import ENGLISH, speaking
from pneumoscope.render.export import write_csv, write_json
from pneumoscope.render.serialise import NOTICE, stored_to_json
from pneumoscope.serve.pictures import overlay_png
from pneumoscope.serve.problems import Refusal
from pneumoscope.serve.report_pdf import report
from pneumoscope.serve.settings import DRAWN_FILMS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pneumoscope.jobs.keys import Keys
    from pneumoscope.jobs.tables import FilmRow
    from pneumoscope.serve.pictures import Renderer


def as_csv(rows: Sequence[FilmRow], keys: Keys, labels: Sequence[str]) -> bytes:
    """The table that ``pneumoscope predict --csv`` prints, with the id and time of each result."""
    stream = io.StringIO()
    with speaking(ENGLISH):
        write_csv(_records(rows, keys), labels, stream, identity=("id", "created"))
    return stream.getvalue().encode()


def as_json(rows: Sequence[FilmRow], keys: Keys) -> bytes:
    """What ``pneumoscope predict --json`` prints, with the id and time of each result."""
    stream = io.StringIO()
    with speaking(ENGLISH):
        write_json(_records(rows, keys), stream)
    return stream.getvalue().encode()


def _records(rows: Sequence[FilmRow], keys: Keys) -> Iterator[dict[str, Any]]:
    for row in rows:
        yield {
            "id": row.id,
            "created": row.created.isoformat(),
            **stored_to_json(name_of(row, keys), row.result, row.error),
        }


def as_zip(rows: Sequence[FilmRow], renderer: Renderer) -> bytes:
    """A ZIP of the films with their heatmaps, as PNG; a text file names films that are missing."""
    stream = io.BytesIO()
    missing = []
    with zipfile.ZipFile(stream, "w") as pack:  # stored: PNG is compressed already
        for number, row in enumerate(rows, 1):
            name = name_of(row, renderer.keys)
            stem = re.sub(r"[^\w-]+", "_", PurePath(name).stem)[:60]
            try:
                pack.writestr(f"{number:03d}-{stem}.png", overlay_png(row, renderer))
            except Refusal as error:
                missing.append(f"{number:03d} {name}: {error.message}\n")
        if missing:
            pack.writestr("not-here.txt", "".join(missing))
        pack.writestr("README.txt", f"{NOTICE}\n")
    return stream.getvalue()


EXPORTS: dict[str, tuple[str, Callable[[Sequence[FilmRow], Renderer, Sequence[str]], bytes]]] = {
    "csv": ("text/csv; charset=utf-8", lambda rows, r, labels: as_csv(rows, r.keys, labels)),
    "json": ("application/json", lambda rows, r, _labels: as_json(rows, r.keys)),
    "pdf": ("application/pdf", lambda rows, r, _labels: report(rows, r)),
    "zip": ("application/zip", lambda rows, r, _labels: as_zip(rows, r)),
}
"""Media type and maker of each format."""
DRAWN = ("pdf", "zip")
"""Formats for which every film is decoded again."""
MOST, MOST_DRAWN = 5000, DRAWN_FILMS
"""Most films of one export, and of one in a format of `DRAWN`."""
