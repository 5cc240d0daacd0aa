"""No verdict before its film was seen, and none before the reader's own call in reader mode."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from live import Live

pytest.importorskip("playwright.sync_api", reason="needs playwright")
from playwright.sync_api import Browser, Page, expect

from visit import SAMPLES, Visit, mixed, violations

LONG_MS = 60_000
POSITIVE, NEGATIVE = "pneumonia-1.png", "normal-1.png"


@pytest.fixture(scope="module")
def sitting(browser: Browser, page_server: Live) -> Iterator[Visit]:
    """A page whose clock the tests can move."""
    page_server.client.delete("/api/v1/predictions")
    visit = Visit(browser, page_server.url)
    visit.install_clock()
    yield visit
    visit.close()
    assert not visit.complaints
    assert all(url.startswith((page_server.url, "blob:")) for url in visit.requests)


@pytest.fixture
def page(sitting: Visit) -> Page:
    sitting.page.keyboard.press("1")
    return sitting.page


def ready(page: Page, name: str) -> None:
    expect(page.locator(".row", has_text=name)).to_have_attribute("data-state", "ready")


def test_a_film_that_nobody_opened_has_no_verdict_anywhere(sitting: Visit, page: Page) -> None:
    sitting.add(SAMPLES / NEGATIVE, SAMPLES / POSITIVE)
    expect(page.locator(".panel h2")).to_have_text("NORMAL")
    ready(page, POSITIVE)
    page.clock.fast_forward(LONG_MS)
    ready(page, POSITIVE)
    assert "PNEUMONIA" not in page.locator(".rows").inner_text()
    page.keyboard.press("2")
    record = page.locator(".record", has_text=POSITIVE)
    expect(record.locator(".label")).to_have_text("Ready")
    expect(record.locator(".bar")).to_have_count(0)
    assert "PNEUMONIA" not in page.locator(".records").inner_text()
    names = page.locator(".record .name")
    page.get_by_label("Sort by").select_option("highest")
    expect(names).to_have_text([NEGATIVE, POSITIVE])  # not by a figure that is not shown
    page.get_by_role("button", name="PNEUMONIA", exact=True).click()
    expect(names).to_have_count(0)
    page.get_by_role("button", name="All", exact=True).click()
    page.keyboard.press("3")
    choices = page.locator(".compare select").first.locator("option")
    expect(choices).to_have_text(["Choose a film …", f"{NEGATIVE} · NORMAL"])


def test_the_time_runs_only_while_the_film_is_on_the_stage(sitting: Visit, page: Page) -> None:
    sitting.stop_clock()
    page.keyboard.press("j")
    sitting.shown()
    page.keyboard.press("2")
    expect(page.locator(".history")).to_be_visible()
    page.clock.fast_forward(LONG_MS)
    page.keyboard.press("1")
    expect(page.locator(".reading")).to_be_visible()
    ready(page, POSITIVE)
    page.keyboard.press("k")
    page.clock.fast_forward(LONG_MS)
    ready(page, POSITIVE)
    page.keyboard.press("j")
    page.clock.resume()
    expect(page.locator(".panel h2")).to_have_text("PNEUMONIA")


def test_the_sitting_survives_a_reload(sitting: Visit, page: Page) -> None:
    sitting.add(mixed())
    ready(page, "mixed.png")
    stored = page.evaluate("JSON.stringify(sessionStorage) + JSON.stringify(localStorage)")
    assert "mixed" not in stored  # no names
    page.reload()
    page.wait_for_selector("body[data-ready]")
    expect(page.locator(".row .name")).to_have_text([NEGATIVE, POSITIVE, "mixed.png"])
    expect(page.locator(".row .state")).to_contain_text(["NORMAL", "PNEUMONIA", "Ready"])
    expect(page.locator(".panel .film-name")).to_have_text(POSITIVE)  # that was selected


def test_the_readers_call_comes_before_the_verdict(sitting: Visit, page: Page) -> None:
    page.keyboard.press("s")
    page.get_by_label("Reader mode").check()
    page.get_by_label("At once").check()  # waits for the call all the same
    page.keyboard.press("Escape")
    page.locator(".worklist .menu-holder > button").click()
    page.get_by_role("menuitem", name="Clear this list").click()
    sitting.add(SAMPLES / NEGATIVE, SAMPLES / POSITIVE, mixed())
    panel = page.locator(".panel")
    expect(panel.get_by_role("heading")).to_have_text("Your call")
    page.clock.fast_forward(LONG_MS)
    page.locator(".panes").focus()
    page.keyboard.press("Space")
    expect(page.locator("#announcer")).to_have_text("Your call comes first.")
    expect(page.locator(".row[data-state=ready]")).to_have_count(3)
    page.keyboard.press("n")
    expect(panel.locator("h2")).to_have_text("NORMAL")
    expect(panel.locator(".call-line")).to_have_text("Your call: NORMAL, as the model.")
    page.keyboard.press("j")
    panel.get_by_label("Note (optional)").fill('=a "faint", spot')
    panel.get_by_role("button", name="NORMAL").click()
    expect(panel.locator("h2")).to_have_text("PNEUMONIA")
    expect(panel.locator(".call-line")).to_contain_text("Your call: NORMAL.")
    page.keyboard.press("2")
    expect(page.locator(".record", has_text="mixed.png").locator(".label").first).to_have_text(
        "Ready"
    )
    page.keyboard.press("1")
    page.keyboard.press("j")
    expect(panel.get_by_role("button", name="Your calls and agreement")).to_have_count(0)
    page.keyboard.press("c")
    expect(panel.locator("h2")).to_have_text("UNDETERMINED")
    expect(page.locator(".row .badge.call")).to_have_text(["you: NORMAL"] * 2 + ["you: Can't say"])


def test_calls_survive_a_reload_and_are_compared_and_saved(sitting: Visit, page: Page) -> None:
    page.reload()
    page.wait_for_selector("body[data-ready]")
    page.get_by_role("button", name="Your calls and agreement").click()
    dialog = page.get_by_role("dialog", name="Your calls")

    def figure(name: str) -> str:
        return dialog.locator("tr").filter(has_text=name).locator("td").inner_text()

    assert figure("Films with your call") == "3"
    assert figure("You and the model named the same class") == "1 of 2"
    assert figure("Cohen's kappa") == "0.00"
    truth = f"film,label\n{NEGATIVE},normal\n{POSITIVE},pneumonia\nother.png,normal\n"
    file = {"name": "truth.csv", "mimeType": "text/csv", "buffer": truth.encode()}
    dialog.get_by_label("Truth, as CSV").set_input_files([file])
    expect(dialog.locator("tr")).to_have_count(9)
    assert figure("Films with a known truth") == "2"
    dialog.get_by_label("Truth, as CSV").set_input_files([])  # a choice that was cancelled
    assert figure("Films with a known truth") == "2"
    assert figure("Your sensitivity") == "0.00 (0 of 1)"
    assert figure("Your specificity") == "1.00 (1 of 1)"
    assert figure("Sensitivity of the model") == "1.00 (1 of 1)"
    with page.expect_download() as download:
        dialog.get_by_role("button", name="Calls, CSV").click()
    text = Path(download.value.path()).read_text("utf-8")
    rows = {row["film"]: row for row in csv.DictReader(io.StringIO(text))}
    assert [rows[name]["call"] for name in (NEGATIVE, POSITIVE)] == ["NORMAL", "NORMAL"]
    film = rows[POSITIVE]
    assert (film["verdict"], film["agrees"], film["truth"]) == ("PNEUMONIA", "false", "positive")
    assert film["note"] == '\'=a "faint", spot'
    assert float(film["p_positive"]) > 0.9
    dialog.get_by_label("Truth, as CSV").set_input_files([file | {"buffer": b"a,b\n1,2\n"}])
    expect(page.locator("#toast")).to_contain_text("no columns “film” and “label”")
    page.keyboard.press("Escape")


def test_axe_finds_nothing_in_reader_mode(sitting: Visit, page: Page) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe").Axe()
    page.get_by_role("button", name="Dismiss").click()
    assert violations(axe, page, both_themes=True) == {}
    page.get_by_role("button", name="Your calls and agreement").click()
    assert violations(axe, page, both_themes=True) == {}
    page.keyboard.press("Escape")
    sitting.add(SAMPLES / "normal-2.png")
    ready(page, "normal-2.png")
    page.locator(".row .open", has_text="normal-2.png").click()
    page.locator(".call-form").wait_for()
    assert violations(axe, page) == {}
