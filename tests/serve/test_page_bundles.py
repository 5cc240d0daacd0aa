"""The page of a server of several bundles: a reader chooses which one reads the next films."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from grey_films import BRIGHT, DARK
from live import Live, serving
from pneumoscope.bundle import Bundle, write_bundle
from pneumoscope.records import OperatingPoint, Population
from pneumoscope.serve.settings import ServeSettings
from tiny import scored_meta, tiny_files

pytest.importorskip("playwright.sync_api", reason="needs playwright")
from playwright.sync_api import Browser, Locator, Page, Route, ViewportSize, expect

from visit import Visit, violations


@pytest.fixture(scope="module")
def adults(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The tiny network under other words, thresholds and limits: bright films are TUBERCULOSIS."""
    folder = tmp_path_factory.mktemp("adults")
    meta = scored_meta()
    assert meta.conformal is not None
    questions = {"TUBERCULOSIS": meta.conformal.questions["PNEUMONIA"]}
    meta = replace(
        meta,
        name="screening",
        positive="TUBERCULOSIS",
        conformal=replace(meta.conformal, questions=questions),
        operating_points=(
            OperatingPoint("balanced", 0.4, "by hand"),
            OperatingPoint("strict", 0.95, "by hand"),
        ),
        population=Population("adults of a screening programme", None, ("PA",)),
    )
    return write_bundle(folder / "adults", meta, tiny_files(folder / "parts"))


@pytest.fixture(scope="module")
def two(
    tiny_bundle: Bundle, adults: Bundle, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Live]:
    """A server of the bundles ``bundle``, the default, and ``adults``."""
    settings = ServeSettings(
        folder=tmp_path_factory.mktemp("state"),
        bundle=(str(tiny_bundle.path), str(adults.path)),
        threads=1,
    )
    with serving(settings) as live:
        yield live


@pytest.fixture
def visit(browser: Browser, two: Live) -> Iterator[Visit]:
    two.client.delete("/api/v1/predictions")
    visiting = Visit(browser, two.url)
    yield visiting
    visiting.close()
    assert not visiting.complaints


def picture(film: tuple[str, bytes], name: str = "") -> dict[str, Any]:
    return {"name": name or film[0], "mimeType": "image/png", "buffer": film[1]}


def choice(page: Page, part: str) -> Locator:
    return page.locator(part).get_by_label("Model", exact=True)


def results(live: Live) -> dict[str, dict[str, Any]]:
    """The results of the server's films by name."""
    records = live.client.get("/api/v1/predictions").json()["predictions"]
    return {record["film"]["name"]: record["result"] for record in records}


def test_the_chosen_bundle_reads_the_next_films(
    visit: Visit, two: Live, tiny_bundle: Bundle, adults: Bundle
) -> None:
    page = visit.page
    welcome = choice(page, ".welcome")
    expect(welcome.locator("option")).to_have_text(["bundle · PNEUMONIA", "adults · TUBERCULOSIS"])
    expect(welcome).to_have_value("bundle")
    note = page.locator(".welcome .bundle-field .secondary")
    expect(note).to_have_text("tiny 1: NORMAL or PNEUMONIA. Trained on children in tests.")
    welcome.select_option("adults")
    expect(note).to_have_text(
        "screening 1: NORMAL or TUBERCULOSIS. Trained on adults of a screening programme."
    )
    expect(page.locator("#notice .model")).to_have_text(f"adults{adults.sha256[:12]}")
    visit.read(picture(BRIGHT))
    expect(page.locator(".panel h2")).to_have_text("TUBERCULOSIS")
    expect(page.locator(".panel .read-by")).to_have_text("Read by adults")
    expect(page.get_by_role("meter")).to_have_accessible_name("probability of tuberculosis")
    listed = choice(page, ".worklist")
    expect(listed).to_have_value("adults")
    listed.select_option("bundle")
    visit.read(picture(BRIGHT, "again.png"))
    page.keyboard.press("j")
    expect(page.locator(".panel h2")).to_have_text("PNEUMONIA")
    expect(page.locator(".panel .read-by")).to_have_text("Read by bundle")
    made = {name: result["bundle_sha256"] for name, result in results(two).items()}
    assert made == {"bright.png": adults.sha256, "again.png": tiny_bundle.sha256}
    page.keyboard.press("a")
    expect(page.get_by_role("dialog")).to_contain_text(tiny_bundle.sha256)


def test_the_form_is_that_of_the_chosen_bundle(visit: Visit, two: Live) -> None:
    page = visit.page
    page.keyboard.press("s")
    dialog = page.get_by_role("dialog", name="Settings")
    points = dialog.get_by_role("group", name="Operating point").get_by_role("radio")
    error = dialog.get_by_label("Error of the conformal set")
    expect(points).to_have_count(2)
    expect(dialog.get_by_role("radio", name="screen")).to_be_visible()
    expect(dialog.get_by_label("Prevalence of pneumonia where the films come from")).to_be_visible()
    expect(error).to_have_count(0)  # that bundle has no conformal scores
    dialog.get_by_role("radio", name="screen").check()
    select = choice(page, "dialog")
    select.focus()
    select.select_option("adults")
    expect(select).to_be_focused()
    expect(dialog.get_by_role("radio", name="balanced")).to_be_checked()
    expect(dialog.get_by_label("Prevalence of tuberculosis where")).to_be_visible()
    expect(dialog).not_to_contain_text("pneumonia")
    error.fill("0.5")
    expect(dialog.get_by_role("alert").filter(has_text="Between 1 and 50 %.")).to_be_visible()
    error.fill("10")
    dialog.get_by_role("radio", name="strict").check()
    page.get_by_role("button", name="Done").click()
    visit.read(picture(BRIGHT))
    choice(page, ".worklist").select_option("bundle")
    visit.read(picture(DARK))
    first, second = results(two)["bright.png"], results(two)["dark.png"]
    assert first["operating_point"]["name"] == "strict"
    assert first["operating_point"]["threshold"] == 0.95
    assert first["error_rate"] == pytest.approx(0.1)
    # Each bundle has settings of its own.
    assert second["operating_point"]["name"] == "screen"
    assert second["error_rate"] is None


def test_the_choice_survives_a_reload_and_is_reset_with_the_settings(visit: Visit) -> None:
    page = visit.page
    choice(page, ".welcome").select_option("adults")
    page.keyboard.press("s")
    page.get_by_role("radio", name="strict").check()
    page.reload()
    page.wait_for_selector("body[data-ready]")
    expect(choice(page, ".welcome")).to_have_value("adults")
    expect(page.locator("#notice .model")).to_contain_text("adults")
    page.keyboard.press("s")
    expect(page.get_by_role("radio", name="strict")).to_be_checked()
    page.get_by_role("button", name="Reset to defaults").click()
    expect(choice(page, "dialog")).to_have_value("bundle")
    expect(page.get_by_role("radio", name="balanced")).to_be_checked()
    choice(page, "dialog").select_option("adults")
    expect(page.get_by_role("radio", name="balanced")).to_be_checked()


def test_a_bundle_that_is_not_served_any_more_is_reset_and_the_page_says_so(
    visit: Visit, two: Live, tiny_bundle: Bundle
) -> None:
    page = visit.page
    page.evaluate(
        """() => localStorage.setItem("pneumoscope.preferences", JSON.stringify(
             {bundle: "of-yesterday", readWith: {"of-yesterday": {error: 0.1}}}))"""
    )
    page.reload()
    page.wait_for_selector("body[data-ready]")
    expect(page.get_by_role("alert")).to_contain_text(
        "The model that you chose is no longer available."
    )
    expect(choice(page, ".welcome")).to_have_value("bundle")
    visit.read(picture(BRIGHT))
    assert results(two)["bright.png"]["bundle_sha256"] == tiny_bundle.sha256
    page.reload()
    page.wait_for_selector("body[data-ready]")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_history_and_comparison_tell_the_bundles_apart(visit: Visit, two: Live) -> None:
    for name, bundle in (("one.png", "bundle"), ("two.png", "adults")):
        two.read((name, BRIGHT[1]), bundle=bundle)
    two.read(("dark.png", DARK[1]), bundle="adults")
    page = visit.page
    page.keyboard.press("2")
    names = page.locator(".record .name")
    expect(names).to_have_text(["dark.png", "two.png", "one.png"])
    expect(page.locator(".record .read-by")).to_have_text(["adults", "adults", "bundle"])
    expect(page.locator(".record .label")).to_have_text(["NORMAL", "TUBERCULOSIS", "PNEUMONIA"])
    labels = page.get_by_role("group", name="Verdict").get_by_role("button")
    expect(labels).to_have_text(
        ["All", "NORMAL", "PNEUMONIA", "TUBERCULOSIS", "UNDETERMINED", "REFUSED"]
    )
    for label, shown in (("TUBERCULOSIS", "two.png"), ("PNEUMONIA", "one.png")):
        page.get_by_role("button", name=label, exact=True).click()
        expect(names).to_have_text([shown])
        expect(labels.filter(has_text=label)).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="All", exact=True).click()
    for name in ("one.png", "two.png"):
        page.get_by_label(f"Choose {name}").check()
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.locator(".summary h2")).to_have_text(["PNEUMONIA", "TUBERCULOSIS"])
    expect(page.locator(".summary")).to_contain_text(["Read by bundle", "Read by adults"])


def test_results_of_a_bundle_that_is_not_served_any_more_keep_its_words(
    visit: Visit, two: Live
) -> None:
    two.read(BRIGHT)
    page = visit.page

    def former(route: Route) -> None:
        answer = route.fetch()
        content = answer.json()
        for record in content["predictions"]:
            record["result"] |= {"positive": "ABNORMAL", "label": "ABNORMAL"}
            record["result"] |= {"bundle": "former 1", "bundle_sha256": "0" * 64}
        route.fulfill(response=answer, json=content)

    page.route("**/api/v1/predictions?*", former)
    page.keyboard.press("2")
    expect(page.locator(".record .label")).to_have_text("ABNORMAL")
    expect(page.locator(".record .read-by")).to_have_text("former 1")
    labels = page.get_by_role("group", name="Verdict").get_by_role("button")
    expect(labels).to_have_text(
        ["All", "NORMAL", "PNEUMONIA", "TUBERCULOSIS", "ABNORMAL", "UNDETERMINED", "REFUSED"]
    )


def test_one_bundle_leaves_nothing_to_choose(browser: Browser, live: Live) -> None:
    live.client.delete("/api/v1/predictions")
    visiting = Visit(browser, live.url)
    page = visiting.read(picture(BRIGHT))
    expect(page.locator(".panel h2")).to_have_text("PNEUMONIA")
    page.keyboard.press("s")
    expect(page.locator(".bundle-field")).to_have_count(3)
    expect(page.locator(".bundle-field:visible")).to_have_count(0)
    expect(page.locator(".read-by")).to_have_count(0)
    page.keyboard.press("Escape")
    page.keyboard.press("2")
    expect(page.locator(".record")).to_have_count(1)
    expect(page.locator(".read-by")).to_have_count(0)
    live.client.delete("/api/v1/predictions")
    visiting.close()
    assert not visiting.complaints


def test_axe_finds_nothing_wrong_with_the_choice(visit: Visit) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe").Axe()
    page = visit.page
    assert violations(axe, page, both_themes=True) == {}
    visit.read(picture(BRIGHT))
    assert violations(axe, page, both_themes=True) == {}
    page.keyboard.press("s")
    page.get_by_role("dialog").locator("h3").first.wait_for()
    assert violations(axe, page, both_themes=True) == {}
    page.keyboard.press("Escape")
    page.keyboard.press("2")
    expect(page.locator(".record")).to_have_count(1)
    assert violations(axe, page, both_themes=True) == {}


def test_the_choice_fits_the_screen(visit: Visit) -> None:
    page = visit.page
    sizes: list[ViewportSize] = [
        {"width": 1280, "height": 720},
        {"width": 390, "height": 844},
        {"width": 320, "height": 640},
    ]

    def fits(part: str, width: int) -> None:
        box = choice(page, part).bounding_box()
        assert box
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate("document.getElementById('main').scrollWidth") <= width

    for size in sizes:
        page.set_viewport_size(size)
        fits(".welcome", size["width"])
    visit.read(picture(BRIGHT), picture(DARK))
    for size in sizes:
        page.set_viewport_size(size)
        fits(".worklist", size["width"])
        above, below = (
            page.locator(f".worklist {part}").bounding_box() for part in (".bundle-field", ".rows")
        )
        assert above
        assert below
        assert above["y"] + above["height"] <= below["y"]
    page.keyboard.press("s")
    for size in sizes:
        page.set_viewport_size(size)
        fits("dialog", size["width"])
