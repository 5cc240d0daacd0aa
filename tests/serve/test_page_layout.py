"""The page on narrow and small screens, and for assistive software."""

from __future__ import annotations

import pytest

from live import Live

pytest.importorskip("playwright.sync_api", reason="needs playwright")
from playwright.sync_api import Browser, expect

from visit import NOTICE, SAMPLES, Visit, inverted, mixed, png, sample, violations

ANIMATED = "() => Promise.all(document.getAnimations().map(animation => animation.finished))"


@pytest.mark.parametrize(("width", "height"), [(320, 640), (640, 360)])
def test_long_names_and_markup_in_them_stay_text_within_a_narrow_window(
    browser: Browser, page_server: Live, width: int, height: int
) -> None:
    # 640 x 360 is what 1280 x 720 leaves at a zoom of 200 %.
    visit = Visit(browser, page_server.url, viewport={"width": width, "height": height})
    names = ["<img src=x onerror=alert(1)><b>film</b>.png", f"{'x' * 300}.png"]
    page = visit.read(*(png(name, sample("normal-1.png")) for name in names))
    expect(page.locator(".row .name")).to_have_text(names)
    assert page.locator(".row").evaluate_all("rows => rows.every(row => row.offsetWidth <= 320)")
    for key in "123":
        page.keyboard.press(key)
        assert page.evaluate("document.getElementById('main').scrollWidth") <= width
    assert page.locator("#main img, #main .name b").count() == 0
    page.keyboard.press("a")
    page.get_by_role("dialog").locator("h3").first.wait_for()
    assert page.locator(".dialog-body").evaluate("body => body.scrollWidth <= body.clientWidth")
    visit.context.close()
    assert not visit.complaints


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (390, 844)])
def test_fits_the_screen_with_the_notice_in_sight(
    browser: Browser, page_server: Live, width: int, height: int
) -> None:
    visit = Visit(browser, page_server.url, viewport={"width": width, "height": height})
    page = visit.read(SAMPLES / "pneumonia-1.png", inverted())
    for part in ("Read", "History", "Compare"):
        page.get_by_role("link", name=part).click()
        notice = page.locator("#notice")
        expect(notice).to_contain_text(NOTICE)
        box = notice.bounding_box()
        assert box
        assert box["y"] + box["height"] <= height
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate("document.getElementById('main').scrollWidth") <= width
    visit.context.close()
    assert not visit.complaints


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_axe_finds_nothing(visit: Visit, theme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe").Axe()
    page = visit.page
    page.emulate_media(reduced_motion="reduce")  # contrast is measured when nothing moves

    def check(where: str) -> None:
        assert violations(axe, page) == {}, where

    if theme == "light":
        page.keyboard.press("t")
    check("welcome")
    visit.read(SAMPLES / "pneumonia-1.png", inverted(), mixed())
    for at in range(3):
        page.locator(".row .open").nth(at).click()
        page.locator(".more summary").click()
        page.evaluate(ANIMATED)
        check(f"film {at}")
    page.locator(".panel .menu-holder > button:not(.icon-only)").click()
    check("menu")
    page.keyboard.press("Escape")
    for key in "?sa":
        page.keyboard.press(key)
        page.get_by_role("dialog").locator("h3").first.wait_for()
        check(f"dialog {key}")
        page.keyboard.press("Escape")
    page.keyboard.press("2")
    page.locator(".record input").first.check()
    check("history")
    page.keyboard.press("3")
    page.wait_for_selector(".summary h2")
    check("compare")
