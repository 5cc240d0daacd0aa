"""The frame of the pages that commands write."""

from __future__ import annotations

from pneumoscope.render.page_frame import DARK, LIGHT, framed
from pneumoscope.render.serialise import NOTICE


def names(colours: str) -> list[str]:
    return [declaration.split(":")[0] for declaration in colours.split(";")]


def test_both_themes_name_the_same_colours_and_printing_is_light() -> None:
    assert names(LIGHT) == names(DARK)
    page = framed([], "Title")
    dark = page.index("@media screen and (prefers-color-scheme:dark)")
    assert page.index(LIGHT) < dark < page.index(DARK)


def test_summary_and_facts_are_above_the_content() -> None:
    page = framed(["<p>body</p>"], "A & B", lead="<p>lead</p>", facts=[("Made for", "<all>")])
    order = [
        page.index(part)
        for part in (
            "<h1>A &amp; B",
            NOTICE,
            "<p>lead",
            "<dt>Made for</dt><dd>&lt;all&gt;",
            "<p>body",
            "<footer>",
        )
    ]
    assert order == sorted(order)


def test_without_facts_there_is_no_list() -> None:
    assert "<dl" not in framed([], "Title")
