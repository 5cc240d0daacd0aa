"""The pictures and documents of a result, by the names that the API gives them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pneumoscope.languages.current import ENGLISH, speaking
from pneumoscope.serve.pictures import (
    film_png,
    film_values,
    heatmap_cells_png,
    heatmap_png,
    lungs_png,
    overlay_png,
    thumbnail_png,
)
from pneumoscope.serve.report_pdf import report
from pneumoscope.serve.serializers import record_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from pneumoscope.jobs.tables import FilmRow
    from pneumoscope.serve.pictures import Renderer


def report_pdf(row: FilmRow, renderer: Renderer) -> bytes:
    """The report of one result."""
    return report([row], renderer)


def result_json(row: FilmRow, renderer: Renderer) -> bytes:
    """The record of one result: in English, as all files for programs are."""
    with speaking(ENGLISH):
        return json.dumps(record_json(row, renderer.keys), indent=2).encode()


RENDERINGS: dict[str, tuple[str, Callable[[FilmRow, Renderer], bytes]]] = {
    "film.png": ("image/png", film_png),
    "values.bin": ("application/octet-stream", film_values),
    "overlay.png": ("image/png", overlay_png),
    "heatmap.png": ("image/png", heatmap_png),
    "heatmap-cells.png": ("image/png", heatmap_cells_png),
    "lungs.png": ("image/png", lungs_png),
    "thumbnail.png": ("image/png", thumbnail_png),
    "report.pdf": ("application/pdf", report_pdf),
    "result.json": ("application/json", result_json),
}
"""Media type and maker of each; see `dicom_objects` for DICOM objects and FHIR resources."""
