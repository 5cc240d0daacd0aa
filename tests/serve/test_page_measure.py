"""The true size of a film on the page, and distances on it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from film_files import dicom
from live import Live

pytest.importorskip("playwright.sync_api", reason="needs playwright")
from playwright.sync_api import Browser, Locator, Page, expect

from visit import Visit, png

EDGE = """canvas => {
  const {data} = canvas.getContext('2d').getImageData(0, canvas.height / 2 | 0, canvas.width, 1);
  const bright = [];
  for (let i = 0; i < data.length; i += 4) if (data[i] > 120) bright.push(i / 4);
  return [bright[0], bright.at(-1)];
}"""
"""First and last bright pixel of the middle row."""


@pytest.fixture(scope="module")
def sitting(browser: Browser, quick_server: Live) -> Iterator[Visit]:
    """A large film with a bright middle of 1,000 pixels, a small one, and one that knows its scale."""
    large = np.zeros((3000, 3000), np.uint8)
    large[:, 1300:1500] = 200
    scaled = np.full((400, 500), 2000, np.uint16)
    quick_server.client.delete("/api/v1/predictions")
    visit = Visit(browser, quick_server.url)
    visit.read(
        png("large.png", large),
        png("small.png", np.full((100, 100), 200, np.uint8)),
        named("scaled.dcm", dicom(scaled, PixelSpacing=[0.4, 0.5])),
    )
    visit.page.get_by_role("button", name="One film with overlay").click()
    visit.page.keyboard.press("h")
    yield visit
    visit.close()
    assert not visit.complaints


def named(name: str, content: bytes) -> dict[str, Any]:
    return {"name": name, "mimeType": "application/dicom", "buffer": content}


def opened(sitting: Visit, name: str) -> Page:
    page = sitting.page
    page.locator(".row .open", has_text=name).click()
    expect(page.locator(".panel .film-name")).to_have_text(name)
    sitting.shown()
    return page


def readout(page: Page) -> Locator:
    return page.locator(".reading .readout")


def test_one_pixel_of_a_large_film_is_one_of_the_screen(sitting: Visit) -> None:
    page = opened(sitting, "large.png")  # the server sends it reduced to 2,048 pixels
    page.keyboard.press("z")
    expect(readout(page)).to_have_text("W 255 · L 128 · 100 %")
    first, last = sitting.steady(EDGE)
    assert last - first + 1 == pytest.approx(200, abs=2)
    expect(page.get_by_role("button", name="1:1")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Fit", exact=True).click()
    expect(readout(page)).to_contain_text("fit, ")


def test_a_small_film_becomes_smaller_than_its_pane(sitting: Visit) -> None:
    page = opened(sitting, "small.png")
    page.get_by_role("button", name="1:1").click()
    expect(readout(page)).to_have_text("W 255 · L 128 · 100 %")
    first, last = sitting.steady(EDGE)
    assert last - first + 1 == pytest.approx(100, abs=1)


def drag(page: Page, share: float) -> None:
    """Drags from the middle to the right by a share of the film's shown width."""
    box = page.locator(".panes canvas").nth(1).bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + share, y, steps=3)
    page.mouse.up()


def lines(page: Page) -> str:
    """What is written on the film that has a measured line."""
    return str(page.evaluate("window.measured"))


def test_distances_are_in_millimetres_where_the_scale_is_known(sitting: Visit) -> None:
    page = opened(sitting, "scaled.dcm")
    bar = page.locator(".reading .ruler:visible")
    text = bar.inner_text()
    page.keyboard.press("z")
    expect(bar).not_to_have_text(text)  # the view changes with the next frame
    width = bar.evaluate("e => parseFloat(e.style.width)")
    # 0.5 mm for each column at 1:1.
    assert width == pytest.approx(2 * float(bar.inner_text().split()[0]), abs=0.5)
    assert text.endswith(" mm")
    page.keyboard.press("m")
    page.evaluate(
        """() => {
          const draw = CanvasRenderingContext2D.prototype.fillText;
          CanvasRenderingContext2D.prototype.fillText = function (text, ...place) {
            window.measured = text;
            return draw.call(this, text, ...place);
          };
        }"""
    )
    drag(page, 80)
    sitting.frames()
    assert lines(page) == "40.0 mm"
    page = opened(sitting, "large.png")
    expect(page.locator(".reading .ruler:visible")).to_have_count(0)
    page.keyboard.press("z")
    drag(page, 80)
    sitting.frames()
    assert lines(page) == "80 pixels"
    page.keyboard.press("r")
    page.keyboard.press("w")
