"""Films are dropped, read and explained on the page."""

from __future__ import annotations

import base64
import io
import json
import zipfile

import numpy as np
import pytest
from PIL import Image

from live import Live
from pneumoscope.decision.gate import REASONS

pytest.importorskip("playwright.sync_api", reason="needs playwright")
from playwright.sync_api import Browser, Route, expect

from visit import NOTICE, SAMPLES, SUMS, Visit, force, inverted, mixed, saved


def test_a_dropped_film_is_seen_before_its_verdict(visit: Visit) -> None:
    page = visit.page
    page.emulate_media(reduced_motion="no-preference")
    visit.install_clock()
    visit.stop_clock()
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
    expect(page.locator("#drop-overlay")).to_be_visible()
    page.dispatch_event("body", "drop", {"dataTransfer": dropped})
    expect(page.locator("#drop-overlay")).to_be_hidden()
    expect(page.locator(".row .name")).to_have_text("dropped.png")
    expect(page.locator(".panel")).to_contain_text("Look at the film first")
    visit.shown()
    page.clock.run_for(100)  # frames, in which films are drawn and sentences announced
    assert "PNEUMONIA" not in page.locator(".workspace").inner_text()
    assert "PNEUMONIA" not in page.locator("#announcer").inner_text()
    expect(page.get_by_role("button", name="Heatmap", exact=True)).to_be_disabled()
    assert sum(page.locator(".panes canvas").nth(1).evaluate(SUMS)) > 0
    page.clock.resume()
    expect(page.locator(".panel h2")).to_have_text("PNEUMONIA")
    expect(page.locator("#announcer")).to_contain_text("dropped.png: PNEUMONIA")
    expect(page.locator(".row .state")).to_contain_text("PNEUMONIA · 0.997")
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
    visit.install_clock()
    page.keyboard.press("s")
    page.get_by_label("When I ask").check()
    page.keyboard.press("Escape")
    visit.add(SAMPLES / "normal-1.png")
    expect(page.locator(".row[data-state=ready]")).to_have_count(1)
    visit.shown()
    page.clock.fast_forward(2500)  # longer than the moment after which it would come by itself
    expect(page.locator(".panel")).to_contain_text("Look at the film first")
    page.keyboard.press("Space")
    expect(page.locator(".panel h2")).to_have_text("NORMAL")


def test_words_are_those_of_the_package(visit: Visit, page_server: Live) -> None:
    page = visit.read(SAMPLES / "pneumonia-2.png", mixed())
    records = page_server.client.get("/api/v1/predictions").json()["predictions"]
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
    assert "NORMAL below" in (meter.get_attribute("aria-valuetext") or "")


def test_a_refused_film_shows_reason_and_hint_and_no_figure(visit: Visit) -> None:
    page = visit.read(inverted())
    panel = page.locator(".panel")
    expect(panel.locator("h2")).to_have_text("REFUSED")
    sentence, hint = REASONS["inverted"]
    expect(panel).to_contain_text(sentence[1:])
    expect(panel).to_contain_text(hint)
    expect(panel.get_by_role("meter")).to_have_count(0)
    assert "0." not in page.locator(".row").inner_text()
    expect(page.get_by_role("button", name="Heatmap", exact=True)).to_be_disabled()
    force(page)
    expect(panel.locator("h2 small")).to_have_text("forced")
    expect(panel.get_by_role("meter")).to_have_count(1)


def test_a_file_that_is_no_film(visit: Visit) -> None:
    page = visit.read({"name": "notes.txt", "mimeType": "text/plain", "buffer": b"no film" * 30})
    panel = page.locator(".panel")
    expect(panel.locator("h2")).to_have_text("NOT READ")
    expect(panel).to_contain_text("Not an image format that pneumoscope reads")
    expect(panel).to_contain_text("Export the film as DICOM")
    expect(panel.get_by_role("button", name="Try again")).to_be_visible()


def test_everything_by_keyboard(visit: Visit) -> None:
    page = visit.page
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("o")
    chooser.value.set_files([SAMPLES / "normal-1.png", SAMPLES / "pneumonia-3.dcm"])
    expect(page.locator(".panel h2")).to_have_text("NORMAL")
    page.keyboard.press("j")
    expect(page.locator(".panel .film-name")).to_have_text("pneumonia-3.dcm")
    expect(page.locator(".row[data-state=positive]")).to_have_count(1)
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


def test_downloads_open(visit: Visit) -> None:
    page = visit.read(SAMPLES / "pneumonia-1.png", SAMPLES / "normal-1.png")
    of_film = ".panel .menu-holder > button:not(.icon-only)"
    overlay = np.asarray(Image.open(io.BytesIO(saved(page, of_film, "Overlay, PNG"))))
    assert overlay.shape == (512, 512, 3)
    assert saved(page, of_film, "Report, PDF").startswith(b"%PDF-")
    assert json.loads(saved(page, of_film, "Result, JSON"))["result"]["label"] == "PNEUMONIA"
    assert len(saved(page, of_film, "Result, CSV").splitlines()) == 2
    of_list = ".worklist .menu-holder > button"
    lines = saved(page, of_list, "Results, CSV").decode().splitlines()
    assert len(lines) == 3
    assert saved(page, of_list, "Report, PDF").startswith(b"%PDF-")
    assert len(json.loads(saved(page, of_list, "Results, JSON"))["results"]) == 2
    with zipfile.ZipFile(io.BytesIO(saved(page, of_list, "Overlays, PNG in a ZIP"))) as pack:
        assert [name[:3] for name in pack.namelist()] == ["001", "002", "REA"]


def test_a_dicom_film_has_objects_for_its_study_and_others_have_none(visit: Visit) -> None:
    pytest.importorskip("highdicom")
    of_film = ".panel .menu-holder > button:not(.icon-only)"
    page = visit.read(SAMPLES / "pneumonia-3.dcm", SAMPLES / "normal-1.png")
    assert saved(page, of_film, "Structured report, DICOM")[128:132] == b"DICM"
    assert json.loads(saved(page, of_film, "Result, FHIR"))["resourceType"] == "Bundle"
    page.locator(".row .open").nth(1).click()
    page.locator(of_film).click()
    expect(page.get_by_role("menuitem", name="Result, JSON")).to_be_visible()
    expect(page.get_by_role("menuitem", name="Result, FHIR")).to_have_count(0)


def test_about_shows_card_population_and_hash(visit: Visit, page_server: Live) -> None:
    visit.page.get_by_role("button", name="About this model").click()
    dialog = visit.page.get_by_role("dialog", name="About this model")
    model = page_server.client.get("/api/v1/model").json()
    expect(dialog).to_contain_text(model["bundle_sha256"])
    expect(dialog).to_contain_text(model["population"]["text"])
    # The cards of both bundles.
    expect(dialog.get_by_role("heading", name="Operating points")).to_have_count(2)
    expect(dialog).not_to_contain_text("**")


def test_signing_in(browser: Browser, page_server: Live) -> None:
    page = browser.new_page()
    page.set_default_timeout(60_000)
    sent: list[dict[str, str]] = []

    def session(route: Route) -> None:
        sent.append(json.loads(route.request.post_data or "{}"))
        wrong = {
            "title": "Unauthorized",
            "detail": "name or password is wrong",
            "hint": "Both count.",
        }
        right = sent[-1]["password"] == "right"
        route.fulfill(status=200 if right else 401, json={} if right else wrong)

    page.route("**/api/v1/me", lambda route: route.fulfill(status=401, json={"title": "No"}))
    page.route("**/api/v1/session", session)
    page.goto(f"{page_server.url}/login")
    expect(page.get_by_text(NOTICE)).to_be_visible()
    expect(page.get_by_label("Name")).to_be_focused()
    page.keyboard.type("ada")
    page.get_by_label("Password").fill("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Name or password is wrong. Both count.")
    expect(page.get_by_label("Password")).to_have_value("")
    page.unroute("**/api/v1/me")
    page.get_by_label("Password").fill("right")
    page.keyboard.press("Enter")
    page.wait_for_selector("body[data-ready]")
    assert sent == [{"name": "ada", "password": "wrong"}, {"name": "ada", "password": "right"}]
    page.close()
