"""The page of a site's calibration."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import drawings
from pneumoscope.bundle import Bundle
from pneumoscope.data.check import Broken
from pneumoscope.evidence.report import html_page
from pneumoscope.evidence.report.blocks import Heading, Note, Table
from pneumoscope.evidence.report.site import report_of
from pneumoscope.evidence.site import calibrate, films, request
from pneumoscope.evidence.site.points import CarriedPoint
from pneumoscope.evidence.site.verdict import Goal
from pneumoscope.evidence.statistics.intervals import Figure
from report_pages import parsed
from section_blocks import paragraphs, points, rows, table, titles, warnings
from site_films import calibrated, site_data


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
    of_point = [row for row in tables[0].rows if row[0] in ("balanced, site's", "… bundle's")]
    assert of_point[0][1] == f"{result.points[0].point.threshold:.3f}"
    assert of_point[1][1] == "0.500"
    headings = [block.text for block in page.blocks if isinstance(block, Heading)]
    assert headings[:2] == ["Operating points", "Probabilities"]
    assert parsed(page).open == []


def test_a_no_go_is_a_warning_with_its_reasons(quick: None) -> None:
    page = report_of(calibrated(verdict="no-go", reasons=("few films", "the gate refuses many")))
    assert warnings(page.blocks) == ["NO-GO. Few films. The gate refuses many."]
    assert "Films: 20 normal, 20 pneumonia; 2.5% of them refused by the gate." in (
        paragraphs(page.blocks)
    )


def test_the_thresholds_of_site_and_bundle_have_their_own_figures(quick: None) -> None:
    assert rows(report_of(calibrated()).blocks, "point", "threshold") == {
        "balanced, site's": ("0.400", "0.900 [0.800, 0.950]", "0.800 [0.700, 0.900]"),
        "… bundle's": ("0.500", "0.700 [0.600, 0.800]", "0.950 [0.900, 0.980]"),
    }


def test_a_point_that_the_bundle_does_not_have_stands_alone(quick: None) -> None:
    (point,) = calibrated().points
    page = report_of(calibrated(points=(replace(point, bundle_threshold=None),)))
    assert list(rows(page.blocks, "point", "threshold")) == ["balanced, site's"]


def test_the_default_point_is_highlighted(quick: None) -> None:
    (point,) = calibrated().points
    other = replace(point, point=replace(point.point, name="screen", threshold=2e-4))
    page = report_of(calibrated(points=(other, point)))
    made = table(page.blocks, "point", "threshold")
    assert made.strong == {2}  # after both rows of the other point
    assert made.rows[0][1] == "2.0e-04"


def test_probabilities_of_bundle_and_site_are_compared(quick: None) -> None:
    page = report_of(calibrated())
    assert rows(page.blocks, "probabilities") == {
        "bundle's": ("0.100 [0.050, 0.150]", "0.020", "0.03"),
        "site's, cross-fitted": ("0.040 [0.000, 0.080]", "0.030", "0.40"),
    }
    text = "\n".join(paragraphs(page.blocks))
    assert "the bundle's times 0.500 +1.000. They are valid where 50% of the films" in text
    assert "UNDETERMINED at error 5%, with scores of other patients: 0.100 [0.050, 0.200]" in text


def test_points_of_an_older_bundle_stand_beside_the_new_ones(quick: None) -> None:
    carried = CarriedPoint(
        name="screen",
        keeps="sensitivity",
        old_threshold=0.1,
        new_threshold=0.2,
        old_sensitivity=Figure(0.97, 0.9, 0.99),
        old_specificity=Figure(0.5, 0.4, 0.6),
        sensitivity_change=Figure(0.0, -0.02, 0.02),
        specificity_change=Figure(0.1, 0.05, 0.15),
        changed=Figure(0.08, 0.03, 0.2),
    )
    page = report_of(calibrated(carried=(carried,)))
    made = table(page.blocks, "point", "keeps")
    assert made.rows == (
        (
            "screen", "sensitivity", "0.100", "0.200", "0.970 [0.900, 0.990]",
            "0.000 [-0.020, 0.020]", "0.500 [0.400, 0.600]", "0.100 [0.050, 0.150]",
            "0.080 [0.030, 0.200]",
        ),
    )  # fmt: skip
    assert "From the older bundle to this one" in titles(page.blocks)
    assert "From the older bundle to this one" not in titles(report_of(calibrated()).blocks)


def test_films_that_cannot_be_read_and_warnings_are_listed(quick: None) -> None:
    broken = (Broken(path="cut.png", code="TruncatedImage", message="it ends early", hint=""),)
    page = report_of(calibrated(broken=broken, warnings=("patients are not known",)))
    assert "cut.png: it ends early" in points(page.blocks)
    assert "Patients are not known." in points(page.blocks)


def test_scores_of_both_classes_are_plotted_with_the_sites_thresholds() -> None:
    drawn = drawings.all_drawings(lambda: report_of(calibrated()))
    (axes,) = drawn["site-scores"].axes
    assert drawings.legend(axes) == ["positive (20)", "negative (20)", "balanced, 0.400"]
    assert axes.get_xlabel() == "P(pneumonia)"
    before, after = drawn["site-reliability"].axes
    assert before.get_title(loc="left") == "bundle's\nECE 0.100 [0.050, 0.150]"
    assert after.get_title(loc="left") == "site's, cross-fitted\nECE 0.040 [0.000, 0.080]"


def test_the_name_of_a_site_cannot_become_markup(quick: None) -> None:
    page = report_of(calibrated(name="<b>Ward</b>", reasons=("<script>",)))
    html = html_page.html(page)
    assert "<b>Ward</b>" not in html
    assert "<script>" not in html
