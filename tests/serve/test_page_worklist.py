"""The list of films on the page: archives, a busy server, cancelling, trying again."""

from __future__ import annotations

import pytest

from grey_films import zipped

pytest.importorskip("playwright.sync_api", reason="needs playwright")
from playwright.sync_api import expect

from visit import SAMPLES, UPLOAD, Visit


def test_an_archive_gives_a_row_for_each_film(visit: Visit) -> None:
    names = ["normal-1.png", "normal-2.png", "pneumonia-1.png"]
    archive = zipped(*((name, (SAMPLES / name).read_bytes()) for name in names))
    page = visit.read({"name": "ward.zip", "mimeType": "application/zip", "buffer": archive})
    expect(page.locator(".row")).to_have_count(4)
    expect(page.locator(".row .state").first).to_have_text("3 films inside")
    assert sorted(page.locator(".row .name").all_inner_texts()[1:]) == names


def test_a_busy_server_is_asked_again(visit: Visit) -> None:
    page = visit.page
    visit.install_clock()
    wait = {"Retry-After": "600"}
    page.route(UPLOAD, lambda r: r.fulfill(status=429, headers=wait, body="{}"), times=1)
    visit.add(SAMPLES / "normal-1.png")
    expect(page.locator(".row .state")).to_have_text("Server is busy, will try again")
    page.clock.fast_forward(600_000)
    expect(page.locator(".row[data-state=normal]")).to_have_count(1)
    assert visit.complaints.pop().endswith("429 (Too Many Requests)")


def test_cancel_retry_and_remove(visit: Visit) -> None:
    page = visit.page
    page.route(UPLOAD, lambda route: None)  # never answered
    visit.add(*(SAMPLES / f"normal-{i}.png" for i in (1, 2)))
    expect(page.locator(".row[data-busy=true]")).to_have_count(2)
    page.get_by_role("button", name="Cancel normal-1.png").click()
    expect(page.locator(".row .state").first).to_have_text("Cancelled")
    page.get_by_role("button", name="Cancel all").click()
    expect(page.locator(".row[data-busy=true]")).to_have_count(0)
    page.unroute(UPLOAD)
    page.get_by_role("button", name="Try normal-1.png again").click()
    expect(page.locator(".row[data-state=normal]")).to_have_count(1)
    page.get_by_role("button", name="Remove normal-2.png from this list").click()
    expect(page.locator(".row .name")).to_have_text(["normal-1.png"])


def test_a_button_of_a_row_keeps_the_focus_while_the_list_changes(visit: Visit) -> None:
    page = visit.page
    page.route(UPLOAD, lambda route: None)  # never answered
    visit.add(*(SAMPLES / f"normal-{i}.png" for i in (1, 2)))
    cancel = page.get_by_role("button", name="Cancel normal-2.png")
    cancel.focus()
    page.keyboard.press("j")
    expect(page.locator(".panel .film-name")).to_have_text("normal-2.png")
    expect(cancel).to_be_focused()


def test_a_stream_that_the_server_refuses_is_opened_again(visit: Visit) -> None:
    page = visit.page
    page.route("**/events*", lambda route: route.fulfill(status=503, body=""), times=1)
    film = (SAMPLES / "normal-1.png").read_bytes()
    archive = zipped(*((f"{i}.png", film) for i in range(3)))
    visit.read({"name": "ward.zip", "mimeType": "application/zip", "buffer": archive})
    expect(page.locator(".row .state").first).to_have_text("3 films inside")
    expect(page.locator(".row")).to_have_count(4)
    assert "503" in visit.complaints.pop()


def test_films_are_read_after_the_server_could_not_be_reached(visit: Visit) -> None:
    page = visit.page
    page.route(UPLOAD, lambda route: route.abort("connectionrefused"))
    visit.add(*(SAMPLES / f"normal-{i}.png" for i in (1, 2)))
    expect(page.locator(".row[data-state=failed]")).to_have_count(2)
    expect(page.locator(".panel")).to_contain_text("Is it running")
    page.unroute(UPLOAD)
    page.locator(".worklist .menu-holder > button").click()
    page.get_by_role("menuitem", name="Try all unread films again").click()
    expect(page.locator(".row[data-busy=true]")).to_have_count(0)
    expect(page.locator(".row[data-state=failed]")).to_have_count(0)
    visit.reveal()
    expect(page.locator(".row[data-state=normal]")).to_have_count(2)
    assert all("CONNECTION_REFUSED" in visit.complaints.pop() for _ in range(2))


def test_an_answer_from_a_portal_fails_the_film(visit: Visit) -> None:
    page = visit.page
    page.route(UPLOAD, lambda route: route.fulfill(status=200, body="<h1>Portal</h1>"))
    visit.add(SAMPLES / "normal-1.png")
    expect(page.locator(".row[data-state=failed]")).to_have_count(1)
    expect(page.locator(".panel").get_by_role("button", name="Try again")).to_be_visible()
