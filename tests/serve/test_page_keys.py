"""Keys that the reader changes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from live import Live

pytest.importorskip("playwright.sync_api", reason="needs playwright")
from playwright.sync_api import Browser, Locator, Page, expect

from visit import SAMPLES, Visit, violations


@pytest.fixture(scope="module")
def sitting(browser: Browser, page_server: Live) -> Iterator[Visit]:
    visit = Visit(browser, page_server.url)
    visit.read(SAMPLES / "normal-1.png", SAMPLES / "pneumonia-1.png")
    yield visit
    visit.close()
    assert not visit.complaints


def key(page: Page, action: str) -> Locator:
    return page.get_by_role("dialog").locator(f"[data-action={action}]")


def assign(page: Page, action: str, pressed: str) -> None:
    key(page, action).click()
    expect(key(page, action)).to_have_text("Press a key")
    page.keyboard.press(pressed)


def test_a_changed_key_works_and_the_old_one_does_not(sitting: Visit) -> None:
    page = sitting.page
    page.keyboard.press("?")
    assign(page, "invert", "e")
    expect(key(page, "invert")).to_have_text("E")
    expect(key(page, "invert")).to_be_focused()
    assign(page, "proceed", "PageDown")
    expect(key(page, "proceed")).to_have_text("Page down")
    page.get_by_role("button", name="Done").click()
    invert = page.locator(".reading").get_by_role("button", name="Invert")
    expect(invert).to_have_attribute("title", "Invert (E)")
    page.keyboard.press("i")
    expect(invert).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("e")
    expect(invert).to_have_attribute("aria-pressed", "true")
    rows = page.locator(".row .open")
    rows.first.click()
    page.keyboard.press("PageDown")  # also in the list, which has the focus
    expect(rows.nth(1)).to_be_focused()
    page.reload()
    page.wait_for_selector("body[data-ready]")
    expect(invert).to_have_attribute("title", "Invert (E)")


def test_a_key_has_one_action_and_keys_of_the_browser_are_left_alone(sitting: Visit) -> None:
    page = sitting.page
    page.keyboard.press("?")
    alert = page.locator("dialog .error-text")
    assign(page, "heatmap", "s")
    expect(alert).to_have_text("S is taken: Settings.")
    expect(key(page, "heatmap")).to_have_text("H")
    for pressed in ("ArrowDown", "?", "F5"):
        assign(page, "heatmap", pressed)
        expect(alert).to_contain_text("cannot be used")
    key(page, "heatmap").click()
    page.keyboard.press("Escape")  # keeps the key, and the dialog
    expect(key(page, "heatmap")).to_have_text("H")
    assign(page, "heatmap", "h")
    expect(alert).to_have_text("")
    page.get_by_role("button", name="Usual keys").click()
    expect(key(page, "invert")).to_have_text("I")
    page.get_by_role("button", name="Done").click()
    expect(page.locator(".reading").get_by_role("button", name="Invert")).to_have_attribute("title", "Invert (I)")  # fmt: skip


def test_axe_finds_nothing_in_the_list_of_keys(sitting: Visit) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe").Axe()
    page = sitting.page
    page.keyboard.press("?")
    key(page, "lungs").click()
    assert violations(axe, page, both_themes=True) == {}
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
