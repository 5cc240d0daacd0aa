"""Grey windows at the film's own depth on the page, presets, magnifier and cardiothoracic ratio."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset

from film_files import dataset, dicom, write
from live import Live

pytest.importorskip("playwright.sync_api", reason="needs playwright")
from playwright.sync_api import Browser, Locator, Page, expect

from visit import Visit, png, violations

SIDE = 256
LEVELS = """canvas => {
  const {data} = canvas.getContext('2d').getImageData(0, canvas.height / 2 | 0, canvas.width, 1);
  const levels = new Set();
  for (let i = 0; i < data.length; i += 4) levels.add(data[i]);
  return levels.size;
}"""
"""Different greys in the middle row."""
ENDS = """canvas => {
  const {data} = canvas.getContext('2d').getImageData(0, canvas.height / 2 | 0, canvas.width, 1);
  const size = Math.min(canvas.width, canvas.height), left = (canvas.width - size) / 2;
  const at = share => data[4 * Math.round(left + share * (size - 1))];
  return [0.02, 0.25, 0.5, 0.75, 0.98].map(at);
}"""
"""Greys of the middle row, at these shares of the film's width."""


def steps() -> np.ndarray:
    """Twelve bits that a window of 8 bits cannot tell apart: 64 steps between 1000 and 1063."""
    row = 1000 + np.arange(SIDE) // 4
    film = np.tile(row, (SIDE, 1)).astype(np.uint16)
    film[0, :2] = 0, 4095
    return film


def named(name: str, content: bytes) -> dict[str, Any]:
    return {"name": name, "mimeType": "application/dicom", "buffer": content}


def with_choices() -> bytes:
    """A ramp from 0 to 4080 whose header has two windows and a curve."""
    ramp = np.tile((np.arange(SIDE) * 16).astype(np.uint16), (SIDE, 1))
    film = dataset(
        ramp, BitsStored=12, HighBit=11, WindowCenter=[2048, 1024], WindowWidth=[4096, 2048],
        WindowCenterWidthExplanation=["WIDE", "DARK"], ViewPosition="PA",
    )  # fmt: skip
    table = Dataset()
    table.LUTDescriptor = [4096, 0, 8]
    table.LUTData = np.where(np.arange(4096) < 2048, 0, 255).astype("<u2").tobytes()
    inverse = Dataset()
    inverse.LUTDescriptor = [4096, 0, 8]
    inverse.LUTExplanation = "Back"
    inverse.LUTData = (255 - np.arange(4096) // 16).astype("<u2").tobytes()
    film.VOILUTSequence = [inverse, table]
    return write(film)


@pytest.fixture(scope="module")
def sitting(browser: Browser, quick_server: Live) -> Iterator[Visit]:
    inverse = dicom(steps(), BitsStored=12, HighBit=11, PhotometricInterpretation="MONOCHROME1")
    quick_server.client.delete("/api/v1/predictions")
    visit = Visit(browser, quick_server.url)
    visit.read(
        named("steps.dcm", dicom(steps(), BitsStored=12, HighBit=11, WindowCenter=2048, WindowWidth=4096)),
        named("choices.dcm", with_choices()),
        named("inverse.dcm", inverse),
        png("eight.png", np.tile(np.arange(64, 192).repeat(2).astype(np.uint8), (SIDE, 1))),
    )  # fmt: skip
    visit.page.get_by_role("button", name="One film with overlay").click()
    visit.page.get_by_role("slider", name="Opacity of the heatmap").fill("0")
    yield visit
    visit.close()
    assert not visit.complaints


def opened(sitting: Visit, name: str, *, deep: bool = True) -> Page:
    page = sitting.page
    page.locator(".row .open", has_text=name).click()
    expect(page.locator(".panel .film-name")).to_have_text(name)
    sitting.shown()
    if deep:
        record = page.locator(".panes").get_attribute("data-film")
        expect(page.locator(".panes")).to_have_attribute("data-depth", record or "")
    page.keyboard.press("r")
    return page


def readout(page: Page) -> Locator:
    return page.locator(".reading .readout")


def presets(page: Page) -> Locator:
    return page.locator(".reading").get_by_label("Grey window", exact=True)


def drag(page: Page, dx: float, dy: float) -> None:
    box = page.locator(".panes canvas").nth(1).bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + dx, y + dy, steps=2)
    page.mouse.up()


def test_a_narrow_window_shows_the_steps_of_the_film_and_not_those_of_8_bits(
    sitting: Visit,
) -> None:
    page = opened(sitting, "steps.dcm")
    expect(readout(page)).to_contain_text("W 4095 · L 2048")
    # 64 steps of one value are 64 * 255 / 4095 = 4 greys of the copy with 8 bits.
    assert sitting.canvas(LEVELS) <= 6
    drag(page, -251, 64)  # to a window of 255 - 251 greys, and a level of 127.5 - 32
    expect(readout(page)).to_contain_text("W 64 · L 1534")
    drag(page, 0, 59)
    expect(readout(page)).to_contain_text("W 64 · L 1060")
    assert sitting.canvas(LEVELS) >= 30  # the lower half of the window
    presets(page).select_option("full")
    expect(readout(page)).to_contain_text("W 4095 · L 2048")
    page.keyboard.press("r")
    assert sitting.canvas(LEVELS) <= 6


def test_an_inverse_film_is_dark_where_its_values_are_high(sitting: Visit) -> None:
    page = opened(sitting, "inverse.dcm")
    presets(page).select_option("full")
    greys = sitting.canvas(ENDS)
    expect(readout(page)).to_contain_text("W 4095 · L 2048")
    # 255 * (1 - 1031 / 4095) = 191
    assert greys == pytest.approx([191] * 5, abs=4)
    drag(page, -251, -126)  # an upper level is a lower value
    assert greys != sitting.canvas(ENDS)
    first, *_, last = sitting.canvas(ENDS)
    assert first > last


def test_the_windows_and_curves_of_the_header_can_be_chosen(sitting: Visit) -> None:
    page = opened(sitting, "choices.dcm")
    expect(presets(page).locator("option")).to_have_text([
        "As opened: Back", "Curve 1", "Window: WIDE", "Window: DARK", "Full range", "Lungs",
    ])  # fmt: skip
    opened_as = sitting.canvas(ENDS)
    assert opened_as == pytest.approx([250, 191, 127, 64, 5], abs=3)
    for chosen, expected in (
        ("1", [0, 0, None, 255, 255]),
        ("2", [5, 64, 128, 191, 250]),
        ("3", [10, 128, 255, 255, 255]),  # PS3.3 C.11.2.1.2.1: 0 to 2047
        ("full", [5, 64, 128, 191, 250]),
    ):
        presets(page).select_option(chosen)
        greys = sitting.canvas(ENDS)
        assert [g for g, e in zip(greys, expected, strict=True) if e is not None] == pytest.approx(
            [e for e in expected if e is not None], abs=3
        )
    expect(readout(page)).to_contain_text("W 4080 · L 2040")
    presets(page).select_option("0")
    page.locator(".panes").focus()
    page.keyboard.press("b")
    expect(presets(page)).to_have_value("1")
    page.keyboard.press("r")
    expect(presets(page)).to_have_value("0")
    assert sitting.canvas(ENDS) == opened_as


def test_a_picture_of_8_bits_has_presets_too(sitting: Visit) -> None:
    page = opened(sitting, "eight.png", deep=False)
    expect(readout(page)).to_contain_text("W 255 · L 128")
    assert sitting.canvas(ENDS)[0] == pytest.approx(66, abs=2)
    presets(page).select_option("full")  # from 64 to 191
    assert sitting.canvas(ENDS) == pytest.approx([5, 64, 128, 191, 250], abs=4)
    expect(readout(page)).to_contain_text("W 127 · L 128")
    presets(page).select_option("lung")  # columns 25 to 230, 76 to 179: 1 % is 77, 60 % is 138
    expect(readout(page)).to_contain_text("W 61 · L 108")
    assert sitting.canvas(ENDS)[-2:] == [255, 255]


def test_the_magnifier_follows_the_pointer(sitting: Visit) -> None:
    page = opened(sitting, "eight.png", deep=False)
    expect(page.locator(".lens")).to_have_count(0)
    page.keyboard.press("q")
    lens = page.locator(".panes .lens:visible")
    box = page.locator(".panes .pane").nth(1).bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2 + 60, box["y"] + box["height"] / 2 - 40
    page.mouse.move(x, y)
    sitting.frames()
    around = lens.bounding_box()
    assert around
    assert around["x"] + around["width"] / 2 == pytest.approx(x, abs=2)
    assert around["y"] + around["height"] / 2 == pytest.approx(y, abs=2)
    # Over its width are as many steps of grey as over 190 / 2.5 pixels of the film.
    size = min(box["width"], box["height"])
    span = lens.evaluate(
        """lens => {
          const {width, height} = lens, context = lens.getContext('2d');
          const at = x => context.getImageData(x, height / 2 | 0, 1, 1).data[0];
          return at(width - 3) - at(2);
        }"""
    )
    assert span == pytest.approx(128 * 190 / 2.5 / size, abs=4)
    page.get_by_role("button", name="Magnifier").click()
    expect(page.locator(".lens")).to_have_count(0)


def test_the_cardiothoracic_ratio_is_the_readers(sitting: Visit) -> None:
    page = opened(sitting, "choices.dcm")
    page.keyboard.press("x")
    hint = page.locator(".reading .pane-hint:visible")
    expect(hint).to_contain_text("(1 of 4)")
    box = page.locator(".panes .pane").nth(1).bounding_box()
    assert box
    size = min(box["width"], box["height"])
    left, top = box["x"] + (box["width"] - size) / 2, box["y"] + (box["height"] - size) / 2
    # Heights do not count: 0.30 to 0.62 is the heart, 0.10 to 0.90 the chest: 0.32 / 0.80.
    for number, (x, y) in enumerate(((0.30, 0.6), (0.62, 0.5), (0.10, 0.7)), 2):
        page.mouse.click(left + x * size, top + y * size)
        expect(hint).to_contain_text(f"({number} of 4)")
    page.mouse.click(left + 0.9 * size, top + 0.65 * size)
    expect(hint).to_have_text("Cardiothoracic ratio 0.40: your measurement, not the model's.")
    page.mouse.click(left + 0.5 * size, top + 0.5 * size)  # anew
    expect(hint).to_contain_text("(2 of 4)")
    page.keyboard.press("r")
    expect(hint).to_contain_text("(1 of 4)")
    page = opened(sitting, "eight.png", deep=False)
    for x in (0.4, 0.6, 0.55, 0.45):
        page.mouse.click(left + x * size, top + 0.5 * size)
    expect(hint).to_contain_text("Mark the four points again")
    page.keyboard.press("w")
    expect(page.locator(".reading .pane-hint:visible")).to_have_count(0)
    page.keyboard.press("r")


def test_axe_finds_nothing_while_these_tools_are_in_use(sitting: Visit) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe").Axe()
    page = opened(sitting, "choices.dcm")
    page.keyboard.press("q")
    page.keyboard.press("x")
    assert violations(axe, page, both_themes=True) == {}
    page.keyboard.press("q")
    page.keyboard.press("w")
