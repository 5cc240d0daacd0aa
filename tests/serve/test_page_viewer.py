"""The film on the page: layout, grey window, zoom and heatmap."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("playwright.sync_api", reason="needs playwright")
from playwright.sync_api import Browser, Page, Route, expect

from live import Live, serving
from pneumoscope.bundle import Bundle
from pneumoscope.serve.settings import ServeSettings
from visit import MIDDLE, SAMPLES, SUMS, Visit, drawn, png, sample


def layout(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def percent(page: Page, zoom: float) -> int:
    """Screen pixels for each pixel of a film of 256 x 256, in percent, at a zoom where 1 fits the film."""
    sides = page.locator(".panes .pane").nth(1).evaluate("e => [e.clientWidth, e.clientHeight]")
    return round(100 * zoom * min(sides) / 256)


def test_film_and_overlay_are_side_by_side_in_one_size(visit: Visit) -> None:
    page = visit.read(SAMPLES / "pneumonia-1.png")
    expect(page.locator(".panes")).to_have_class("panes two")
    visit.steady(SUMS)
    whole, *panes = page.locator(".panes, .panes .pane").evaluate_all(
        "elements => elements.map(element => element.clientWidth)"
    )
    assert panes[0] == pytest.approx(panes[1], abs=1)
    assert sum(panes) == pytest.approx(whole - 2, abs=1)  # between them nothing but a line


def test_the_slider_changes_pixels(visit: Visit) -> None:
    page = visit.read(SAMPLES / "pneumonia-1.png")
    layout(page, "One film with overlay")
    visit.overlaid()
    page.keyboard.press("u")  # the outline of the lungs has a colour
    slider = page.get_by_role("slider", name="Opacity of the heatmap")
    slider.fill("0")
    bare = visit.steady(SUMS)
    assert bare[0] == bare[1]  # grey
    slider.fill("50")
    half = visit.canvas(SUMS)
    slider.fill("100")
    full = visit.canvas(SUMS)
    assert bare[0] - bare[1] < half[0] - half[1] < full[0] - full[1]  # ever redder
    page.keyboard.press("h")
    assert visit.canvas(SUMS) == bare
    page.keyboard.press("h")
    assert visit.canvas(SUMS) == full


def test_grey_window_inversion_zoom_and_reset(visit: Visit) -> None:
    page = visit.read(
        png("grey.png", np.tile(sample("normal-2.png")[256:257, 256:257], (256, 256)))
    )
    grey = visit.canvas(MIDDLE)[0]
    assert grey == sample("normal-2.png")[256, 256]
    page.keyboard.press("i")
    assert visit.canvas(MIDDLE)[:3] == [255 - grey] * 3
    page.keyboard.press("i")
    box = page.locator(".panes canvas").nth(1).bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 100, y + 40)
    page.mouse.up()
    # 100 px to the left: window 255 - 100; 40 px down: level 127.5 - 20.
    expected = np.clip(255 * (grey - (107.5 - 77.5)) / 155, 0, 255)
    assert visit.canvas(MIDDLE)[0] == pytest.approx(expected, abs=1)
    expect(page.locator(".reading .readout")).to_have_text(
        f"W 155 · L 108 · fit, {percent(page, 1)} %"
    )
    page.keyboard.press("r")
    assert visit.canvas(MIDDLE)[0] == grey
    page.mouse.wheel(0, -400)
    expect(page.locator(".reading .readout")).to_have_text(
        f"W 255 · L 128 · {percent(page, 1.8965)} %"  # exp(0.64)
    )
    page.keyboard.press("0")
    expect(page.locator(".reading .readout")).to_have_text(
        f"W 255 · L 128 · fit, {percent(page, 1)} %"
    )


def test_dragging_moves_a_film_that_is_zoomed(visit: Visit) -> None:
    half = np.zeros((256, 256), np.uint8)
    half[:, 128:] = 200
    page = visit.read(png("half.png", half))
    visit.shown()
    page.keyboard.press("p")
    for _ in range(4):
        page.keyboard.press("+")
    box = page.locator(".panes canvas").nth(1).bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    for by, grey in ((80, 0), (-160, 200)):
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + by, y)
        page.mouse.up()
        assert visit.canvas(MIDDLE)[0] == grey


def test_no_film_is_shown_under_the_name_of_another(visit: Visit) -> None:
    page = visit.read(SAMPLES / "normal-1.png", SAMPLES / "pneumonia-3.dcm")
    held: list[Route] = []
    released = False
    visit.shown()
    first = page.locator(".panes").get_attribute("data-film")
    assert first

    def hold(route: Route) -> None:
        if released or first in route.request.url:
            route.continue_()
        else:
            held.append(route)

    page.route("**/film.png", hold)
    page.reload()
    page.wait_for_selector("body[data-ready]")
    assert sum(visit.canvas(SUMS)) > 0
    page.locator(".row .open").nth(1).click()
    expect(page.locator(".panel h2")).to_have_text("PNEUMONIA")
    assert sum(visit.pixels(SUMS)) == 0  # rather than the film before
    released = True  # if it has not been asked for yet
    for route in held:
        route.continue_()
    drawn(page.locator(".panes canvas").nth(1))


def test_the_outline_of_the_lungs_can_be_switched_off(
    browser: Browser, small: ServeSettings, lungs_bundle: Bundle
) -> None:
    film = np.full((224, 224), 20, np.uint8)
    film[:, :84] = film[:, 140:] = 140  # the lungs of the tiny bundle
    film[150:, :84] = 255
    with serving(replace(small, bundle=(str(lungs_bundle.path),))) as server:
        visit = Visit(browser, server.url)
        page = visit.read(png("bars.png", film))
        layout(page, "One film with overlay")
        visit.overlaid()
        page.get_by_role("slider", name="Opacity of the heatmap").fill("0")
        red, blue = visit.steady(SUMS)
        assert blue > red  # of the line; the film is grey
        page.keyboard.press("u")
        red, blue = visit.canvas(SUMS)
        assert blue == red
        button = page.get_by_role("button", name="Outline of the lungs")
        expect(button).to_have_attribute("aria-pressed", "false")
        button.click()
        red, blue = visit.canvas(SUMS)
        assert blue > red
        zones = page.locator(".panel dl div").filter(has_text="Heat by zone")
        expect(zones.locator("dd")).to_contain_text("Right lower zone (2")
        visit.close()
        assert not visit.complaints


def test_a_film_without_a_lung_field_offers_no_outline(
    browser: Browser, quick_server: Live
) -> None:
    visit = Visit(browser, quick_server.url)
    page = visit.read(SAMPLES / "pneumonia-1.png")
    expect(page.get_by_role("button", name="Outline of the lungs")).to_have_count(0)
    expect(page.locator(".panel dl")).not_to_contain_text("Heat by zone")
    assert not any(url.endswith("lungs.png") for url in visit.requests)
    visit.close()
    assert not visit.complaints


def test_an_unreliable_heatmap_is_hidden_with_its_reason(visit: Visit) -> None:
    page = visit.read(SAMPLES / "normal-1.png")
    page.keyboard.press("Delete")

    def doubt(route: Route) -> None:
        answer = route.fetch()
        content = answer.json()
        for record in content["predictions"]:
            record["result"]["explanation"] |= {"reliable": False, "sentence": "12% lies inside"}
            record["result"]["words"] |= {"no_heatmap": "No reliable explanation"}
        route.fulfill(response=answer, json=content)

    visit.requests.clear()
    page.route("**/api/v1/predictions?*", doubt)
    page.keyboard.press("2")
    page.locator(".record .open").click()
    note = page.locator(".reading .pane-note:visible")
    expect(note).to_have_text("No reliable explanation12% lies inside.")
    expect(page.get_by_role("slider")).to_be_disabled()
    page.keyboard.press("u")  # the outline of the lungs has a colour
    red, blue = visit.canvas(SUMS)
    assert red == blue
    assert not any(url.endswith("heatmap.png") for url in visit.requests)
