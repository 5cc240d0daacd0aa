"""The dialog with the status of the DICOM node."""

from __future__ import annotations

import json
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="needs playwright")
from playwright.sync_api import Page, Route, expect

from live import Live
from visit import Visit, violations

STATUS: dict[str, Any] = {
    "receiver_up": True, "received": 1234, "refused": 2, "films_per_minute": 1.25,
    "database_answers": True, "spool_films": 1, "oldest_waiting_s": 75.0,
    "films": {"done": 1200, "queued": 2, "failed": 1}, "verdicts": {"PNEUMONIA": 7, "REFUSED": 1},
    "worklist": {"positive": 7, "not read": 2},
    "destinations": {
        "archive": {
            "configured": True, "waiting": 3, "delivered": 5, "given_up": 1, "oldest_result_s": 3700.0,
        },
        "<b>old</b>": {
            "configured": False, "waiting": 4, "delivered": 0, "given_up": 0, "oldest_result_s": None,
        },
    },
    "sources": {"ward": {"failed_polls": 0, "tried_again": 2, "set_aside": 1}},
    "disk_bytes": 3 * 2**29,
    "problems": [
        {"code": "given_up", "name": "archive", "count": 1, "text": "archive: results given up: 1."},
        {"code": "of tomorrow", "name": None, "count": None, "text": "The node is too warm."},
    ],
}  # fmt: skip


def served(page: Page, answers: list[dict[str, Any]]) -> None:
    """Gives these answers of a node; the last one again and again."""

    def settings(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json=answer.json() | {"node": True})

    def node(route: Route) -> None:
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        problem = "title" in answer
        route.fulfill(
            status=502 if problem else 200,
            content_type="application/problem+json" if problem else "application/json",
            body=json.dumps(answer),
        )

    page.route("**/api/v1/settings", settings)
    page.route("**/api/v1/node", node)
    page.reload()
    page.wait_for_selector("body[data-ready]")


def test_the_dialog_shows_what_waits_and_what_is_wrong(visit: Visit) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe").Axe()
    page = visit.page
    expect(page.get_by_role("button", name="DICOM node")).to_have_count(0)  # there is no node
    calm = STATUS | {"problems": [], "worklist": {}, "sources": {}}
    served(page, [STATUS, calm])
    page.get_by_role("button", name="DICOM node").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator(".problems li")).to_have_text(
        ["archive: one result was given up; see `pneumoscope queue list`.", "The node is too warm."]
    )
    expect(dialog).to_contain_text(
        "To be looked at, the most urgent first: 7 positive, 0 undetermined, 2 not read, 0 routine."
    )
    rows = {cells[0]: cells[1:] for cells in dialog.locator("tbody tr").evaluate_all(CELLS)}
    assert rows["Received since the start"] == ["1,234"]
    assert rows["Oldest film that waits"] == ["1 min 15 s"]
    assert rows["Films a minute, last ten minutes"] == ["1.2"]
    assert rows["Size on the disk"] == ["1.50 GiB"]
    assert rows["PNEUMONIA"] == ["7"]
    assert rows["archive"] == ["3", "1 h 1 min", "5", "1"]
    assert rows["<b>old</b> (not configured)"] == ["4", "none", "0", "0"]
    assert rows["ward"] == ["2", "1"]
    assert violations(axe, page, both_themes=True) == {}
    dialog.get_by_role("button", name="Update").click()
    expect(dialog).to_contain_text("No problem is known.")
    expect(dialog).not_to_contain_text("most urgent")


CELLS = "rows => rows.map(row => [...row.children].map(cell => cell.textContent))"


def test_on_a_phone_in_german_without_an_answer(browser: Any, page_server: Live) -> None:
    visit = Visit(browser, page_server.url, viewport={"width": 390, "height": 844}, locale="de-DE")
    refused = {"title": "der DICOM-Knoten antwortet nicht", "hint": "Läuft er?", "status": 502}
    served(visit.page, [STATUS, refused])
    visit.page.get_by_role("button", name="DICOM-Knoten").click()
    dialog = visit.page.get_by_role("dialog")
    expect(dialog).to_contain_text("archive: Ein Ergebnis wurde aufgegeben")
    wide = "() => document.documentElement.scrollWidth - innerWidth"
    assert visit.page.evaluate(wide) <= 0
    tables = dialog.locator(".scroll")
    beyond = "tables => tables.map(table => table.scrollWidth - table.clientWidth)"
    assert tables.evaluate_all(beyond) == [0] * 4
    dialog.get_by_role("button", name="Aktualisieren").click()
    expect(dialog).to_contain_text("der DICOM-Knoten antwortet nicht")
    expect(dialog).to_contain_text("Läuft er?")
    visit.close()
