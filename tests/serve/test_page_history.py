"""The history on the page, and the comparison of two films."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from live import Live

pytest.importorskip("playwright.sync_api", reason="needs playwright")
from playwright.sync_api import Route, expect

from visit import SAMPLES, SUMS, Visit, drawn, inverted


def test_history_filters_searches_sorts_and_deletes(visit: Visit) -> None:
    page = visit.read(SAMPLES / "normal-1.png", SAMPLES / "pneumonia-2.png", inverted())
    page.get_by_role("link", name="History").click()
    names = page.locator(".record .name")
    expect(names).to_have_count(3)
    page.get_by_role("button", name="PNEUMONIA", exact=True).click()
    expect(names).to_have_text(["pneumonia-2.png"])
    page.get_by_role("button", name="All", exact=True).click()
    page.get_by_role("searchbox").fill("normal")
    expect(names).to_have_text(["normal-1.png"])
    assert not any("normal" in url for url in visit.requests if "/api/" in url)
    page.get_by_role("searchbox").fill("nothing like it")
    expect(page.get_by_text("No film matches.")).to_be_visible()
    page.get_by_role("searchbox").fill("")
    expect(names).to_have_count(3)
    page.get_by_label("Sort by").select_option("highest")
    expect(names).to_have_text(["pneumonia-2.png", "normal-1.png", "inverted.png"])
    page.get_by_label("Sort by").select_option("lowest")
    expect(names).to_have_text(["normal-1.png", "pneumonia-2.png", "inverted.png"])
    page.get_by_label("Sort by").select_option("name")
    expect(names).to_have_text(["inverted.png", "normal-1.png", "pneumonia-2.png"])
    drawn(page.locator(".record canvas").nth(1))
    page.get_by_label("Choose inverted.png").check()
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(names).to_have_text(["normal-1.png", "pneumonia-2.png"])
    page.get_by_role("link", name="Read").click()
    expect(page.locator(".row")).to_have_count(2)


def test_a_long_history_comes_in_portions_and_is_searched_as_a_whole(
    visit: Visit, page_server: Live
) -> None:
    visit.read(SAMPLES / "normal-1.png")
    [record] = page_server.client.get("/api/v1/predictions").json()["predictions"]
    # 120 records with different names, the newest first, served as the API does.
    many = [
        record
        | {"id": f"{i:032x}", "film": record["film"] | {"name": f"film {i}.png"}}
        | {"links": record["links"] | {"thumbnail": f"/api/v1/predictions/{i:032x}/thumbnail.png"}}
        for i in range(120)
    ]

    def portion(route: Route) -> None:
        query = parse_qs(urlsplit(route.request.url).query)
        start = int(query["before"][0], 16) + 1 if "before" in query else 0
        route.fulfill(json={"predictions": many[start : start + int(query["limit"][0])]})

    page = visit.page
    page.route("**/api/v1/predictions?*", portion)
    page.route("**/thumbnail.png", lambda route: route.fulfill(path=SAMPLES / "normal-1.png"))
    page.keyboard.press("2")
    names = page.locator(".record .name")
    expect(names).to_have_count(100)
    drawn(page.locator(".record canvas").first)
    page.get_by_role("searchbox").fill("FILM 11")
    expect(names).to_have_count(11)  # 11, and 110 to 119, of which 100 had been loaded
    page.get_by_role("searchbox").fill("")
    expect(names).to_have_count(120)
    visit.frames()
    assert sum(url.endswith("thumbnail.png") for url in visit.requests) < 40  # those in sight, once
    page.reload()
    expect(names).to_have_count(100)
    page.get_by_role("button", name="Load more").click()
    expect(names).to_have_count(120)
    expect(page.get_by_role("button", name="Load more")).to_be_hidden()


def test_a_film_that_is_being_read_is_in_the_history_without_a_verdict(visit: Visit) -> None:
    page = visit.read(SAMPLES / "normal-1.png")

    def queued(route: Route) -> None:
        answer = route.fetch()
        content = answer.json()
        for record in content["predictions"]:
            record |= {"state": "queued", "result": None}
        route.fulfill(response=answer, json=content)

    page.route("**/api/v1/predictions?*", queued)
    page.keyboard.press("2")
    expect(page.locator(".record .label")).to_have_text("Waiting for its turn.")
    expect(page.locator(".record .open")).to_be_disabled()  # and no complaint of a missing icon


def test_a_result_of_an_earlier_version_is_shown(visit: Visit) -> None:
    page = visit.read(SAMPLES / "pneumonia-1.png")
    page.keyboard.press("Delete")
    former = ("verdict", "probability", "why_undetermined", "call", "promise", "kinds", "reasons")

    def stored(route: Route) -> None:
        answer = route.fetch()
        content = answer.json()
        for record in content["predictions"]:
            words = record["result"]["words"]
            record["result"]["words"] = {key: words[key] for key in former}
            record["result"]["heatmap_class"] = "bacterial"  # though the kind is undetermined
        route.fulfill(response=answer, json=content)

    page.route("**/api/v1/predictions?*", stored)
    page.keyboard.press("2")
    page.locator(".record .open").click()
    expect(page.locator(".panel h2")).to_have_text("PNEUMONIA")
    expect(page.locator(".panel")).to_contain_text("probability of pneumonia")
    expect(page.locator(".panel")).to_contain_text("For bacterial only (by an earlier version)")
    expect(page.locator(".row .state")).to_have_text("PNEUMONIA")
    expect(page.locator(".panes")).to_have_class("panes two")


def test_deleting_everything_reaches_films_that_the_filter_hides(visit: Visit) -> None:
    page = visit.read(SAMPLES / "normal-1.png", SAMPLES / "pneumonia-1.png")
    page.keyboard.press("2")
    page.get_by_role("button", name="PNEUMONIA", exact=True).click()
    expect(page.locator(".record")).to_have_count(1)
    page.get_by_role("button", name="Delete all").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete all").click()
    expect(page.locator("#toast")).to_contain_text("2 films deleted")
    expect(page.locator(".row")).to_have_count(0)


def test_opening_a_film_of_the_history_shows_its_verdict(visit: Visit) -> None:
    page = visit.page
    page.keyboard.press("s")
    page.get_by_label("When I ask").check()
    page.keyboard.press("Escape")
    visit.add(SAMPLES / "normal-1.png")
    expect(page.locator(".row[data-state=ready]")).to_have_count(1)
    page.keyboard.press("2")
    page.locator(".record .open").click()
    expect(page.locator(".panel h2")).to_have_text("NORMAL")


def test_two_films_are_compared(visit: Visit) -> None:
    page = visit.read(SAMPLES / "pneumonia-1.png", SAMPLES / "normal-1.png")
    page.keyboard.press("2")
    for name in ("pneumonia-1.png", "normal-1.png"):
        page.get_by_label(f"Choose {name}").check()
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.locator(".summary h2")).to_have_text(["PNEUMONIA", "NORMAL"])
    canvases = page.locator(".compare canvas")
    expect(canvases.first).to_have_attribute("aria-label", "Film pneumonia-1.png")
    for at in (0, 1):
        drawn(canvases.nth(at))

    def both() -> list[Any]:
        visit.frames()
        return [canvases.nth(i).evaluate(SUMS) for i in (0, 1)]

    before = both()
    page.keyboard.press("i")
    assert all(now != then for now, then in zip(both(), before, strict=True))
    page.keyboard.press("l")
    together = both()
    page.keyboard.press("r")
    apart = both()
    assert apart[0] == before[0]
    assert apart[1] == together[1]


def test_a_comparison_says_of_a_film_that_was_not_read_that_it_has_no_picture(visit: Visit) -> None:
    broken = {"name": "broken.png", "mimeType": "image/png", "buffer": b"GIF89a and no more"}
    page = visit.read(broken, SAMPLES / "normal-1.png")
    page.keyboard.press("2")
    for name in ("broken.png", "normal-1.png"):
        page.get_by_label(f"Choose {name}").check()
    page.get_by_role("button", name="Compare", exact=True).click()
    sides = page.locator(".compare-side")
    expect(sides.locator(".summary h2")).to_have_text(["NOT READ", "NORMAL"])
    expect(sides.first.get_by_text("There is no film to show.")).to_be_visible()
    expect(sides.first.locator(".readout")).to_be_hidden()
    drawn(sides.last.locator("canvas"))
    assert visit.complaints == []  # the server was not asked for a picture


def test_a_comparison_shows_heat_as_its_cells_and_the_colours_of_each_film(visit: Visit) -> None:
    visit.read(SAMPLES / "pneumonia-1.png")  # one after the other: the older film is on the left
    page = visit.read(SAMPLES / "normal-1.png")
    page.keyboard.press("3")
    expect(page.locator(".summary h2")).to_have_text(["PNEUMONIA", "NORMAL"])
    page.keyboard.press("h")
    legends = page.locator(".compare .legend")
    for at in (0, 1):
        expect(legends.nth(at)).to_be_visible()
        assert legends.nth(at).locator("i").evaluate("bar => bar.clientWidth") == 84
    assert legends.evaluate_all("all => all.map(each => each.classList.contains('healthy'))") == [
        False,
        True,
    ]
    visit.frames()
    canvas = page.locator(".compare canvas").first
    smooth = canvas.evaluate(SUMS)
    page.keyboard.press("g")
    visit.frames()
    assert canvas.evaluate(SUMS) != smooth
