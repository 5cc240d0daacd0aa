"""The settings on the page, and a server that offers others."""

from __future__ import annotations

import re
from typing import Any

import pytest

from live import Live

pytest.importorskip("playwright.sync_api", reason="needs playwright")
from playwright.sync_api import Page, Route, expect

from visit import SAMPLES, Visit


def test_settings_go_with_the_next_film(visit: Visit, page_server: Live) -> None:
    page = visit.page
    page.get_by_role("button", name="Settings").click()
    page.get_by_label(re.compile("^screen")).check()
    page.get_by_label(re.compile("^Prevalence of")).fill("10")
    error = page.get_by_label("Error of the conformal set")
    error.fill("0.1")
    expect(page.get_by_role("alert").filter(has_text="Between 0.5 and 50 %.")).to_be_visible()
    error.fill("20")
    page.get_by_role("radio", name="None").check()
    page.get_by_role("button", name="Done").click()
    visit.read(SAMPLES / "pneumonia-2.png")
    [record] = page_server.client.get("/api/v1/predictions").json()["predictions"]
    result = record["result"]
    assert result["operating_point"]["name"] == "screen"
    assert result["prevalence"] == pytest.approx(0.1)
    assert result["error_rate"] == pytest.approx(0.2)
    assert result["explanation"] is None
    expect(page.locator(".reading .pane-note:visible")).to_have_text("No heatmap was asked for")
    expect(page.locator(".panel")).to_contain_text("At a prevalence of 10 %")


def preferred(page: Page, **chosen: Any) -> None:
    page.evaluate(
        "values => localStorage.setItem('pneumoscope.preferences', JSON.stringify(values))", chosen
    )
    page.reload()


def test_settings_of_another_model_are_reset_and_the_page_says_so(
    visit: Visit, page_server: Live
) -> None:
    page = visit.page
    preferred(page, operatingPoint="of-yesterday", error=1e-6, prevalence=0.1, theme="light")
    expect(page.get_by_role("alert")).to_contain_text("One of your settings is no longer available")
    visit.read(SAMPLES / "normal-1.png")
    [record] = page_server.client.get("/api/v1/predictions").json()["predictions"]
    assert record["result"]["operating_point"]["name"] == "balanced"
    assert record["result"]["error_rate"] == pytest.approx(0.05)
    assert record["result"]["prevalence"] == pytest.approx(0.1)
    assert page.locator("html").get_attribute("data-theme") == "light"
    page.reload()
    page.wait_for_selector("body[data-ready]")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_settings_that_the_model_does_not_offer_are_not_sent(
    visit: Visit, page_server: Live
) -> None:
    page = visit.page

    def poorer(route: Route) -> None:
        answer = route.fetch()
        content = answer.json()
        for name in ("prevalence", "error"):
            del content["form"]["properties"][name]
        route.fulfill(response=answer, json=content)

    page.route("**/api/v1/settings", poorer)
    preferred(page, operatingPoint="screen", error=0.1, prevalence=0.1)
    visit.add(SAMPLES / "normal-1.png")  # perhaps before the server's answer
    expect(page.get_by_role("alert")).to_contain_text("One of your settings is no longer available")
    expect(page.locator(".row[data-state=normal]")).to_have_count(1)
    [record] = page_server.client.get("/api/v1/predictions").json()["predictions"]
    assert record["result"]["operating_point"]["name"] == "screen"
    assert record["result"]["error_rate"] == pytest.approx(0.05)
    assert record["result"]["prevalence"] is None
    page.keyboard.press("s")
    expect(page.get_by_role("group", name="Operating point")).to_be_visible()
    expect(page.get_by_role("spinbutton")).to_have_count(0)


def test_the_smallest_error_has_few_digits_and_is_allowed(visit: Visit) -> None:
    page = visit.page

    def of_200_films(route: Route) -> None:
        answer = route.fetch()
        content = answer.json()
        content["form"]["properties"]["error"]["minimum"] = 1 / 201  # 0.49751 %
        route.fulfill(response=answer, json=content)

    page.route("**/api/v1/settings", of_200_films)
    page.reload()
    page.wait_for_selector("body[data-ready]")
    page.keyboard.press("s")
    error = page.get_by_label("Error of the conformal set")
    error.fill("0.4975")
    expect(page.get_by_role("alert").filter(has_text="Between 0.498 and 50 %.")).to_be_visible()
    error.fill("0.498")
    expect(error).to_have_attribute("aria-invalid", "false")
