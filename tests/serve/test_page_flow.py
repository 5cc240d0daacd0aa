"""Work that flows: the list by keyboard, the next film ready, many films, films read again."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image

from live import Live

pytest.importorskip("playwright.sync_api", reason="needs playwright")
from playwright.sync_api import Browser, Page, expect

from visit import ASK, Visit, png

FILMS = 200
MOST_MS = 50.0
"""Of the page's own work for a step, as the median."""
STEP = """async () => {
  const list = document.querySelector('.rows');
  const times = [];
  for (let i = 0; i < 60; i += 1) {
    const start = performance.now();
    document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowDown', bubbles: true, cancelable: true}));
    times.push(performance.now() - start);
    await new Promise((done) => requestAnimationFrame(done));
  }
  return times.sort((a, b) => a - b)[30];
}"""


@pytest.fixture(scope="module")
def sitting(browser: Browser, quick_server: Live) -> Iterator[Visit]:
    """Five films, of which the first is on the stage."""
    visit = Visit(browser, quick_server.url, ASK)
    visit.add(*(grey(level) for level in (10, 60, 110, 160, 210)))
    expect(visit.page.locator(".row[data-busy=true]")).to_have_count(0)
    yield visit
    visit.close()
    assert not visit.complaints


@pytest.fixture
def page(sitting: Visit) -> Page:
    sitting.page.locator(".row .open").first.click()
    return sitting.page


def grey(level: int) -> dict[str, Any]:
    return png(f"film {level}.png", np.full((160, 180), level, np.uint8))


def selected(page: Page, name: str) -> None:
    expect(page.locator(".row.selected .name")).to_have_text(name)


# These two delete what the server has, so they come before the sitting of the others.


def test_all_films_are_read_again_with_other_settings(browser: Browser, quick_server: Live) -> None:
    quick_server.client.delete("/api/v1/predictions")
    visit = Visit(browser, quick_server.url)
    page = visit.read(grey(200), grey(20))
    page.keyboard.press("s")
    page.get_by_label("Prevalence of").fill("10")
    page.keyboard.press("Escape")
    page.locator(".worklist .menu-holder > button").click()
    page.get_by_role("menuitem", name="Read all again with the current settings").click()
    expect(page.locator(".row[data-busy=true]")).to_have_count(0)
    expect(page.locator(".row[data-state=ready]")).to_have_count(0)  # both were seen before
    expect(page.locator(".panel")).to_contain_text("At a prevalence of 10 %")
    records = quick_server.client.get("/api/v1/predictions").json()["predictions"]
    assert [r["result"]["prevalence"] for r in records] == [0.1, 0.1, None, None]
    visit.close()
    assert not visit.complaints


def test_the_history_counts_verdicts_and_narrows_by_mark_and_date(
    browser: Browser, quick_server: Live
) -> None:
    quick_server.client.delete("/api/v1/predictions")
    visit = Visit(browser, quick_server.url)
    small = {**png("small.png", np.full((100, 100), 210, np.uint8))}  # has a note on its size
    page = visit.read(grey(200), grey(230), grey(20), small)
    page.keyboard.press("2")
    verdicts = page.get_by_role("group", name="Verdict")
    for verdict, count in (("", "4"), ("PNEUMONIA", "3"), ("NORMAL", "1")):
        button = verdicts.locator(f'button[data-value="{verdict}"]')
        expect(button).to_have_attribute("data-count", count)
    names = page.locator(".record .name")
    page.get_by_label("Mark").select_option("noted")
    expect(names).to_have_text(["small.png"])
    page.get_by_label("Mark").select_option("")
    page.get_by_label("Since").fill("2999-01-01")
    expect(page.get_by_text("No film matches.")).to_be_visible()
    page.get_by_label("Since").fill("2001-01-01")
    expect(names).to_have_count(4)
    visit.close()
    assert not visit.complaints


def test_the_counts_of_the_history_add_up_with_films_that_were_not_read(
    browser: Browser, quick_server: Live
) -> None:
    quick_server.client.delete("/api/v1/predictions")
    visit = Visit(browser, quick_server.url)
    broken = {"name": "broken.png", "mimeType": "image/png", "buffer": b"\x89PNG\r\n\x1a\n"}
    page = visit.read(grey(200), broken, grey(20))
    page.keyboard.press("2")
    names = page.locator(".record .name")
    expect(names).to_have_count(3)
    choices = page.get_by_role("group", name="Verdict").locator("button")
    counts = {
        choice.get_attribute("data-value"): choice.get_attribute("data-count")
        for choice in choices.all()
    }
    expected = {"NORMAL": "1", "PNEUMONIA": "1", "UNDETERMINED": "0", "REFUSED": "0", "unread": "1"}
    assert counts == {"": "3", **expected}
    page.get_by_role("button", name="NOT READ", exact=True).click()
    expect(names).to_have_text(["broken.png"])
    expect(page.get_by_role("button", name="All", exact=True)).to_have_attribute("data-count", "3")
    page.reload()
    expect(names).to_have_text(["broken.png"])
    page.get_by_role("button", name="NORMAL", exact=True).click()
    expect(names).to_have_count(1)
    expect(names).not_to_have_text("broken.png")
    visit.close()
    assert not visit.complaints


def test_arrow_keys_home_and_end_step_through_the_films(page: Page) -> None:
    for key, name in (
        ("ArrowDown", "film 60.png"),
        ("ArrowRight", "film 110.png"),
        ("End", "film 210.png"),
        ("ArrowDown", "film 210.png"),
        ("ArrowUp", "film 160.png"),
        ("Home", "film 10.png"),
    ):
        page.keyboard.press(key)
        selected(page, name)
        expect(page.locator(".row.selected .open")).to_be_focused()
    page.evaluate("document.activeElement.blur()")  # as after a click on the page
    page.keyboard.press("End")
    selected(page, "film 210.png")
    page.keyboard.press("ArrowUp")
    selected(page, "film 160.png")


def test_arrow_keys_keep_their_meaning_elsewhere(page: Page) -> None:
    page.keyboard.press("Space")  # the verdict
    slider = page.get_by_role("slider")
    expect(slider).to_be_enabled()
    slider.focus()
    page.keyboard.press("ArrowUp")
    selected(page, "film 10.png")
    expect(slider).to_have_value("56")
    page.locator(".panes").focus()
    page.keyboard.press("ArrowDown")  # moves the film
    selected(page, "film 10.png")


def test_space_shows_the_verdict_and_then_the_next_film(page: Page) -> None:
    page.keyboard.press("End")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Space")
    selected(page, "film 160.png")
    expect(page.locator(".panel h2.headline:not(.plain)")).to_be_visible()
    page.keyboard.press("Space")
    selected(page, "film 210.png")
    expect(page.locator(".row.selected .open")).to_be_focused()


def test_the_list_is_one_stop_of_the_tab_key(page: Page) -> None:
    stops = page.locator(".rows").evaluate(
        "rows => [...rows.querySelectorAll('button')].filter(e => e.tabIndex >= 0).length"
    )
    assert stops == 1
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    expect(page.locator(".row.selected .open")).to_be_focused()  # the film, not the first row
    page.keyboard.press("Tab")
    assert (
        page.evaluate("document.querySelector('.rows').contains(document.activeElement)") is False
    )


def test_the_next_film_is_loaded_before_it_is_opened(sitting: Visit, page: Page) -> None:
    films = page.evaluate("JSON.parse(sessionStorage['pneumoscope.sitting']).films")
    second = f"{films[1]['id']}/film.png"
    with page.expect_response(lambda response: second in response.url):
        page.reload()
    sitting.shown()
    sitting.requests.clear()
    page.locator(".row .open").first.focus()
    page.keyboard.press("ArrowDown")
    sitting.shown()
    assert not any(second in url for url in sitting.requests)


def test_two_hundred_films_cost_little_a_step(browser: Browser, quick_server: Live) -> None:
    """The sitting is put back from ids, so no film is sent: the list of the page is what is tested."""
    film = grey(200)
    records = quick_server.read((film["name"], film["buffer"]))
    many = [records[0] | {"id": f"{i:032x}"} for i in range(FILMS)]
    stored = {"films": [{"id": r["id"], "revealed": True, "call": None} for r in many]}
    visit = Visit(browser, quick_server.url)
    page = visit.page
    small = io.BytesIO()
    Image.fromarray(np.full((40, 40), 200, np.uint8)).save(small, "PNG")
    page.route(
        "**/*.png", lambda route: route.fulfill(body=small.getvalue(), content_type="image/png")
    )
    page.route("**/api/v1/predictions?*", lambda route: route.fulfill(json={"predictions": many}))
    page.evaluate("text => sessionStorage.setItem('pneumoscope.sitting', text)", json.dumps(stored))
    page.reload()
    page.wait_for_selector("body[data-ready]")
    expect(page.locator(".row")).to_have_count(FILMS)
    page.locator(".row .open").first.focus()
    median_ms = page.evaluate(STEP)
    selected(page, film["name"])
    assert page.locator(".row").nth(60).get_attribute("class") == "row selected"
    assert median_ms < MOST_MS
    visit.close()


def test_a_sample_film_can_be_tried(browser: Browser, quick_server: Live) -> None:
    visit = Visit(browser, quick_server.url)
    visit.page.get_by_role("button", name="Try a sample film").click()
    expect(visit.page.locator(".row .name")).to_have_text("pneumonia-1.png")
    expect(visit.page.locator(".row[data-busy=true]")).to_have_count(0)
    expect(visit.page.locator(".panel")).to_contain_text("Look at the film first")
    visit.close()
    assert not visit.complaints
    assert all(url.startswith((quick_server.url, "blob:")) for url in visit.requests)
