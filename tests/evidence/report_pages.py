"""Quick plots, and pages as they are parsed, for tests of reports."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html.parser import HTMLParser

import pytest
from PIL import Image

from pneumoscope.evidence.report import html_page
from pneumoscope.evidence.report.blocks import Plot, Report
from pneumoscope.evidence.report.plots import style as plots
from pneumoscope.evidence.report.sections import heatmaps

PIXEL = io.BytesIO()
Image.new("L", (1, 1)).save(PIXEL, "PNG")


@contextmanager
def cheap() -> Iterator[None]:
    """Plots are drawn, which finds errors, but not turned into pixels, which takes long."""

    def saved(name: str, width: float, height: float, make: Callable[[], object]) -> Plot:
        make()
        return Plot(name, PIXEL.getvalue(), b"<svg/>", width, height)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plots, "saved", saved)
        patch.setattr(heatmaps, "saved", saved)
        yield


class Page(HTMLParser):
    """Text, pictures and tags that were left open."""

    void = frozenset({"meta", "img", "br", "col", "path", "circle"})

    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self.sources: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.void:
            self.open.append(tag)
        if tag in ("img", "script", "link", "iframe"):
            self.sources += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text.append(data)


def parsed(made: Report) -> Page:
    page = Page()
    page.feed(html_page.html(made))
    return page
