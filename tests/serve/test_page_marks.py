"""Verdicts that are forced, noted or outside the population are marked wherever the page shows them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from film_files import dicom
from live import Live

pytest.importorskip("playwright.sync_api", reason="needs playwright")
from playwright.sync_api import Browser, Locator, Page, expect

from visit import (
    ASK,
    SAMPLES,
    Visit,
    force,
    inverted,
    mixed,
    png,
    sample,
    saved,
    violations,
)

OUTSIDE = "outside the population"
NAMES = ["old.dcm", "inverted.png", "mixed.png", "normal-1.png"]


def old() -> dict[str, Any]:
    """A child's film whose header says 54 years: outside the population of either bundle."""
    film = dicom(sample("pneumonia-2.png").astype(np.uint16) * 16, PatientAge="054Y")
    return {"name": "old.dcm", "mimeType": "application/dicom", "buffer": film}


@pytest.fixture(scope="module")
def sitting(browser: Browser, page_server: Live) -> Iterator[Visit]:
    """Films of each kind, read once: outside the population, forced, undetermined, normal."""
    page_server.client.delete("/api/v1/predictions")
    visit = Visit(browser, page_server.url, ASK)
    visit.read(old(), inverted(), mixed(), SAMPLES / "normal-1.png")
    choose(visit.page, "inverted.png")
    force(visit.page)
    expect(visit.page.locator(".row[data-state=refused]")).to_have_count(0)
    expect(visit.page.locator(".row[data-busy=true]")).to_have_count(0)
    visit.reveal()
    expect(visit.page.locator(".panel h2 small.forced")).to_have_text("forced")
    yield visit
    visit.close()
    assert not visit.complaints


@pytest.fixture
def page(sitting: Visit) -> Page:
    sitting.page.keyboard.press("1")
    return sitting.page


def choose(page: Page, name: str) -> Locator:
    """Selects a film, and returns the panel with its verdict."""
    page.locator(".row .open", has_text=name).click()
    panel = page.locator(".panel")
    expect(panel.locator(".film-name")).to_have_text(name)
    expect(panel.locator("h2")).to_be_visible()
    return panel


def test_outside_the_population_comes_before_the_number(page: Page) -> None:
    panel = choose(page, "old.dcm")
    banner = panel.locator(".outside-banner")
    expect(banner).to_contain_text("Outside the population")
    expect(banner).to_contain_text("The film looks like one of a patient outside the training")
    tops = [
        panel.locator(part).first.evaluate("element => element.getBoundingClientRect().top")
        for part in (".outside-banner", "h2", ".number")
    ]
    assert tops == sorted(tops)
    expect(choose(page, "normal-1.png").locator(".outside-banner")).to_have_count(0)


def test_rows_history_and_compare_have_badges(page: Page) -> None:
    badges = {
        name: page.locator(".row", has_text=name).locator(".badge").all_inner_texts()
        for name in NAMES
    }
    assert badges == {NAMES[0]: [OUTSIDE], NAMES[1]: ["forced"], NAMES[2]: [], NAMES[3]: []}
    expect(page.locator(".row", has_text="inverted.png").locator(".state")).to_contain_text(
        "(forced) · 0."
    )
    page.keyboard.press("2")
    forced = page.locator(".record", has_text="inverted.png").filter(has_text="forced")
    expect(forced.locator(".badge")).to_have_text("forced")
    expect(forced.get_by_role("button", name="Open inverted.png")).to_have_accessible_name(
        "Open inverted.png, PNEUMONIA (forced)"
    )
    expect(page.locator(".record", has_text="old.dcm").locator(".badge")).to_have_text(OUTSIDE)
    page.get_by_label("Choose old.dcm").check()
    forced.get_by_role("checkbox").check()
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.locator(".summary .badge")).to_have_text([OUTSIDE, "forced"])
    expect(page.locator(".summary .outside-banner")).to_have_count(1)
    chosen = page.locator(".compare select").nth(1).locator("option:checked")
    expect(chosen).to_have_text("inverted.png · PNEUMONIA (forced)")


def test_exports_are_marked(page: Page) -> None:
    pypdf = pytest.importorskip("pypdf")
    menu = ".worklist .menu-holder > button"
    table = csv.DictReader(io.StringIO(saved(page, menu, "Results, CSV").decode()))
    marks = {row["source"]: (row["label"], row["marks"]) for row in table}
    assert marks["old.dcm"] == ("UNDETERMINED", OUTSIDE)
    assert marks["inverted.png"] == ("PNEUMONIA", "forced")
    assert marks["normal-1.png"] == ("NORMAL", "")
    document = pypdf.PdfReader(io.BytesIO(saved(page, menu, "Report, PDF")))
    texts = {
        name: " ".join(sheet.extract_text().split())
        for sheet in document.pages
        for name in NAMES
        if name in sheet.extract_text()
    }
    outside, forced = texts["old.dcm"], texts["inverted.png"]
    assert outside.index("Outside the population that the model knows") < outside.index("P(")
    assert f"UNDETERMINED ({OUTSIDE})" in outside
    assert "PNEUMONIA (forced)" in forced
    assert "The gate refuses this film; the verdict was forced." in forced
    for text in (outside, forced):
        assert "or fewer get the wrong verdict" not in text
    assert "% of the heat" not in forced
    assert "or fewer get the wrong verdict" in texts["normal-1.png"]


def test_a_forced_verdict_promises_nothing_and_says_nothing_of_heat(page: Page) -> None:
    panel = choose(page, "inverted.png")
    panel.locator(".more summary").click()
    expect(panel).to_contain_text("The gate refuses this film; the verdict was forced.")
    for words in ("or fewer get the wrong verdict", "of the heat", "Heat by zone"):
        expect(panel).not_to_contain_text(words)


def test_forcing_takes_a_menu_and_a_confirmation(page: Page) -> None:
    panel = choose(page, "old.dcm")
    expect(panel.get_by_role("button", name="Force")).to_have_count(0)
    panel.get_by_role("button", name="More actions").click()
    page.get_by_role("menuitem", name="Force a verdict …").click()
    dialog = page.get_by_role("dialog", name="Force a verdict?")
    expect(dialog).to_contain_text("marked as forced wherever it is shown")
    dialog.get_by_role("button", name="Cancel").click()
    expect(panel.locator("h2")).to_have_text("UNDETERMINED")
    choose(page, "normal-1.png")
    expect(panel.get_by_role("button", name="More actions")).to_have_count(0)


def test_undetermined_names_no_class(page: Page) -> None:
    for name in ("mixed.png", "old.dcm"):
        panel = choose(page, name)
        expect(panel.locator("h2")).to_have_text("UNDETERMINED")
        expect(panel).to_contain_text("(operating point balanced, error 5 %)")


def test_the_footer_says_for_whom_the_model_was_made(page: Page) -> None:
    footer = page.locator("#notice .made-for")
    expect(footer).to_have_text("Made for children or adults, with one model each.")
    population = page.locator(".worklist").get_by_label("Population")
    population.select_option("children")
    expect(footer).to_contain_text("Made for children of one to five years")
    population.select_option("automatic")


def test_with_a_prevalence_everything_is_on_one_scale(sitting: Visit, page: Page) -> None:
    page.keyboard.press("s")
    page.get_by_role("dialog").get_by_label("Population", exact=True).select_option("children")
    page.get_by_label("Prevalence of").fill("10")
    page.keyboard.press("Escape")
    sitting.read(png("rare.png", sample("pneumonia-1.png")))
    panel = choose(page, "rare.png")
    number = float(panel.locator(".number strong").inner_text())
    threshold = float(panel.locator(".scale .point").last.inner_text())
    bar, mark = (
        panel.locator(f".bar {part}").last.evaluate(
            "e => [parseFloat(e.style.width), parseFloat(e.style.left)]"
        )
        for part in "ib"
    )
    assert bar[0] == pytest.approx(100 * number, abs=0.06)
    assert mark[1] == pytest.approx(100 * threshold, abs=0.06)
    # PNEUMONIA from 0.799 at a prevalence of 0.5: odds of 3.98, a ninth of them at 0.1.
    assert threshold == pytest.approx(0.306, abs=0.002)
    page.keyboard.press("2")
    expect(page.locator(".record", has_text="rare.png")).to_contain_text(
        "operating point balanced, prevalence 10 %"
    )


def test_normal_shows_no_heatmap_until_it_is_asked_for(page: Page) -> None:
    choose(page, "normal-1.png")
    heatmap = page.get_by_role("button", name="Heatmap", exact=True)
    expect(heatmap).to_have_attribute("aria-pressed", "false")
    expect(page.locator(".reading .legend:visible")).to_have_count(0)
    heatmap.click()
    expect(page.locator(".reading .legend.healthy:visible")).to_have_text("lowhigh")
    choose(page, "mixed.png")
    heatmap.click()
    choose(page, "normal-1.png")
    expect(heatmap).to_have_attribute("aria-pressed", "true")  # each kind keeps its own choice
    heatmap.click()
    choose(page, "mixed.png")
    expect(heatmap).to_have_attribute("aria-pressed", "false")
    heatmap.click()


def test_the_heatmap_is_for_pneumonia_while_the_kind_is_undetermined(page: Page) -> None:
    panel = choose(page, "rare.png")
    kind = panel.locator("dl div").filter(has_text="Kind")
    expect(kind.locator("dd")).to_contain_text("Undetermined (bacterial or viral)")
    expect(panel).to_contain_text("For PNEUMONIA")
    expect(page.locator(".reading .pane-corner").nth(1)).to_have_text("Heatmap for PNEUMONIA")
    expect(panel).not_to_contain_text("For bacterial")


def test_the_heatmap_of_a_normal_film_has_the_name_of_its_verdict(page: Page) -> None:
    expect(choose(page, "normal-1.png")).to_contain_text("For NORMAL")


def test_the_heatmap_is_smooth_or_cells(sitting: Visit, page: Page) -> None:
    choose(page, "rare.png")
    spread = """canvas => {
      const {data} = canvas.getContext('2d').getImageData(0, canvas.height / 2 | 0, canvas.width, 1);
      const hues = new Set();
      for (let i = 0; i < data.length; i += 4) hues.add(data[i] - data[i + 2]);
      return hues.size;
    }"""
    sitting.overlaid()
    smooth = sitting.steady(spread)
    cells = page.get_by_role("button", name="Heatmap as cells")
    cells.click()
    expect(cells).to_have_attribute("aria-pressed", "true")
    assert sitting.steady(spread) < smooth
    page.keyboard.press("g")
    assert sitting.steady(spread) == smooth


def test_the_film_stays_where_it_is_when_the_verdict_arrives(sitting: Visit, page: Page) -> None:
    sitting.add(png("still.png", sample("normal-2.png")))
    expect(page.locator(".row[data-state=ready]")).to_have_count(1)
    page.locator(".row .open", has_text="still.png").click()
    places = "panes => [...panes.children].slice(0, 2).map(e => JSON.stringify(e.getBoundingClientRect()))"
    sitting.shown()
    before = page.locator(".panes").evaluate(places)
    page.get_by_role("button", name="Show the verdict").click()
    expect(page.locator(".panel h2")).to_have_text("NORMAL")
    assert page.locator(".panes").evaluate(places) == before


def test_wide_films_are_stacked(sitting: Visit, page: Page) -> None:
    sitting.read(png("wide.png", np.tile(sample("normal-2.png"), (1, 3))))
    page.locator(".row .open", has_text="wide.png").click()
    expect(page.locator(".panes")).to_have_attribute("data-layout", "stacked")
    choose(page, "normal-1.png")
    expect(page.locator(".panes")).to_have_attribute("data-layout", "side")


@pytest.mark.parametrize("locale", ["en-GB", "de-DE"])
def test_a_phone_shows_every_verdict_without_scrolling(
    browser: Browser, sitting: Visit, page_server: Live, locale: str
) -> None:
    phone = Visit(browser, page_server.url, viewport={"width": 390, "height": 844}, locale=locale)
    page = phone.page
    for name in NAMES:
        page.keyboard.press("2")
        page.locator(".record", has_text=name).last.locator(".open").click()
        expect(page.locator(".row", has_text=name)).to_have_count(1)
    panel = page.locator(".panel")
    bottom = page.locator("#notice").evaluate("e => e.getBoundingClientRect().top")
    for name in NAMES:  # with the badges of the others in the list
        choose(page, name)
        phone.shown()
        parts = ["h2", ".number strong", ".bar", ".scale"]
        if name == "inverted.png":
            parts = ["h2", ".lead", ".reasons li"]
        for part in parts:
            box = panel.locator(part).first.bounding_box()
            assert box
            assert box["y"] + box["height"] <= bottom, (name, part)
        buttons = panel.locator(".actions").bounding_box()
        last = panel.locator(parts[-1]).last.bounding_box()
        assert buttons
        assert last
        assert buttons["y"] >= last["y"] + last["height"], name  # reasons come before any button
    phone.close()
    assert not phone.complaints


def test_axe_finds_nothing_in_marks(sitting: Visit, page: Page) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe").Axe()
    for name in ("old.dcm", "inverted.png"):
        choose(page, name)
        assert violations(axe, page, both_themes=True) == {}
    for key in "23":
        page.keyboard.press(key)
        page.locator(".badge:visible").first.wait_for()
        assert violations(axe, page, both_themes=True) == {}
