"""The page of a site's calibration."""

from __future__ import annotations

from pathlib import Path

from pneumoscope.bundle import Bundle
from pneumoscope.evidence.report.blocks import Heading, Note, Table
from pneumoscope.evidence.report.site import report_of
from pneumoscope.evidence.site import calibrate, films, request
from pneumoscope.evidence.site.verdict import Goal
from report_pages import parsed
from site_films import site_data


def test_the_page_shows_the_verdict_and_both_thresholds(
    quick: None, tiny_bundle: Bundle, tmp_path: Path
) -> None:
    data = site_data(tmp_path / "ward", [40 + i for i in range(45)], [180 + i for i in range(45)])
    settings = request.SiteRequest("Ward 7", None, Goal())
    result = calibrate.calibrate(films.read(data, tiny_bundle), tiny_bundle, settings)
    page = report_of(result)
    assert (page.title, page.subtitle.split(" · ")[0]) == (
        "Site profile of Ward 7",
        "90 films of 90 patients",
    )
    first = page.blocks[0]
    assert isinstance(first, Note)
    assert (first.title, first.kind) == ("GO.", "read")
    tables = [block for block in page.blocks if isinstance(block, Table)]
    rows = [row for row in tables[0].rows if row[0] in ("balanced, site's", "… bundle's")]
    assert rows[0][1] == f"{result.points[0].point.threshold:.3f}"
    assert rows[1][1] == "0.500"
    headings = [block.text for block in page.blocks if isinstance(block, Heading)]
    assert headings[:2] == ["Operating points", "Probabilities"]
    assert parsed(page).open == []
