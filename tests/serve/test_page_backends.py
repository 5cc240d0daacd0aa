"""The page over other back ends and at other addresses than a server's root."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from grey_films import zipped
from live import CSP, Live, serving
from pneumoscope import load
from pneumoscope.bundle import Bundle, open_bundle
from pneumoscope.render import wording
from pneumoscope.render.serialise import prediction_to_json
from pneumoscope.serve.app import STATIC
from pneumoscope.serve.capabilities import reader_choices
from pneumoscope.serve.settings import ServeSettings

pytest.importorskip("playwright.sync_api", reason="needs playwright")
from playwright.sync_api import Browser, Page, expect

from visit import SAMPLES, SUMS, Visit, force, inverted, saved

MEMORY = Path(__file__).with_name("memory_backend.js")
FILMS = ("pneumonia-1.png", "normal-1.png")
MORE_FILMS = ("a.png", "b.png", "c.png", "d.png", "e.png")
PREFIX = "/radiology/films"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass

    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", CSP)
        super().end_headers()


@pytest.fixture(scope="module")
def folder_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The page in a folder of files, started over the back end of `memory_backend.js`."""
    folder = tmp_path_factory.mktemp("pages") / "some" / "where"
    shutil.copytree(STATIC, folder / "static")
    shutil.copy(STATIC / "index.html", folder / "index.html")
    shutil.copy(MEMORY, folder / "static" / "app.js")
    handler = partial(_Quiet, directory=str(folder.parents[1]))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/some/where"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def answers() -> str:
    """A script that gives the page the results of two films and what can be chosen."""
    classifier = load(open_bundle())
    results: dict[str, Any] = {}
    for name in FILMS:
        prediction = classifier.predict(SAMPLES / name)
        words = wording.sentences(prediction)
        results[name] = prediction_to_json(prediction) | {"words": words}
    return script(results, reader_choices({"children": classifier}, ServeSettings()))


def script(results: dict[str, Any], settings: dict[str, dict[str, Any]]) -> str:
    return f"window.RESULTS = {json.dumps(results)}; window.SETTINGS = {json.dumps(settings)};"


@pytest.fixture(scope="module")
def answers_of_two(tiny_bundle: Bundle) -> str:
    """The same of two bundles, ``children`` and ``tiny``; the first refuses every film."""
    classifier, tiny = load(open_bundle()), load(tiny_bundle.path)
    prediction = classifier.predict(inverted()["buffer"])
    refused = prediction_to_json(prediction) | {"words": wording.sentences(prediction)}
    settings = reader_choices({"children": classifier, "tiny": tiny}, ServeSettings())
    return script(dict.fromkeys([*FILMS, *MORE_FILMS], refused), settings)


@pytest.fixture
def visit(browser: Browser, folder_url: str, request: pytest.FixtureRequest) -> Iterator[Visit]:
    """The page over that back end, with the answers of the fixture that the test names."""
    name = getattr(request, "param", "answers")
    visiting = Visit(browser, folder_url, script=request.getfixturevalue(name))
    yield visiting
    visiting.close()
    assert not visiting.complaints
    # Nothing but the files of the folder was asked for.
    assert len(visiting.requests) > 20
    for url in visiting.requests:
        assert url.startswith((f"{folder_url}/static/", "blob:")) or url == f"{folder_url}/"
        assert "/api" not in url


def kept(page: Page, name: str) -> Any:
    return page.evaluate(f"window.backend.{name}")


def test_films_are_read_shown_compared_and_deleted_without_a_server(visit: Visit) -> None:
    page = visit.read(*(SAMPLES / name for name in FILMS))
    expect(page.locator(".row .name")).to_have_text([*FILMS])
    expect(page.locator(".panel h2")).to_have_text("PNEUMONIA")
    expect(page.locator(".panes")).to_have_class("panes two")  # the heatmap has been drawn
    red, blue = visit.canvas(SUMS)
    assert red > blue  # the heatmap lies over the grey film
    page.keyboard.press("h")
    red, blue = visit.canvas(SUMS)
    assert red == blue > 0
    page.locator(".panel .menu-holder > button:not(.icon-only)").click()
    items = page.get_by_role("menuitem")
    expect(items).to_have_text(["Result, JSON"])  # all that this back end offers
    items.click()
    assert kept(page, "saved") == [["film-0", "json"]]
    page.keyboard.press("3")
    expect(page.locator(".summary h2")).to_have_text(["PNEUMONIA", "NORMAL"])
    page.keyboard.press("2")
    page.get_by_label("Choose normal-1.png").check()
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.locator(".record .name")).to_have_text(["pneumonia-1.png"])
    page.get_by_role("button", name="Delete all").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete all").click()
    # The first deletion gave the same message, so the list tells when the second is done.
    expect(page.locator(".record .name")).to_have_count(0)
    expect(page.locator("#toast")).to_contain_text("1 film deleted")
    assert kept(page, "records") == []


def test_settings_reach_any_back_end(visit: Visit) -> None:
    page = visit.page
    page.keyboard.press("s")
    page.get_by_role("radio", name="screen").check()
    page.get_by_label("Error of the conformal set").fill("20")
    page.get_by_role("radio", name="None").check()
    page.get_by_role("button", name="Done").click()
    visit.read(SAMPLES / FILMS[0])
    [settings] = kept(page, "readSettings")
    assert settings["operating_point"] == "screen"
    assert settings["error"] == pytest.approx(0.2)
    assert settings["explain"] == "none"
    assert not settings["force"]
    page.get_by_role("button", name="About this model").click()
    expect(page.get_by_role("dialog")).to_contain_text("in memory")


@pytest.mark.parametrize("visit", ["answers_of_two"], indirect=True)
def test_films_are_read_by_the_bundle_that_was_chosen_when_they_were_added(visit: Visit) -> None:
    page = visit.page
    assert kept(page, "readSettings") == []
    page.evaluate(
        "() => { window.backend.mayEnd = new Promise((end) => (window.endReadings = end)); }"
    )
    film = (SAMPLES / FILMS[0]).read_bytes()
    visit.add(*({"name": name, "mimeType": "image/png", "buffer": film} for name in MORE_FILMS[:4]))
    page.get_by_label("Model", exact=True).locator("visible=true").select_option("tiny")
    visit.add({"name": MORE_FILMS[4], "mimeType": "image/png", "buffer": film})
    assert len(kept(page, "readSettings")) == 3  # the others wait
    page.evaluate("window.endReadings()")
    expect(page.locator(".row[data-state=refused]")).to_have_count(5)
    read_by = [settings["bundle"] for settings in kept(page, "readSettings")]
    assert read_by == [None, None, None, None, "tiny"]
    # A verdict is forced from the bundle that refused the film, not from the one chosen since.
    force(page)
    page.wait_for_function("() => window.backend.readSettings.length > 5")
    expect(page.locator(".row[data-state=refused]")).to_have_count(5)
    last = kept(page, "readSettings")[-1]
    assert (last["bundle"], last["force"]) == (None, True)


@pytest.mark.parametrize("visit", ["answers_of_two"], indirect=True)
def test_any_back_end_may_offer_bundles(visit: Visit) -> None:
    page = visit.page
    select = page.locator(".welcome").get_by_label("Model", exact=True)
    expect(select.locator("option")).to_have_text(["children · PNEUMONIA", "tiny · PNEUMONIA"])
    select.select_option("tiny")
    page.keyboard.press("s")
    page.get_by_role("radio", name="screen").check()
    page.get_by_role("button", name="Done").click()
    visit.read(SAMPLES / FILMS[0])
    [settings] = kept(page, "readSettings")
    expected = {"bundle": "tiny", "operating_point": "screen", "patient": None, "force": False}
    assert settings == expected
    expect(page.locator(".panel .read-by")).to_have_text("Read by children")  # as the result says


@pytest.fixture(scope="module")
def below(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server whose page a proxy puts below a path."""
    folder = tmp_path_factory.mktemp("below")
    with serving(ServeSettings(folder=folder, threads=1), PREFIX) as running:
        yield running


def test_the_page_works_below_a_path(browser: Browser, below: Live) -> None:
    visit = Visit(browser, below.url)
    film = (SAMPLES / "normal-1.png").read_bytes()
    archive = zipped(("a.png", film), ("b.png", film))
    page = visit.read(
        SAMPLES / "pneumonia-1.png",
        {"name": "two.zip", "mimeType": "application/zip", "buffer": archive},
    )
    expect(page.locator(".row")).to_have_count(4)
    expect(page.locator(".panes")).to_have_class("panes two")  # the heatmap has been drawn
    red, blue = visit.canvas(SUMS)
    assert red > blue
    assert saved(page, ".panel .menu-holder > button:not(.icon-only)", "Report, PDF").startswith(
        b"%PDF-"
    )
    page.keyboard.press("2")
    expect(page.locator(".record")).to_have_count(3)
    page.goto(f"{below.url}/login")  # leads back, since there are no accounts
    page.wait_for_url(f"{below.url}/")
    visit.close()
    assert not visit.complaints
    assert all(url.startswith((below.url, "blob:")) for url in visit.requests)


def test_without_a_session_the_sign_in_page_opens_below_the_path(
    browser: Browser, below: Live
) -> None:
    context = browser.new_context()
    page = context.new_page()
    denied = {"title": "Unauthorized"}
    page.route("**/api/v1/**", lambda route: route.fulfill(status=401, json=denied))
    page.goto(f"{below.url}/")
    page.wait_for_url(f"{below.url}/login")
    context.close()
