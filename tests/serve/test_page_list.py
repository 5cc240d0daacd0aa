"""The list of films narrowed and ordered, labels, priors, folders, and the progress of the whole."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from live import Live

pytest.importorskip("playwright.sync_api", reason="needs playwright")
from playwright.sync_api import Browser, Page, Route, expect

from visit import ASK, UPLOAD, Visit, png, violations

GREYS = {"dark-2.png": 20, "bright-10.png": 230, "dark-1.png": 5, "bright-9.png": 190}
"""Names of films and their grey, in the order in which they are added; the first and third are NORMAL."""


def grey(name: str) -> dict[str, Any]:
    return png(name, np.full((224, 224), GREYS[name], np.uint8))


@pytest.fixture(scope="module")
def sitting(browser: Browser, quick_server: Live) -> Iterator[Visit]:
    """Four films; the two bright ones are of one patient."""
    quick_server.client.delete("/api/v1/predictions")
    visit = Visit(browser, quick_server.url, ASK)
    page = visit.page

    def add(name: str) -> None:
        visit.add(grey(name))
        # One after the other: which film is newer depends on when the server got them.
        expect(page.locator(".row[data-busy=true]")).to_have_count(0)

    add("dark-2.png")
    page.locator(".patient summary").click()
    page.locator("#patient").fill("4711")
    add("bright-10.png")
    page.locator("#patient").fill("")
    add("dark-1.png")
    page.locator("#patient").fill(" 4711 ")
    add("bright-9.png")
    page.locator("#patient").fill("")
    yield visit
    visit.close()
    assert not visit.complaints


@pytest.fixture
def page(sitting: Visit) -> Iterator[Page]:
    """The Read tab with open filters, which show all films again after the test."""
    page = sitting.page
    # A test may have ended with a click on a tab, which the page follows in its own time. Until then all of
    # the Read tab is hidden, so this asks what the button says, which changes only when the filters do.
    expect(page.locator(".reading")).to_be_visible()
    toggle = page.locator(".list-tools").get_by_role("button", name="Filters", exact=True)
    if toggle.get_attribute("aria-expanded") == "false":
        page.locator("#main").focus()
        page.keyboard.press("f")
    expect(page.locator(".list-filters")).to_be_visible()
    yield page
    page.evaluate("document.querySelector('.list-filters .subtle').click()")


def names(page: Page) -> list[str]:
    return page.locator(".row .name").all_inner_texts()


def choose(page: Page, name: str, value: str) -> None:
    page.locator(".list-filters").get_by_label(name, exact=True).select_option(value)


def options(page: Page) -> list[str]:
    return page.locator(".list-filters").get_by_label("Result", exact=True).locator("option").all_inner_texts()  # fmt: skip


def test_verdicts_that_are_not_shown_yet_are_neither_counted_nor_sorted(
    sitting: Visit, page: Page
) -> None:
    assert options(page) == [
        "all (4)", "NORMAL (0)", "PNEUMONIA (0)", "UNDETERMINED (0)", "REFUSED (0)", "not shown yet (4)",
    ]  # fmt: skip
    choose(page, "Order", "highest")
    assert names(page) == list(GREYS)
    choose(page, "Result", "PNEUMONIA")
    expect(page.locator(".row")).to_have_count(1)  # the selected film, which stays
    page.get_by_role("button", name="Show all films").click()
    sitting.reveal()
    page.locator(".row .open", has_text="dark-1").click()
    priors = page.locator(".panel").get_by_role("button", name="Compare with the prior film")
    expect(priors).to_have_count(0)  # no key was sent
    page.locator(".row .open", has_text="bright-9").click()
    expect(priors).to_have_count(1)
    assert options(page) == [
        "all (4)", "NORMAL (2)", "PNEUMONIA (2)", "UNDETERMINED (0)", "REFUSED (0)",
    ]  # fmt: skip


def test_the_list_is_ordered_and_narrowed(sitting: Visit, page: Page) -> None:
    sitting.reveal()
    for order, expected in {
        "highest": ["bright-10.png", "bright-9.png", "dark-2.png", "dark-1.png"],
        "lowest": ["dark-1.png", "dark-2.png", "bright-9.png", "bright-10.png"],
        "name": ["bright-9.png", "bright-10.png", "dark-1.png", "dark-2.png"],
        "newest": ["bright-9.png", "dark-1.png", "bright-10.png", "dark-2.png"],
        "oldest": list(GREYS),
        "patient": ["bright-10.png", "bright-9.png", "dark-2.png", "dark-1.png"],
        "added": list(GREYS),
    }.items():
        choose(page, "Order", order)
        assert names(page) == expected, order
    choose(page, "Order", "highest")
    page.locator(".row .open").first.click()
    choose(page, "Result", "PNEUMONIA")
    expect(page.locator(".count").first).to_have_text("2 of 4 films")
    assert names(page) == ["bright-10.png", "bright-9.png"]
    page.locator(".row .open").first.focus()
    page.keyboard.press("End")  # keys step through what is shown
    expect(page.locator(".panel .film-name")).to_have_text("bright-9.png")
    choose(page, "Result", "")
    page.get_by_label("With a film of the same patient").check()
    assert names(page) == ["bright-10.png", "bright-9.png"]
    page.get_by_role("button", name="Show all films").click()
    page.get_by_role("searchbox", name="Find a film").fill("DARK-1")
    assert names(page) == ["dark-1.png", "bright-9.png"]  # with the selected film
    page.get_by_role("searchbox").fill("nothing")
    page.locator(".list-filters").get_by_label("From", exact=True).fill("2999-01-01")
    assert names(page) == ["bright-9.png"]


def test_the_address_has_the_view_and_no_name(sitting: Visit, page: Page) -> None:
    sitting.reveal()
    choose(page, "Result", "NORMAL")
    choose(page, "Order", "lowest")
    page.get_by_role("searchbox", name="Find a film").fill("dark-1")
    expect(page).to_have_url(f"{sitting.url}/#read?verdict=NORMAL&order=lowest")
    page.keyboard.press("Escape")
    page.get_by_role("link", name="History").click()
    expect(page.locator(".history .count")).to_have_text("4 films")
    expect(page).to_have_url(f"{sitting.url}/#history")
    page.locator(".history").get_by_label("Sort by").select_option("lowest")
    page.locator(".history").get_by_role("button", name="PNEUMONIA", exact=True).click()
    expect(page).to_have_url(f"{sitting.url}/#history?verdict=PNEUMONIA&order=lowest")
    page.get_by_role("link", name="Read", exact=True).click()
    expect(page).to_have_url(f"{sitting.url}/#read?verdict=NORMAL&order=lowest")
    page.goto(
        f"{sitting.url}/#history?verdict=NORMAL&since=2020-01-01&mark=%3Cb%3E&order=constructor"
    )
    expect(page.locator(".history .count")).to_have_text("2 films")
    expect(page).to_have_url(f"{sitting.url}/#history?verdict=NORMAL&since=2020-01-01")
    page.reload()
    page.wait_for_selector("body[data-ready]")
    narrowed = page.get_by_role("group", name="Verdict").locator("[aria-pressed=true]")
    expect(narrowed).to_have_text("NORMAL")
    assert narrowed.get_attribute("data-count") is None  # not counted: the others are not loaded
    page.goto(f"{sitting.url}/#history?verdict=FOO")
    expect(page.get_by_text("No film matches.")).to_be_visible()
    expect(narrowed).to_have_text("FOO")
    page.goto(f"{sitting.url}/#read?verdict=FOO")
    expect(page.get_by_text("The filters leave out all films.")).to_be_hidden()  # one is selected
    expect(page.locator(".row .name")).to_have_count(1)
    page.reload()
    page.wait_for_selector("body[data-ready]")
    assert options(page)[-1] == "FOO (0)"
    page.goto(f"{sitting.url}/#read?verdict=PNEUMONIA&name=4711")
    page.reload()
    page.wait_for_selector("body[data-ready]")
    expect(page.locator(".row .name")).to_have_count(2)
    expect(page).to_have_url(f"{sitting.url}/#read?verdict=PNEUMONIA")


def label(page: Page, name: str) -> None:
    page.locator(".panel").get_by_role("button", name="Labels of this film").click()
    page.get_by_role("menuitemcheckbox", name=name).click()


def test_labels_stay_with_a_film(sitting: Visit, page: Page) -> None:
    sitting.reveal()
    page.locator(".row .open", has_text="dark-1").click()
    label(page, "teaching")
    label(page, "to discuss")
    badges = page.locator(".row.selected .badge.label")
    expect(badges).to_have_text(["teaching", "to discuss"])
    page.reload()
    page.wait_for_selector("body[data-ready]")
    expect(badges).to_have_text(["teaching", "to discuss"])
    page.keyboard.press("f")  # a page opens with closed filters
    choose(page, "Order", "patient")
    assert names(page) == ["bright-10.png", "bright-9.png", "dark-2.png", "dark-1.png"]
    choose(page, "Order", "added")
    choose(page, "Labels", "teaching")
    assert names(page) == ["dark-1.png"]
    label(page, "teaching")
    expect(badges).to_have_text(["to discuss"])
    expect(page).to_have_url(f"{sitting.url}/#read?label=teaching")


def test_priors_are_side_by_side(sitting: Visit, page: Page) -> None:
    sitting.reveal()
    button = page.locator(".panel").get_by_role("button", name="Compare with the prior film")
    # After a reload it is not known whether a key was sent: the server says that there is none.
    for name in ("dark-1", "bright-10"):
        page.locator(".row .open", has_text=name).click()
        button.click()
        expect(page.get_by_text("There is no earlier film of this patient")).to_be_visible()
        page.evaluate("document.querySelector('#toast button')?.click()")  # unless its time is over
    page.locator(".row .open", has_text="bright-10").click()
    button.click()
    expect(page.get_by_text("There is no earlier film of this patient")).to_be_visible()
    page.locator(".row .open", has_text="bright-9").click()
    button.click()
    expect(page.locator(".compare-side select option:checked")).to_have_text(
        ["bright-10.png · PNEUMONIA", "bright-9.png · PNEUMONIA"]
    )
    page.get_by_role("link", name="Read", exact=True).click()


def test_axe_finds_nothing_in_the_filters(sitting: Visit, page: Page) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe").Axe()
    choose(page, "Order", "name")
    assert violations(axe, page, both_themes=True) == {}


def test_the_film_stays_where_it_is_when_its_verdict_arrives(sitting: Visit, page: Page) -> None:
    sitting.add(png("wide.png", np.full((200, 500), 210, np.uint8)), png("high.png", np.full((300, 200), 210, np.uint8)))  # fmt: skip
    for name in ("wide.png", "high.png"):
        row = page.locator(".row", has=page.get_by_text(name, exact=True))
        row.locator(".open").click()
        sitting.shown()
        before = placed(page)
        page.locator(".panel [data-reveal]").click()
        expect(page.locator(".panel h2")).to_have_text("PNEUMONIA")
        expect(page.locator(".reading .legend:visible")).to_have_count(1)  # the heatmap is there
        assert placed(page) == before
        page.keyboard.press("Delete")
    page.locator(".row .open").first.click()


def placed(page: Page) -> list[Any]:
    """Where both films are on the screen."""
    boxes: list[Any] = page.locator(".panes .pane").evaluate_all(
        "panes => panes.map(pane => JSON.stringify(pane.getBoundingClientRect()))"
    )
    return boxes


def test_a_folder_and_a_zip_have_one_progress_and_can_be_cancelled(
    sitting: Visit, page: Page, tmp_path: Path
) -> None:
    page.keyboard.press("Escape")
    (tmp_path / "films" / ".hidden").mkdir(parents=True)
    for name in ("a.png", "b.png", ".hidden/c.png"):
        (tmp_path / "films" / name).write_bytes(grey("dark-1.png")["buffer"])
    (tmp_path / "films" / "notes.txt").write_text("no film")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "readme.txt").write_text("no film")
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for place in range(5):
            archive.writestr(f"{place}.png", grey("dark-2.png")["buffer"])
    held: list[Route] = []
    page.route(UPLOAD, lambda route: held.append(route) if route.request.method == "POST" else route.continue_())  # fmt: skip
    page.set_input_files("#folder", tmp_path / "notes")
    expect(page.get_by_text("There is no film in this folder")).to_be_visible()
    page.set_input_files("#folder", tmp_path / "films")
    sitting.add({"name": "films.zip", "mimeType": "application/zip", "buffer": stream.getvalue()})
    whole = page.get_by_role("progressbar", name="Progress of all films")
    expect(whole).to_be_visible()
    expect(page.locator(".count").first).to_have_text("4 of 7 read")  # no hidden file, no text
    assert 4 / 7 <= float(whole.evaluate("bar => bar.value")) < 1
    page.wait_for_function("() => document.querySelectorAll('.row[data-busy=true]').length === 3")
    page.get_by_role("button", name="Cancel all").click()
    expect(whole).to_be_hidden()
    expect(page.locator(".row[data-state=cancelled]")).to_have_count(3)
    page.unroute(UPLOAD)
    dropped(page, stream.getvalue())  # the archive again, now to the end
    expect(page.locator(".row[data-state=archive]")).to_have_count(1)
    expect(page.locator(".row[data-busy=true]")).to_have_count(0)
    expect(page.locator(".row .name", has_text="4.png")).to_have_count(1)
    expect(page.locator(".count").first).to_have_text("12 films")


def dropped(page: Page, content: bytes) -> None:
    """Drops a ZIP archive on the page."""
    data = page.evaluate_handle(
        """bytes => {
          const transfer = new DataTransfer();
          transfer.items.add(new File([new Uint8Array(bytes)], 'again.zip', {type: 'application/zip'}));
          return transfer;
        }""",
        list(content),
    )
    page.dispatch_event("body", "drop", {"dataTransfer": data})


def test_after_a_film_is_removed_one_that_is_shown_is_selected(page: Page) -> None:
    choose(page, "Order", "name")
    choose(page, "Result", "PNEUMONIA")
    page.locator(".row .open", has_text="bright-10").click()
    expect(page.locator(".row .name")).to_have_text(["bright-9.png", "bright-10.png"])
    page.locator(".row.selected").get_by_role("button", name="Remove").click()
    expect(page.locator(".panel .film-name")).to_have_text("bright-9.png")
    assert names(page) == ["bright-9.png"]


def test_a_film_after_a_reload_joins_the_earlier_ones_of_its_patient(
    sitting: Visit, page: Page
) -> None:
    page.reload()
    page.wait_for_selector("body[data-ready]")
    page.keyboard.press("f")
    page.locator(".patient summary").click()
    page.locator("#patient").fill("4711")
    again = grey("bright-10.png")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as films:
        films.writestr("inside.png", again["buffer"])
    sitting.add({"name": "one.zip", "mimeType": "application/zip", "buffer": archive.getvalue()})
    expect(page.locator(".row .name", has_text="inside.png")).to_have_count(1)
    page.get_by_label("With a film of the same patient").check()
    expect(page.locator(".row .name", has_text="inside.png")).to_have_count(1)
    page.locator(".row .open", has_text="inside.png").click()
    assert sorted(names(page)) == ["bright-9.png", "inside.png"]
