"""The page in a real browser, over a running server with the shipped bundle."""

from __future__ import annotations

import base64
import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from PIL import Image

from grey_films import zipped
from live import Live, serving
from pneumoscope.decision.gate import REASONS
from pneumoscope.serve.settings import ServeSettings

pytest.importorskip("playwright.sync_api", reason="needs playwright")
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Route, expect

expect.set_options(timeout=60_000)  # others may need the processor too
SAMPLES = Path(__file__).parents[2] / "samples"
NOTICE = "Research use, not a medical device."
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
UPLOAD = "**/api/v1/predictions"
SUMS = """canvas => {
  const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  let red = 0, blue = 0;
  for (let i = 0; i < data.length; i += 4) { red += data[i]; blue += data[i + 2]; }
  return [red, blue];
}"""
MIDDLE = """canvas => [...canvas.getContext('2d')
  .getImageData(canvas.width / 2 | 0, canvas.height / 2 | 0, 1, 1).data]"""


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("room")
    with serving(ServeSettings(folder=folder, threads=1)) as running:
        yield running


class Visit:
    """A page, what it asked for and what it complained of."""

    def __init__(self, browser: Browser, url: str, **options: Any) -> None:
        self.url = url
        self.context = browser.new_context(**{"viewport": {"width": 1280, "height": 720}} | options)
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(60_000)
        self.asked: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("console", self._console)
        # From the start: the browser is told to hand choosers over only while somebody listens.
        self.page.on("filechooser", lambda _: None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.route(f"{url}/", _strict)
        self.page.goto(f"{url}/")
        self.page.wait_for_selector("body[data-ready]")

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def add(self, *files: Any) -> None:
        self.page.set_input_files("#files", [payload(file) for file in files])

    def read(self, *files: Any) -> Page:
        """Adds files and waits until all verdicts may be seen."""
        self.add(*files)
        expect(self.page.locator(".row[data-busy=true]")).to_have_count(0, timeout=60_000)
        expect(self.page.locator(".row[data-state=ready]")).to_have_count(0)
        return self.page

    def shown(self) -> None:
        """Waits for the server's picture of the film, not the preview that stands there first."""
        expect(self.page.locator(".panes")).to_have_attribute("data-film", re.compile("."))

    def canvas(self, script: str) -> Any:
        self.shown()
        return self.pixels(script)

    def pixels(self, script: str) -> Any:
        # A frame later, so that what was asked for is drawn.
        self.page.evaluate(
            "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )
        return self.page.locator(".panes canvas").nth(1).evaluate(script)

    def settled(self, script: str) -> Any:
        """As `canvas`, once panes and pictures stand still: a pixel of width moves the film by half of one."""
        before, now = None, self.canvas(script)
        while now != before:
            self.page.wait_for_timeout(300)
            before, now = now, self.canvas(script)
        return now


def _strict(route: Route) -> None:
    """The policy of a server on a network, whatever this one sends."""
    answer = route.fetch()
    route.fulfill(response=answer, headers=answer.headers | {"content-security-policy": CSP})


@pytest.fixture
def visit(browser: Browser, live: Live) -> Iterator[Visit]:
    live.client.delete("/api/v1/predictions")
    visiting = Visit(browser, live.url)
    yield visiting
    visiting.context.close()
    assert not visiting.complaints
    assert all(url.startswith(live.url) for url in visiting.asked)


def payload(file: Path | dict[str, Any]) -> dict[str, Any]:
    if isinstance(file, dict):
        return file
    kind = "image/png" if file.suffix == ".png" else "application/dicom"
    return {"name": file.name, "mimeType": kind, "buffer": file.read_bytes()}


def png(name: str, pixels: np.ndarray) -> dict[str, Any]:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return {"name": name, "mimeType": "image/png", "buffer": stream.getvalue()}


def sample(name: str) -> np.ndarray:
    return np.asarray(Image.open(SAMPLES / name))


def inverted() -> dict[str, Any]:
    return png("inverted.png", 255 - sample("normal-1.png"))


def mixed() -> dict[str, Any]:
    """Between the classes: UNDETERMINED."""
    both = 0.6 * sample("normal-1.png") + 0.4 * sample("pneumonia-1.png")
    return png("mixed.png", np.rint(both).astype(np.uint8))


def drawn(canvas: Locator) -> None:
    """Waits until something stands on a canvas."""
    for _ in range(600):
        if sum(canvas.evaluate(SUMS)) > 0:
            return
        canvas.page.wait_for_timeout(100)
    raise AssertionError("nothing was drawn")


def layout(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def test_a_dropped_film_is_seen_before_its_verdict(visit: Visit) -> None:
    page = visit.page
    content = base64.b64encode((SAMPLES / "pneumonia-1.png").read_bytes()).decode()
    dropped = page.evaluate_handle(
        """data => {
          const bytes = Uint8Array.from(atob(data), c => c.charCodeAt(0));
          const transfer = new DataTransfer();
          transfer.items.add(new File([bytes], 'dropped.png', {type: 'image/png'}));
          return transfer;
        }""",
        content,
    )
    page.dispatch_event("body", "dragenter", {"dataTransfer": dropped})
    expect(page.locator("#curtain")).to_be_visible()
    page.dispatch_event("body", "drop", {"dataTransfer": dropped})
    expect(page.locator("#curtain")).to_be_hidden()
    expect(page.locator(".row .name")).to_have_text("dropped.png")
    expect(page.locator(".panel")).to_contain_text("Look at the film first")
    assert "PNEUMONIA" not in page.locator(".room").inner_text()
    assert "PNEUMONIA" not in page.locator("#announcer").inner_text()
    assert page.get_by_role("button", name="Heatmap", exact=True).is_disabled()
    assert sum(visit.canvas(SUMS)) > 0
    expect(page.locator(".panel h2")).to_have_text("PNEUMONIA")
    expect(page.locator("#announcer")).to_contain_text("dropped.png: PNEUMONIA")
    expect(page.locator(".row .state")).to_contain_text("PNEUMONIA · 1.000")
    expect(page.locator(".panes")).to_have_class("panes two")


def test_a_pasted_film_is_read(visit: Visit) -> None:
    page = visit.page
    page.evaluate(
        """data => {
          const bytes = Uint8Array.from(atob(data), c => c.charCodeAt(0));
          const clipboardData = new DataTransfer();
          clipboardData.items.add(new File([bytes], 'pasted.png', {type: 'image/png'}));
          dispatchEvent(new ClipboardEvent('paste', {clipboardData}));
        }""",
        base64.b64encode((SAMPLES / "normal-1.png").read_bytes()).decode(),
    )
    expect(page.locator(".row .name")).to_have_text("pasted.png")
    expect(page.locator(".panel h2")).to_have_text("NORMAL")


def test_the_verdict_waits_until_it_is_asked_for(visit: Visit) -> None:
    page = visit.page
    page.keyboard.press("s")
    page.get_by_label("When I ask").check()
    page.keyboard.press("Escape")
    visit.add(SAMPLES / "normal-1.png")
    expect(page.locator(".row[data-state=ready]")).to_have_count(1)
    page.wait_for_timeout(2500)  # longer than the moment after which it would come by itself
    expect(page.locator(".panel")).to_contain_text("Look at the film first")
    page.keyboard.press("Space")
    expect(page.locator(".panel h2")).to_have_text("NORMAL")


def test_words_are_those_of_the_package(visit: Visit, live: Live) -> None:
    page = visit.read(SAMPLES / "pneumonia-2.png", mixed())
    records = live.client.get("/api/v1/predictions").json()["predictions"]
    assert {record["result"]["label"] for record in records} == {"PNEUMONIA", "UNDETERMINED"}
    for record in records:
        page.locator(".row .open", has_text=record["film"]["name"]).click()
        page.locator(".more summary").click()
        shown = " ".join(page.locator(".panel").inner_text().split())
        words = record["result"]["words"]
        assert words["call"] in shown
        assert words["promise"] in shown
        for key in ("why_undetermined", "kinds"):
            assert words[key][1:] in shown
        assert f"{record['result']['p_positive']:.3f}" in shown
    meter = page.get_by_role("meter").first
    assert "operating point balanced is at 0.843" in (meter.get_attribute("aria-valuetext") or "")


def test_film_and_overlay_stand_side_by_side_in_one_size(visit: Visit) -> None:
    page = visit.read(SAMPLES / "pneumonia-1.png")
    expect(page.locator(".panes")).to_have_class("panes two")
    visit.settled(SUMS)
    room, *panes = page.locator(".panes, .panes .pane").evaluate_all(
        "all => all.map(one => one.clientWidth)"
    )
    assert panes[0] == pytest.approx(panes[1], abs=1)
    assert sum(panes) == pytest.approx(room - 2, abs=1)  # between them nothing but a line


def test_the_slider_changes_pixels(visit: Visit) -> None:
    page = visit.read(SAMPLES / "pneumonia-1.png")
    layout(page, "One film with overlay")
    slider = page.get_by_role("slider", name="Opacity of the heatmap")
    slider.fill("0")
    bare = visit.settled(SUMS)
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
    expect(page.locator(".reading .readout")).to_have_text("W 155 · L 108 · 100 %")
    page.keyboard.press("r")
    assert visit.canvas(MIDDLE)[0] == grey
    page.mouse.wheel(0, -400)
    expect(page.locator(".reading .readout")).to_have_text("W 255 · L 128 · 190 %")  # exp(0.64)
    page.keyboard.press("0")
    expect(page.locator(".reading .readout")).to_have_text("W 255 · L 128 · 100 %")


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


def test_everything_by_keyboard(visit: Visit) -> None:
    page = visit.page
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("o")
    chooser.value.set_files([SAMPLES / "normal-1.png", SAMPLES / "pneumonia-3.dcm"])
    expect(page.locator(".row[data-state=positive]")).to_have_count(1)
    expect(page.locator(".panel h2")).to_have_text("NORMAL")
    page.keyboard.press("j")
    expect(page.locator(".panel .film-name")).to_have_text("pneumonia-3.dcm")
    expect(page.locator(".panel h2")).to_have_text("PNEUMONIA")
    page.keyboard.press("v")
    expect(page.locator(".panes")).not_to_have_class("panes two")
    visit.shown()  # keys move nothing before
    page.locator(".panes").focus()
    page.keyboard.press("+")
    before = visit.canvas(SUMS)
    page.keyboard.press("ArrowRight")
    assert visit.canvas(SUMS) != before
    page.keyboard.press("d")
    expect(page.get_by_role("menuitem", name="Overlay, PNG")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("menuitem", name="Report, PDF")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("2")
    expect(page.locator(".record")).to_have_count(2)
    page.locator(".record .open").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".reading")).to_be_visible()
    page.keyboard.press("Delete")
    expect(page.locator(".row")).to_have_count(1)


def test_a_refused_film_shows_reason_and_hint_and_no_figure(visit: Visit) -> None:
    page = visit.read(inverted())
    panel = page.locator(".panel")
    expect(panel.locator("h2")).to_have_text("REFUSED")
    sentence, hint = REASONS["inverted"]
    expect(panel).to_contain_text(sentence[1:])
    expect(panel).to_contain_text(hint)
    expect(panel.get_by_role("meter")).to_have_count(0)
    assert "0." not in page.locator(".row").inner_text()
    assert page.get_by_role("button", name="Heatmap", exact=True).is_disabled()
    panel.get_by_role("button", name="Verdict all the same").click()
    expect(panel.locator("h2 small")).to_have_text("forced")
    expect(panel.get_by_role("meter")).to_have_count(1)


def test_a_file_that_is_no_film(visit: Visit) -> None:
    page = visit.read({"name": "notes.txt", "mimeType": "text/plain", "buffer": b"no film" * 30})
    panel = page.locator(".panel")
    expect(panel.locator("h2")).to_have_text("NOT READ")
    expect(panel).to_contain_text("Not an image format that pneumoscope reads")
    expect(panel).to_contain_text("Export the film as DICOM")
    expect(panel.get_by_role("button", name="Try again")).to_be_visible()


def test_an_archive_gives_a_line_for_each_film(visit: Visit) -> None:
    names = ["normal-1.png", "normal-2.png", "pneumonia-1.png"]
    archive = zipped(*((name, (SAMPLES / name).read_bytes()) for name in names))
    page = visit.read({"name": "ward.zip", "mimeType": "application/zip", "buffer": archive})
    expect(page.locator(".row")).to_have_count(4)
    expect(page.locator(".row .state").first).to_have_text("3 films inside")
    assert sorted(page.locator(".row .name").all_inner_texts()[1:]) == names


def test_a_busy_server_is_asked_again(visit: Visit) -> None:
    page = visit.page
    wait = {"Retry-After": "1"}
    page.route(UPLOAD, lambda r: r.fulfill(status=429, headers=wait, body="{}"), times=1)
    visit.add(SAMPLES / "normal-1.png")
    expect(page.locator(".row .state")).to_have_text("Server is busy, will try again")
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
    assert not any("normal" in url for url in visit.asked if "/api/" in url)
    page.get_by_role("searchbox").fill("nothing like it")
    expect(page.get_by_text("No film fits this filter.")).to_be_visible()
    page.get_by_role("searchbox").fill("")
    expect(names).to_have_count(3)
    page.get_by_label("Sort by").select_option("highest")
    expect(names).to_have_text(["pneumonia-2.png", "normal-1.png", "inverted.png"])
    page.get_by_label("Sort by").select_option("name")
    expect(names).to_have_text(["inverted.png", "normal-1.png", "pneumonia-2.png"])
    thumbnail = page.locator(".record canvas").nth(1)
    assert sum(thumbnail.evaluate(SUMS)) > 0
    page.get_by_label("Choose inverted.png").check()
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(names).to_have_text(["normal-1.png", "pneumonia-2.png"])
    page.get_by_role("link", name="Read").click()
    expect(page.locator(".row")).to_have_count(2)


def test_a_long_history_comes_in_portions_and_is_searched_as_a_whole(
    visit: Visit, live: Live
) -> None:
    visit.read(SAMPLES / "normal-1.png")
    [record] = live.client.get("/api/v1/predictions").json()["predictions"]
    # 120 records with names of their own, the newest first, served as the API does.
    many = [
        record
        | {"id": f"{i:032x}", "film": record["film"] | {"name": f"film {i}.png"}}
        | {"links": record["links"] | {"thumbnail": f"/api/v1/predictions/{i:032x}/thumbnail.png"}}
        for i in range(120)
    ]

    def portion(route: Route) -> None:
        asked = parse_qs(urlsplit(route.request.url).query)
        start = int(asked["before"][0], 16) + 1 if "before" in asked else 0
        route.fulfill(json={"predictions": many[start : start + int(asked["limit"][0])]})

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
    page.wait_for_timeout(300)
    assert sum(url.endswith("thumbnail.png") for url in visit.asked) < 40  # those in sight, once
    page.reload()
    expect(names).to_have_count(100)
    page.get_by_role("button", name="Load more").click()
    expect(names).to_have_count(120)
    expect(page.get_by_role("button", name="Load more")).to_be_hidden()


def test_a_film_that_is_being_read_stands_in_the_history_without_a_verdict(visit: Visit) -> None:
    page = visit.read(SAMPLES / "normal-1.png")

    def queued(route: Route) -> None:
        answer = route.fetch()
        told = answer.json()
        for record in told["predictions"]:
            record |= {"state": "queued", "result": None}
        route.fulfill(response=answer, json=told)

    page.route("**/api/v1/predictions?*", queued)
    page.keyboard.press("2")
    expect(page.locator(".record .label")).to_have_text("Waiting for its turn.")
    expect(page.locator(".record .open")).to_be_disabled()  # and no complaint of a missing icon


def test_deleting_everything_reaches_films_that_the_filter_hides(visit: Visit) -> None:
    page = visit.read(SAMPLES / "normal-1.png", SAMPLES / "pneumonia-1.png")
    page.keyboard.press("2")
    page.get_by_role("button", name="PNEUMONIA", exact=True).click()
    expect(page.locator(".record")).to_have_count(1)
    page.get_by_role("button", name="Delete all").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete all").click()
    expect(page.locator("#toast")).to_contain_text("2 films deleted")
    expect(page.locator(".row")).to_have_count(0)


def test_no_film_stands_under_the_name_of_another(visit: Visit) -> None:
    page = visit.read(SAMPLES / "normal-1.png", SAMPLES / "pneumonia-3.dcm")
    held: list[Route] = []
    page.route("**/film.png", lambda route: held.append(route))
    assert sum(visit.canvas(SUMS)) > 0
    page.locator(".row .open").nth(1).click()
    expect(page.locator(".panel h2")).to_have_text("PNEUMONIA")
    assert sum(visit.pixels(SUMS)) == 0  # rather than the film before
    held[0].continue_()
    drawn(page.locator(".panes canvas").nth(1))


def test_a_button_of_a_line_keeps_the_focus_while_the_list_changes(visit: Visit) -> None:
    page = visit.page
    page.route(UPLOAD, lambda route: None)  # never answered
    visit.add(*(SAMPLES / f"normal-{i}.png" for i in (1, 2)))
    cancel = page.get_by_role("button", name="Cancel normal-2.png")
    cancel.focus()
    page.keyboard.press("j")
    expect(page.locator(".panel .film-name")).to_have_text("normal-2.png")
    expect(cancel).to_be_focused()


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


def test_a_stream_that_is_turned_away_is_taken_up_again(visit: Visit) -> None:
    page = visit.page
    page.route("**/events", lambda route: route.fulfill(status=503, body=""), times=1)
    film = (SAMPLES / "normal-1.png").read_bytes()
    archive = zipped(*((f"{i}.png", film) for i in range(3)))
    visit.read({"name": "ward.zip", "mimeType": "application/zip", "buffer": archive})
    expect(page.locator(".row .state").first).to_have_text("3 films inside")
    expect(page.locator(".row")).to_have_count(4)
    assert "503" in visit.complaints.pop()


def test_films_are_read_after_the_server_was_away(visit: Visit) -> None:
    page = visit.page
    page.route(UPLOAD, lambda route: route.abort("connectionrefused"))
    visit.add(*(SAMPLES / f"normal-{i}.png" for i in (1, 2)))
    expect(page.locator(".row[data-state=failed]")).to_have_count(2)
    expect(page.locator(".panel")).to_contain_text("Is it running")
    page.unroute(UPLOAD)
    page.locator(".worklist .menu-holder > button").click()
    page.get_by_role("menuitem", name="Try all again that were not read").click()
    expect(page.locator(".row[data-state=normal]")).to_have_count(2)
    assert all("CONNECTION_REFUSED" in visit.complaints.pop() for _ in range(2))


def test_an_answer_that_is_not_the_servers_fails_the_film(visit: Visit) -> None:
    page = visit.page
    page.route(UPLOAD, lambda route: route.fulfill(status=200, body="<h1>Portal</h1>"))
    visit.add(SAMPLES / "normal-1.png")
    expect(page.locator(".row[data-state=failed]")).to_have_count(1)
    expect(page.locator(".panel").get_by_role("button", name="Try again")).to_be_visible()


@pytest.mark.parametrize(("width", "height"), [(320, 640), (640, 360)])
def test_long_names_and_markup_in_them_stay_text_within_a_narrow_window(
    browser: Browser, live: Live, width: int, height: int
) -> None:
    # 640 x 360 is what 1280 x 720 leaves at a zoom of 200 %.
    visit = Visit(browser, live.url, viewport={"width": width, "height": height})
    names = ["<img src=x onerror=alert(1)><b>film</b>.png", f"{'x' * 300}.png"]
    page = visit.read(*(png(name, sample("normal-1.png")) for name in names))
    expect(page.locator(".row .name")).to_have_text(names)
    assert page.locator(".row").evaluate_all("rows => rows.every(row => row.offsetWidth <= 320)")
    for key in "123":
        page.keyboard.press(key)
        assert page.evaluate("document.getElementById('main').scrollWidth") <= width
    assert page.locator("#main img, #main .name b").count() == 0
    page.keyboard.press("a")
    page.get_by_role("dialog").locator("h3").first.wait_for()
    assert page.locator(".dialog-body").evaluate("body => body.scrollWidth <= body.clientWidth")
    visit.context.close()
    assert not visit.complaints


def saved(page: Page, menu: str, item: str) -> bytes:
    page.locator(menu).click()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name=item, exact=True).click()
    return Path(download.value.path()).read_bytes()


def test_downloads_open(visit: Visit) -> None:
    page = visit.read(SAMPLES / "pneumonia-1.png", SAMPLES / "normal-1.png")
    one = ".panel .menu-holder > button"
    overlay = np.asarray(Image.open(io.BytesIO(saved(page, one, "Overlay, PNG"))))
    assert overlay.shape == (512, 512, 3)
    assert saved(page, one, "Report, PDF").startswith(b"%PDF-")
    assert json.loads(saved(page, one, "Result, JSON"))["result"]["label"] == "PNEUMONIA"
    assert len(saved(page, one, "Result, CSV").splitlines()) == 2
    every = ".worklist .menu-holder > button"
    lines = saved(page, every, "Results, CSV").decode().splitlines()
    assert len(lines) == 3
    assert saved(page, every, "Report, PDF").startswith(b"%PDF-")
    assert len(json.loads(saved(page, every, "Results, JSON"))["results"]) == 2
    with zipfile.ZipFile(io.BytesIO(saved(page, every, "Overlays, PNG in a ZIP"))) as pack:
        assert [name[:3] for name in pack.namelist()] == ["001", "002", "REA"]


def test_two_films_are_compared(visit: Visit) -> None:
    page = visit.read(SAMPLES / "pneumonia-1.png", SAMPLES / "normal-1.png")
    page.keyboard.press("2")
    for name in ("pneumonia-1.png", "normal-1.png"):
        page.get_by_label(f"Choose {name}").check()
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.locator(".summary h2")).to_have_text(["PNEUMONIA", "NORMAL"])
    canvases = page.locator(".compare canvas")
    expect(canvases.first).to_have_attribute("aria-label", "Film pneumonia-1.png")

    def both() -> list[Any]:
        page.evaluate(
            "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )
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


def test_a_heatmap_that_does_not_hold_is_hidden_with_its_reason(visit: Visit) -> None:
    page = visit.read(SAMPLES / "normal-1.png")
    page.keyboard.press("Delete")

    def doubt(route: Route) -> None:
        answer = route.fetch()
        told = answer.json()
        for record in told["predictions"]:
            record["result"]["explanation"] |= {"reliable": False, "sentence": "12% lies inside"}
        route.fulfill(response=answer, json=told)

    visit.asked.clear()
    page.route("**/api/v1/predictions?*", doubt)
    page.keyboard.press("2")
    page.locator(".record .open").click()
    note = page.locator(".reading .pane-note:visible")
    expect(note).to_have_text("No reliable explanation12% lies inside.")
    assert page.get_by_role("slider").is_disabled()
    red, blue = visit.canvas(SUMS)
    assert red == blue
    assert not any(url.endswith("heatmap.png") for url in visit.asked)


def test_settings_go_with_the_next_film(visit: Visit, live: Live) -> None:
    page = visit.page
    page.get_by_role("button", name="Settings").click()
    page.get_by_label("screen · 0.534").check()
    page.get_by_label("Prevalence of pneumonia").fill("10")
    error = page.get_by_label("Error of the conformal set")
    error.fill("0.1")
    expect(page.get_by_role("alert").filter(has_text="Between 0.5 and 50 %.")).to_be_visible()
    error.fill("20")
    page.get_by_role("radio", name="None").check()
    page.get_by_role("button", name="Done").click()
    visit.read(SAMPLES / "pneumonia-2.png")
    [record] = live.client.get("/api/v1/predictions").json()["predictions"]
    result = record["result"]
    assert result["operating_point"]["name"] == "screen"
    assert result["prevalence"] == pytest.approx(0.1)
    assert result["error_rate"] == pytest.approx(0.2)
    assert result["explanation"] is None
    expect(page.locator(".reading .pane-note:visible")).to_have_text("No heatmap was asked for")
    expect(page.locator(".panel")).to_contain_text("At a prevalence of 10 %")


def preferred(page: Page, **chosen: Any) -> None:
    page.evaluate(
        "it => localStorage.setItem('pneumoscope.preferences', JSON.stringify(it))", chosen
    )
    page.reload()


def test_what_another_model_offered_is_given_up_and_said(visit: Visit, live: Live) -> None:
    page = visit.page
    preferred(page, operatingPoint="of-yesterday", error=1e-6, prevalence=0.1, theme="light")
    expect(page.get_by_role("alert")).to_contain_text("A setting of yours is no longer offered")
    visit.read(SAMPLES / "normal-1.png")
    [record] = live.client.get("/api/v1/predictions").json()["predictions"]
    assert record["result"]["operating_point"]["name"] == "balanced"
    assert record["result"]["error_rate"] == pytest.approx(0.05)
    assert record["result"]["prevalence"] == pytest.approx(0.1)
    assert page.locator("html").get_attribute("data-theme") == "light"
    page.reload()
    page.wait_for_selector("body[data-ready]")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_nothing_is_asked_of_a_model_that_it_does_not_take(visit: Visit, live: Live) -> None:
    page = visit.page

    def poorer(route: Route) -> None:
        answer = route.fetch()
        takes = {"prevalence": False, "error": {"possible": False, "smallest": None}}
        route.fulfill(response=answer, json=answer.json() | takes)

    page.route("**/api/v1/settings", poorer)
    preferred(page, operatingPoint="screen", error=0.1, prevalence=0.1)
    visit.add(SAMPLES / "normal-1.png")  # perhaps before the server's answer
    expect(page.get_by_role("alert")).to_contain_text("A setting of yours is no longer offered")
    expect(page.locator(".row[data-state=normal]")).to_have_count(1)
    [record] = live.client.get("/api/v1/predictions").json()["predictions"]
    assert record["result"]["operating_point"]["name"] == "screen"
    assert record["result"]["error_rate"] == pytest.approx(0.05)
    assert record["result"]["prevalence"] is None


def test_about_shows_card_population_and_hash(visit: Visit, live: Live) -> None:
    visit.page.get_by_role("button", name="About this model").click()
    dialog = visit.page.get_by_role("dialog", name="About this model")
    model = live.client.get("/api/v1/model").json()
    expect(dialog).to_contain_text(model["bundle_sha256"])
    expect(dialog).to_contain_text(model["population"]["text"])
    expect(dialog.get_by_role("heading", name="Operating points")).to_be_attached()
    expect(dialog).not_to_contain_text("**")


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (390, 844)])
def test_fits_the_screen_with_the_notice_in_sight(
    browser: Browser, live: Live, width: int, height: int
) -> None:
    visit = Visit(browser, live.url, viewport={"width": width, "height": height})
    page = visit.read(SAMPLES / "pneumonia-1.png", inverted())
    for part in ("Read", "History", "Compare"):
        page.get_by_role("link", name=part).click()
        notice = page.locator("#notice")
        expect(notice).to_contain_text(NOTICE)
        box = notice.bounding_box()
        assert box
        assert box["y"] + box["height"] <= height
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate("document.getElementById('main').scrollWidth") <= width
    visit.context.close()
    assert not visit.complaints


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_axe_finds_nothing(visit: Visit, theme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe").Axe()
    page = visit.page
    page.emulate_media(reduced_motion="reduce")  # contrast is that of what stands still

    def check(where: str) -> None:
        found = axe.run(page, options={"resultTypes": ["violations"]}).response["violations"]
        told = {v["id"]: [n["html"][:160] for n in v["nodes"]] for v in found}
        assert not told, where

    if theme == "light":
        page.keyboard.press("t")
    check("welcome")
    visit.read(SAMPLES / "pneumonia-1.png", inverted(), mixed())
    for at in range(3):
        page.locator(".row .open").nth(at).click()
        page.locator(".more summary").click()
        page.wait_for_timeout(400)
        check(f"film {at}")
    page.locator(".panel .menu-holder > button").click()
    check("menu")
    page.keyboard.press("Escape")
    for key in "?sa":
        page.keyboard.press(key)
        page.get_by_role("dialog").locator("h3").first.wait_for()
        check(f"dialog {key}")
        page.keyboard.press("Escape")
    page.keyboard.press("2")
    page.locator(".record input").first.check()
    check("history")
    page.keyboard.press("3")
    page.wait_for_selector(".summary h2")
    check("compare")


def test_signing_in(browser: Browser, live: Live) -> None:
    page = browser.new_page()
    sent: list[dict[str, str]] = []

    def session(route: Route) -> None:
        sent.append(json.loads(route.request.post_data or "{}"))
        wrong = {
            "title": "Unauthorized",
            "detail": "name and password do not fit",
            "hint": "Both count.",
        }
        right = sent[-1]["password"] == "right"
        route.fulfill(status=200 if right else 401, json={} if right else wrong)

    page.route(f"{live.url}/login", _strict)
    page.route("**/api/v1/me", lambda route: route.fulfill(status=401, json={"title": "No"}))
    page.route("**/api/v1/session", session)
    page.goto(f"{live.url}/login")
    expect(page.get_by_text(NOTICE)).to_be_visible()
    expect(page.get_by_label("Name")).to_be_focused()
    page.keyboard.type("ada")
    page.get_by_label("Password").fill("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Name and password do not fit. Both count.")
    expect(page.get_by_label("Password")).to_have_value("")
    page.unroute("**/api/v1/me")
    page.get_by_label("Password").fill("right")
    page.keyboard.press("Enter")
    page.wait_for_selector("body[data-ready]")
    assert sent == [{"name": "ada", "password": "wrong"}, {"name": "ada", "password": "right"}]
    page.close()
