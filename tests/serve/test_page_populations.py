"""The page of a server of bundles for children and adults."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from film_files import dicom, ramp
from grey_films import BRIGHT, DARK
from live import Live
from pneumoscope.bundle import Bundle

pytest.importorskip("playwright.sync_api", reason="needs playwright")
from playwright.sync_api import Browser, Locator, Page, expect

from visit import Visit, force, violations

BY_FILM = "Population: {}, by the film itself"
BY_AGE = "Population: adults, by the age in the film's header"
BY_READER = "Population: adults, as the reader chose"


@pytest.fixture
def visit(browser: Browser, both: Live) -> Iterator[Visit]:
    both.client.delete("/api/v1/predictions")
    visiting = Visit(browser, both.url)
    yield visiting
    visiting.close()
    assert not visiting.complaints


def picture(film: tuple[str, bytes]) -> dict[str, Any]:
    return {"name": film[0], "mimeType": "image/png", "buffer": film[1]}


def old() -> dict[str, Any]:
    film = dicom(ramp(200, 220) // 4, PatientAge="054Y")
    return {"name": "old.dcm", "mimeType": "application/dicom", "buffer": film}


def choice(page: Page, part: str) -> Locator:
    return page.locator(part).get_by_label("Population", exact=True)


def test_a_bundle_is_chosen_for_each_film_and_the_page_says_why(visit: Visit) -> None:
    page = visit.page
    welcome = choice(page, ".welcome")
    expect(welcome.locator("option")).to_have_text(["automatic", "children", "adults"])
    expect(welcome).to_have_value("automatic")
    note = page.locator(".welcome .bundle-field .secondary")
    expect(note).to_contain_text("by the age in its header, or by the film itself")
    expect(page.locator("#notice .model")).to_have_text("automatic")
    visit.read(picture(BRIGHT), picture(DARK), old())
    panel = page.locator(".panel")
    expect(panel.locator("h2")).to_have_text("ABNORMAL")
    expect(panel.locator(".read-by")).to_have_text(BY_FILM.format("adults"))
    page.keyboard.press("j")
    expect(panel.locator("h2")).to_have_text("NORMAL")
    expect(panel.locator(".read-by")).to_have_text(BY_FILM.format("children"))
    page.keyboard.press("j")
    expect(panel.locator(".read-by")).to_have_text(BY_AGE)
    page.keyboard.press("2")
    read_by = page.locator(".record .read-by")
    expect(read_by).to_have_count(3)
    expect(read_by.filter(has_text="adults, by the age in the film's header")).to_have_count(1)
    expect(page.get_by_role("group", name="Verdict").get_by_role("button")).to_have_text(
        ["All", "NORMAL", "PNEUMONIA", "ABNORMAL", "UNDETERMINED", "REFUSED"]
    )
    for name in ("bright.png", "dark.png"):
        page.get_by_label(f"Choose {name}").check()
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.locator(".summary")).to_contain_text(
        [BY_FILM.format("adults"), BY_FILM.format("children")]
    )


def test_the_reader_chooses_the_population(
    visit: Visit, both: Live, bundles_of_both: dict[str, Bundle]
) -> None:
    page = visit.page
    choice(page, ".welcome").select_option("adults")
    note = page.locator(".welcome .bundle-field .secondary")
    expect(note).to_have_text("adults 1: NORMAL or ABNORMAL. Trained on adults in tests.")
    hash_ = bundles_of_both["adults"].sha256[:12]
    expect(page.locator("#notice .model")).to_have_text(f"adults{hash_}")
    visit.read(picture(DARK))
    expect(page.locator(".panel h2")).to_have_text("UNDETERMINED")  # it looks like a child's film
    expect(page.locator(".panel .read-by")).to_have_text(BY_READER)
    [record] = both.client.get("/api/v1/predictions").json()["predictions"]
    assert record["result"]["population_source"] == "reader"
    force(page)
    expect(page.locator(".panel h2")).to_contain_text("forced")
    expect(page.locator(".panel .read-by")).to_have_text(BY_READER)
    page.reload()
    expect(choice(page, ".welcome")).to_have_value("adults")
    choice(page, ".worklist").select_option("automatic")  # the list survives the reload
    visit.read(picture(DARK))
    page.locator(".row .open").last.click()
    expect(page.locator(".panel .read-by")).to_have_text(BY_FILM.format("children"))


def test_the_form_is_that_of_the_choice(visit: Visit, both: Live) -> None:
    page = visit.page
    page.keyboard.press("s")
    dialog = page.get_by_role("dialog", name="Settings")
    expect(dialog.get_by_role("group", name="Population")).to_have_count(0)
    expect(dialog.get_by_label("Prevalence of disease where the films come from")).to_be_visible()
    dialog.get_by_label("screen").check()
    choice(page, "dialog").select_option("children")
    expect(dialog.get_by_role("radio", name="balanced")).to_be_checked()
    expect(dialog.get_by_label("Prevalence of pneumonia where")).to_be_visible()
    choice(page, "dialog").select_option("automatic")
    expect(dialog.get_by_label("screen")).to_be_checked()
    page.keyboard.press("Escape")
    visit.read(picture(BRIGHT), picture(DARK))
    records = both.client.get("/api/v1/predictions").json()["predictions"]
    points = {r["result"]["bundle"]: r["result"]["operating_point"]["name"] for r in records}
    assert points == {"children 1": "screen", "adults 1": "screen"}


def test_about_shows_both_bundles(visit: Visit, bundles_of_both: dict[str, Bundle]) -> None:
    visit.page.keyboard.press("a")
    dialog = visit.page.get_by_role("dialog")
    for bundle in bundles_of_both.values():
        expect(dialog).to_contain_text(bundle.sha256)


def test_axe_finds_nothing_wrong_with_populations(visit: Visit) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe").Axe()
    page = visit.page
    assert violations(axe, page, both_themes=True) == {}
    visit.read(picture(BRIGHT))
    assert violations(axe, page, both_themes=True) == {}
    page.keyboard.press("a")
    page.get_by_role("dialog").locator("dl").first.wait_for()
    assert violations(axe, page, both_themes=True) == {}


SPARE = """select => {
  const style = getComputedStyle(select);
  const context = document.createElement('canvas').getContext('2d');
  context.font = style.font;
  const widths = [...select.options].map(({text}) => context.measureText(text).width);
  const padding = parseFloat(style.paddingLeft) + parseFloat(style.paddingRight);
  return select.clientWidth - padding - Math.max(...widths);
}"""
"""Pixels that are left beside the longest name of a choice."""


def test_on_the_smallest_phone_the_population_and_the_legend_can_be_read(
    browser: Browser, both: Live
) -> None:
    both.client.delete("/api/v1/predictions")
    visit = Visit(browser, both.url, viewport={"width": 320, "height": 640}, locale="de-DE")
    page = visit.read(picture(BRIGHT))
    select = page.locator(".worklist .bundle-field select")
    assert select.evaluate(SPARE) >= 0
    expect(page.get_by_role("button", name="Hinzufügen")).to_be_visible()
    page.locator(".toolbar button").first.click()  # side by side
    visit.overlaid()
    assert page.locator(".reading .legend:visible").evaluate(
        "legend => legend.offsetLeft >= 0 && legend.scrollWidth <= legend.clientWidth"
    )
    bar = page.locator(".reading .legend:visible i")
    assert bar.evaluate("bar => bar.clientWidth") > 20
    page.keyboard.press("f")
    expect(page.locator(".list-filters")).to_be_visible()
    for width in (320, 390):
        page.set_viewport_size({"width": width, "height": 640})
        assert select.evaluate(SPARE) >= 0
    visit.close()
