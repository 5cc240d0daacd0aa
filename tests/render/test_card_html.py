"""The model card as a page."""

from __future__ import annotations

from pneumoscope.bundle import Bundle
from pneumoscope.render.card import card_of
from pneumoscope.render.card.html import card_page


def test_the_page_has_the_title_the_facts_and_the_tables(tiny_bundle: Bundle) -> None:
    page = card_page(tiny_bundle, card_of(tiny_bundle.meta), "2026-01-02")
    assert page.count(f"<h1>{tiny_bundle.title}</h1>") == 1
    assert f"<dd>{tiny_bundle.title}, SHA-256 {tiny_bundle.sha256}</dd>" in page
    assert "<dt>Made for</dt>" in page
    assert page.count('<div class="wide"><table>') == page.count("</table></div>") > 0
    assert "|---" not in page


def test_texts_of_a_bundle_are_not_html(tiny_bundle: Bundle) -> None:
    page = card_page(tiny_bundle, "# T\n\n<img src=x onerror=alert(1)>\n", "today")
    assert "<img" not in page
