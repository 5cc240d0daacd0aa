"""The page on narrow and small screens, and for assistive software."""

from __future__ import annotations

from io import BytesIO

import pytest
from pypdf import PdfReader

from live import Live

pytest.importorskip("playwright.sync_api", reason="needs playwright")
from playwright.sync_api import Browser, Locator, expect

from visit import NOTICE, SAMPLES, Visit, inverted, mixed, png, sample, violations

TABS = {"1": ".reading", "2": ".history", "3": ".compare"}
"""The part of the page that a key opens."""


def test_long_names_and_markup_in_them_stay_text_within_a_narrow_window(visit: Visit) -> None:
    names = ["<img src=x onerror=alert(1)><b>film</b>.png", f"{'x' * 300}.png"]
    page = visit.read(*(png(name, sample("normal-1.png")) for name in names))
    expect(page.locator(".row .name")).to_have_text(names)
    # 640 x 360 is what 1280 x 720 leaves at a zoom of 200 %.
    for width, height in ((320, 640), (640, 360)):
        page.set_viewport_size({"width": width, "height": height})
        page.keyboard.press("1")
        expect(page.locator(".reading")).to_be_visible()
        rows = page.locator(".row")
        assert rows.evaluate_all("rows => rows.every(row => row.offsetWidth <= 320)")
        for key, part in TABS.items():
            page.keyboard.press(key)
            expect(page.locator(part)).to_be_visible()
            assert page.evaluate("document.getElementById('main').scrollWidth") <= width
        assert page.locator("#main img, #main .name b").count() == 0
        page.keyboard.press("a")
        page.get_by_role("dialog").locator("h3").first.wait_for()
        assert page.locator(".dialog-body").evaluate("body => body.scrollWidth <= body.clientWidth")
        page.keyboard.press("Escape")


def test_paper_shows_the_film_with_its_verdict_and_nothing_to_click(visit: Visit) -> None:
    page = visit.read(SAMPLES / "pneumonia-1.png")
    visit.reveal()
    expect(page.locator(".panel h2")).to_have_text("PNEUMONIA")
    page.emulate_media(media="print")
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    for part in (".top", ".worklist", ".toolbar", ".actions", ".ruler"):
        expect(page.locator(f"{part}:visible")).to_have_count(0)
    (sheet,) = PdfReader(BytesIO(page.pdf(format="A4"))).pages
    text = sheet.extract_text()
    assert all(part in text for part in ("pneumonia-1.png", "PNEUMONIA", NOTICE))
    assert sheet.images
    page.emulate_media(media="screen")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


@pytest.mark.parametrize("locale", ["en-GB", "de-DE"])
def test_the_tabs_fit_a_small_phone(browser: Browser, page_server: Live, locale: str) -> None:
    visit = Visit(browser, page_server.url, viewport={"width": 320, "height": 640}, locale=locale)
    boxes = [tab.bounding_box() for tab in visit.page.locator(".tab").all()]
    assert len(boxes) == len(TABS)
    for box in boxes:
        assert box
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 320
    visit.close()


def cut_off(within: Locator, texts: str) -> list[str]:
    """The elements whose text begins left of another element or ends right of it."""
    return within.evaluate(
        """(within, texts) => {
          const {left, right} = within.getBoundingClientRect();
          const isCut = (each) => {
            const range = document.createRange();
            range.selectNodeContents(each);
            const box = range.getBoundingClientRect();
            return box.width && (box.left < left - 0.5 || box.right > right + 0.5);
          };
          return [...within.querySelectorAll(texts)].filter(isCut).map((each) => each.textContent);
        }""",
        texts,
    )


def overlap(first: Locator, second: Locator) -> bool:
    """Whether the boxes of two elements have a place in common; a hidden element has no box."""
    boxes = [box for element in (first, second) if (box := element.bounding_box())]
    return len(boxes) == 2 and all(
        max(box[start] for box in boxes) < min(box[start] + box[size] for box in boxes) - 0.5
        for start, size in (("x", "width"), ("y", "height"))
    )


@pytest.mark.parametrize("locale", ["en-GB", "de-DE"])
def test_no_text_is_cut_off_or_covered(browser: Browser, page_server: Live, locale: str) -> None:
    visit = Visit(browser, page_server.url, viewport={"width": 320, "height": 640}, locale=locale)
    page = visit.page
    assert cut_off(page.locator(".welcome"), "h1, p, button, label, li span") == []
    visit.read(SAMPLES / "pneumonia-1.png", SAMPLES / "normal-1.png")
    page.keyboard.press("s")
    assert cut_off(page.locator("dialog"), "footer button") == []
    page.keyboard.press("Escape")
    page.keyboard.press("2")
    record = page.locator(".record").first
    expect(record.locator(".figure")).to_be_visible()
    assert not overlap(record.locator(".label > span"), record.locator(".figure"))
    page.keyboard.press("3")
    for width in (320, 1280):
        page.set_viewport_size({"width": width, "height": 720})
        for side in page.locator(".compare-side").all():
            expect(side.locator(".scale")).to_be_visible()
            assert cut_off(side.locator(".bar").locator(".."), ".point") == []
            end = side.locator(".scale > span").last
            for point in side.locator(".point").all():
                assert not overlap(point, end)
    visit.close()


def test_fits_the_screen_with_the_notice_in_sight(visit: Visit) -> None:
    page = visit.read(SAMPLES / "pneumonia-1.png", inverted())
    for width, height in ((1280, 720), (390, 844)):
        page.set_viewport_size({"width": width, "height": height})
        for name, part in zip(("Read", "History", "Compare"), TABS.values(), strict=True):
            page.get_by_role("link", name=name).click()
            expect(page.locator(part)).to_be_visible()
            notice = page.locator("#notice")
            expect(notice).to_contain_text(NOTICE)
            box = notice.bounding_box()
            assert box
            assert box["y"] + box["height"] <= height
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert page.evaluate("document.getElementById('main').scrollWidth") <= width


def test_axe_finds_nothing(visit: Visit) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe").Axe()
    page = visit.page

    def check(where: str) -> None:
        assert violations(axe, page, both_themes=True) == {}, where

    check("welcome")
    visit.read(SAMPLES / "pneumonia-1.png", inverted(), mixed())
    for at in range(3):
        page.locator(".row .open").nth(at).click()
        page.locator(".more summary").click()
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
