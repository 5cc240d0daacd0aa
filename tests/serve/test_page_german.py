"""The page in German: no English sentence is left, axe finds nothing, and the reader can change the language."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import pneumoscope
from live import Live
from pneumoscope.decision.sentences import SENTENCES, TABLES
from pneumoscope.languages.messages import messages

pytest.importorskip("playwright.sync_api", reason="needs playwright")
from playwright.sync_api import Browser, Page, expect

from visit import SAMPLES, Visit, inverted, mixed, saved, violations

STATIC = Path(pneumoscope.__file__).parent / "serve" / "static"
SEEN = """() => {
  const texts = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    const element = node.nodeType === 3 ? node.parentElement : node;
    if (element.closest("body [lang=en], script, noscript, .name, .film-name")) continue;
    if (node.nodeType === 3) texts.push(node.textContent.trim());
    else for (const name of ["aria-label", "title", "placeholder", "aria-valuetext", "alt"]) {
      texts.push((element.getAttribute(name) ?? "").trim());
    }
  }
  return [...texts, document.title];
}"""
"""Texts of the page and of its attributes, without names of files and the English model card."""
HIDDEN_STATES = """() => [...document.querySelectorAll(".row")].filter((row) => {
  const text = document.createRange();
  text.selectNodeContents(row.querySelector(".state"));
  return text.getBoundingClientRect().right > row.querySelector(".row-tools").getBoundingClientRect().left;
}).map((row) => row.querySelector(".state").textContent)"""
"""What films of the list are, where it runs below their buttons."""
ENGLISH_WORDS = re.compile(
    r"\b(the|this|that|is|are|was|of|and|or|with|for|from|film|films|read|verdict|not|no)\b", re.I
)
PLACEHOLDER = re.compile(r"\{\w+\}")


def leaves(branch: Any, where: str = "") -> Iterator[tuple[str, str]]:
    """Dotted keys and texts."""
    if isinstance(branch, str):
        yield where, branch
        return
    for key, inner in branch.items() if isinstance(branch, dict) else enumerate(branch):
        yield from leaves(inner, f"{where}.{key}")


def english_texts() -> re.Pattern[str]:
    """Every English text that has another one in German."""
    pairs = dict(messages("de"))
    for english, german in (
        [json.loads((STATIC / f"texts.{x}.json").read_text("utf-8")) for x in ("en", "de")],
        [SENTENCES, TABLES["de"]],
    ):
        translated = dict(leaves(german))
        pairs |= {text: translated.get(key, "") for key, text in leaves(english)}
    patterns = []
    for text, german in pairs.items():
        parts = PLACEHOLDER.split(text)
        # Without letters, or with none but those of a unit, nothing tells the language.
        if german != text and re.search(r"[A-Za-z]{3}", "".join(parts)):
            patterns.append(".+?".join(map(re.escape, parts)))
    return re.compile("|".join(patterns))


ENGLISH = english_texts()


def english_on(page: Page) -> list[str]:
    """What is English on the page."""
    texts = {text for text in page.evaluate(SEEN) if text}
    assert len(texts) > 20
    # Quoted: names of columns.
    plain = {text: re.sub("„[^“]*“", "", text) for text in texts}
    return sorted(t for t in texts if ENGLISH.fullmatch(t) or ENGLISH_WORDS.search(plain[t]))


@pytest.fixture(scope="module")
def german(browser: Browser, page_server: Live) -> Iterator[Visit]:
    page_server.client.delete("/api/v1/predictions")
    visit = Visit(browser, page_server.url, locale="de-DE", reduced_motion="reduce")
    yield visit
    visit.close()
    assert not visit.complaints


def read_films(german: Visit) -> None:
    """Reads a film of each kind, unless an earlier test has done so."""
    if not german.page.locator(".row").count():
        broken = {"name": "broken.png", "mimeType": "image/png", "buffer": b"GIF89a and no more"}
        german.read(SAMPLES / "pneumonia-1.png", inverted(), mixed(), broken)


def test_the_page_follows_the_browser(german: Visit) -> None:
    page = german.page
    assert page.evaluate("document.documentElement.lang") == "de"
    expect(page.get_by_role("link", name="Auswerten")).to_be_visible()
    assert english_on(page) == []


def test_no_english_is_left_and_axe_finds_nothing(german: Visit) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe").Axe()
    page = german.page

    def check(where: str, *, accessible: bool = True) -> None:
        assert english_on(page) == [], where
        if accessible:
            assert violations(axe, page) == {}, where

    read_films(german)
    for at, headline in enumerate(("PNEUMONIE", "ABGELEHNT", "UNKLAR", "NICHT GELESEN")):
        page.locator(".row .open").nth(at).click()
        expect(page.locator(".panel h2")).to_have_text(headline)
        if at < 3:
            page.locator(".more summary").click()
        check(headline)
    assert "kein Bildformat, das pneumoscope liest" in page.locator(".panel").inner_text()
    page.keyboard.press("t")
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    page.locator(".row .open").first.click()
    check("light")
    figures = page.locator(".panel .number").inner_text()
    assert re.match(r"0,\d{3}\s+Wahrscheinlichkeit für „Pneumonie“", figures)
    for key in "?sa":
        page.keyboard.press(key)
        page.get_by_role("dialog").locator("h3").first.wait_for()
        check(f"dialog {key}")
        page.keyboard.press("Escape")
    page.locator(".worklist .menu-holder > button").click()
    check("menu")
    page.keyboard.press("Escape")
    page.keyboard.press("2")
    page.locator(".record input").first.check()
    check("history")
    page.keyboard.press("3")
    page.wait_for_selector(".summary h2")
    check("compare")
    page.keyboard.press("t")
    check("compare, dark")
    page.keyboard.press("1")


def test_no_english_is_left_in_reader_mode_and_on_forced_verdicts(german: Visit) -> None:
    page = german.page
    read_films(german)
    page.locator(".row", has_text="inverted.png").locator(".open").click()
    page.locator(".panel").get_by_role("button", name="Weitere Aktionen").click()
    page.get_by_role("menuitem", name="Ergebnis erzwingen …").click()
    assert english_on(page) == []
    page.get_by_role("dialog").get_by_role("button", name="Ergebnis erzwingen").click()
    expect(page.locator(".row[data-state=refused]")).to_have_count(0)
    expect(page.locator(".row[data-busy=true]")).to_have_count(0)
    german.reveal()
    expect(page.locator(".panel h2 .forced")).to_have_text("erzwungen")
    assert english_on(page) == []
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 844})
        assert page.evaluate(HIDDEN_STATES) == [], width
    page.keyboard.press("s")
    page.get_by_role("switch", name="Befundermodus").check()
    page.get_by_role("dialog").get_by_role("button", name="Fertig").click()
    german.add(SAMPLES / "normal-1.png")
    page.locator(".row", has_text="normal-1.png").locator(".open").click()
    expect(page.locator(".panel h2")).to_have_text("Ihre Einschätzung")
    assert english_on(page) == []
    page.get_by_role("button", name="PNEUMONIE", exact=True).click()
    expect(page.locator(".panel h2")).to_have_text("NORMAL")
    expect(page.locator(".call-line")).to_contain_text("Ihre Einschätzung: PNEUMONIE.")
    page.get_by_role("button", name="Ihre Einschätzungen und die Übereinstimmung").click()
    page.get_by_role("dialog").locator("table").wait_for()
    assert english_on(page) == []
    with page.expect_download() as download:
        page.get_by_role("button", name="Einschätzungen, CSV").click()
    table = Path(download.value.path()).read_text("utf-8")
    assert ",PNEUMONIA," in table  # as in English
    page.keyboard.press("Escape")


def test_files_for_people_are_german_and_others_are_not(german: Visit) -> None:
    page = german.page
    read_films(german)
    menu = ".panel .actions .menu-holder > button:not(.icon-only)"
    page.locator(".row .open").first.click()
    assert b"/Lang (de)" in saved(page, menu, "Bericht, PDF")
    table = saved(page, menu, "Ergebnis, CSV").decode()
    assert "PNEUMONIA" in table
    assert "PNEUMONIE" not in table
    result = json.loads(saved(page, menu, "Ergebnis, JSON"))["result"]
    assert result["words"]["verdict"] == "PNEUMONIA"


def test_the_reader_changes_the_language(german: Visit) -> None:
    page = german.page
    read_films(german)
    page.keyboard.press("s")
    page.get_by_role("radio", name="English").click()
    # The list survives, in the other language.
    expect(page.locator(".row.selected .state")).to_contain_text("PNEUMONIA")
    assert len(english_on(page)) > 20
    page.reload()
    expect(page.get_by_role("link", name="History")).to_be_visible()
    page.wait_for_selector("body[data-ready]")
    page.keyboard.press("s")
    page.get_by_role("radio", name="As the browser").click()
    expect(page.locator("html")).to_have_attribute("lang", "de")
    page.wait_for_selector("body[data-ready]")
