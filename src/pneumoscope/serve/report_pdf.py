"""The report of one or more results, as PDF for people.

ReportLab is imported with the first report: a server that writes none starts without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.decision.sentences import time_text, translated
from pneumoscope.jobs.rows import name_of
from pneumoscope.records import REFUSED
from pneumoscope.render.localised import localised_result
from pneumoscope.serve.pictures import overlaid
from pneumoscope.serve.problems import FilmNotHeld

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pneumoscope.jobs.tables import FilmRow
    from pneumoscope.render.film_report import FilmReport
    from pneumoscope.serve.pictures import Renderer


def report(rows: Sequence[FilmRow], renderer: Renderer) -> bytes:
    """One or more pages for each film; with pictures if the server still has the film."""
    from pneumoscope.render.film_report import report_pdf

    return report_pdf(_film(row, renderer) for row in rows)


def _film(row: FilmRow, renderer: Renderer) -> FilmReport:
    from pneumoscope.render.film_report import PICTURE_PX, FilmReport

    grey = overlay = None
    result = None if row.result is None else localised_result(row.result)
    if result is not None:
        try:
            grey = renderer.grey(row, PICTURE_PX)
        except FilmNotHeld:
            pass
        else:
            if result["explanation"] is not None and result["label"] != REFUSED:
                overlay = overlaid(row, grey)
    return FilmReport(
        name=name_of(row, renderer.keys),
        when=f"{time_text(row.created)} UTC",
        # Identifies the film even if its name cannot be decrypted any more.
        identifiers=translated(f"Record {row.id}, film SHA-256 {row.sha256}"),
        result=result,
        error=row.error,
        grey=grey,
        overlay=overlay,
    )
