"""The sign-in page in a real browser, over TLS with accounts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from grey_films import BRIGHT
from in_process import CHEAP, PASSWORD
from live import listening
from pneumoscope.bundle import Bundle
from pneumoscope.serve.admin.administration import Administration, open_administration
from pneumoscope.serve.app import create_app
from pneumoscope.serve.security import tls
from pneumoscope.serve.security.state import Security
from pneumoscope.serve.settings import ServeSettings

pytest.importorskip("playwright.sync_api", reason="needs playwright")
from playwright.sync_api import Browser, BrowserContext, Page, expect

from visit import violations


@dataclass
class SecureServer:
    """A server over TLS, and the administration of its folder."""

    url: str
    administration: Administration


@pytest.fixture(scope="module")
def secure_server(
    tiny_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SecureServer]:
    settings = ServeSettings(
        folder=tmp_path_factory.mktemp("secure"), bundle=(str(tiny_bundle.path),), threads=1,
        tls_self_signed=True,
    )  # fmt: skip
    administration = open_administration(settings)
    administration.accounts.hasher = CHEAP
    for name in ("anna", "vera"):
        administration.add_user(name, PASSWORD, "operator")
    app = create_app(settings)
    with listening(app, **tls.uvicorn_options(settings)) as (server, _):
        security: Security = app.state.security
        security.accounts.hasher = CHEAP
        yield SecureServer(f"https://127.0.0.1:{server.port}", administration)
    administration.store.close()


@pytest.fixture
def context(browser: Browser, secure_server: SecureServer) -> Iterator[BrowserContext]:
    made = browser.new_context(
        viewport={"width": 1280, "height": 720}, ignore_https_errors=True, base_url=secure_server.url,
        reduced_motion="reduce",
    )  # fmt: skip
    made.set_default_timeout(60_000)
    yield made
    made.close()


def sign_in(page: Page, name: str, password: str = PASSWORD) -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def enter(page: Page, name: str) -> None:
    """Opens the page, which leads to the sign-in page, and signs in."""
    page.goto("/")
    page.wait_for_url("**/login")
    sign_in(page, name)
    page.wait_for_selector("body[data-ready]")
    expect(page.locator(".account .user")).to_have_text(name)


def send(page: Page) -> None:
    name, data = BRIGHT
    page.set_input_files("#files", [{"name": name, "mimeType": "image/png", "buffer": data}])
    expect(page.locator(".row .state")).to_contain_text("PNEUMONIA")


def test_signing_in_and_out(context: BrowserContext, secure_server: SecureServer) -> None:
    page = context.new_page()
    page.goto("/")
    page.wait_for_url("**/login")
    expect(page).to_have_title("Sign in · pneumoscope")
    expect(page.get_by_label("Name")).to_be_focused()
    expect(page.locator("#notice")).to_contain_text("Research use, not a medical device")
    sign_in(page, "anna", "not her password at all")
    expect(page.get_by_role("alert")).to_contain_text("Name or password is wrong")
    expect(page.get_by_label("Password")).to_have_value("")
    expect(page.get_by_label("Password")).to_be_focused()
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector("body[data-ready]")
    assert page.url == f"{secure_server.url}/"
    expect(page.locator(".account .user")).to_have_text("anna")

    (cookie,) = context.cookies()
    assert cookie["name"] == "__Host-pneumoscope"
    assert cookie["secure"]
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Strict"
    assert page.evaluate("document.cookie") == ""

    send(page)
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/login")
    assert context.cookies() == []
    # The next user of this browser sees none of it, not even with the Back button.
    page.go_back()
    page.wait_for_url("**/login")
    assert "bright.png" not in page.content()
    sign_in(page, "vera")
    page.wait_for_selector("body[data-ready]")
    page.keyboard.press("2")
    expect(page.locator(".history .empty-state")).to_be_visible()
    assert "bright.png" not in page.content()
    context.add_cookies([cookie])  # a cookie kept from before opens nothing any more
    assert context.request.get("/api/v1/predictions").status == 401


def test_a_viewer_can_neither_send_nor_delete(
    context: BrowserContext, secure_server: SecureServer
) -> None:
    page = context.new_page()
    enter(page, "vera")
    send(page)
    secure_server.administration.set_role("vera", "viewer")
    try:
        page.goto("/#history")
        page.reload()
        page.wait_for_selector("body[data-role=viewer][data-ready]")
        expect(page.locator(".record")).to_have_count(1)
        expect(page.get_by_role("button", name="Delete", exact=False)).to_have_count(0)
        page.locator(".record input").first.check()
        expect(page.get_by_role("button", name="Delete", exact=False)).to_have_count(0)
        # Nor with requests that the page itself could send.
        for method, path in (("DELETE", "predictions"), ("POST", "predictions")):
            status = page.evaluate(
                "([method, path]) => fetch(`/api/v1/${path}`, {method}).then(a => a.status)",
                [method, path],
            )
            assert status == 403
        name, data = BRIGHT
        page.set_input_files("#files", [{"name": name, "mimeType": "image/png", "buffer": data}])
        expect(page.get_by_role("alert")).to_contain_text("can view results, but cannot read films")
        page.reload()
        expect(page.locator(".record")).to_have_count(1)
    finally:
        secure_server.administration.set_role("vera", "operator")


def test_after_a_session_was_ended_elsewhere_the_sign_in_page_opens(
    context: BrowserContext, secure_server: SecureServer
) -> None:
    page = context.new_page()
    enter(page, "anna")
    secure_server.administration.sessions.close_all(
        secure_server.administration.accounts.get("anna").id
    )
    page.keyboard.press("2")
    page.wait_for_url("**/login")


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_axe_finds_nothing_on_the_sign_in_page(context: BrowserContext, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe").Axe()
    page = context.new_page()
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.goto("/login")
    for wrong in (False, True):
        if wrong:
            sign_in(page, f"nobody-{scheme}")
            expect(page.get_by_role("alert")).to_contain_text("Name or password is wrong")
        else:
            expect(page.get_by_label("Name")).to_be_focused()
        assert violations(axe, page) == {}


def test_the_own_password_is_changed_in_the_page(
    context: BrowserContext, secure_server: SecureServer
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe").Axe()
    secure_server.administration.add_user("petra", PASSWORD, "viewer")
    secure_server.administration.sessions.open(secure_server.administration.accounts.get("petra"))
    page = context.new_page()
    enter(page, "petra")
    page.locator(".account .user").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator("li")).to_have_count(2)
    assert violations(axe, page) == {}
    dialog.get_by_role("button", name="End all other sessions").click()
    expect(dialog.get_by_label("Your password, to end sessions")).to_be_focused()
    dialog.get_by_label("Your password, to end sessions").fill("not the password")
    dialog.get_by_role("button", name="End all other sessions").click()
    expect(dialog.get_by_role("alert").last).to_contain_text("current password is wrong")
    dialog.get_by_label("Your password, to end sessions").fill(PASSWORD)
    dialog.get_by_role("button", name="End all other sessions").click()
    expect(dialog.locator("li")).to_have_count(1)
    new = "another walk by the river"
    dialog.get_by_label("Current password").fill(PASSWORD)
    dialog.get_by_label("New password", exact=True).fill("passwordpassword")
    dialog.get_by_label("New password again").fill("passwordpassword")
    dialog.get_by_role("button", name="Change password").click()
    expect(dialog.get_by_role("alert").first).to_contain_text("too easy to guess")
    dialog.get_by_label("New password", exact=True).fill(new)
    dialog.get_by_label("New password again").fill(new)
    dialog.get_by_role("button", name="Change password").click()
    expect(dialog.get_by_label("Current password")).to_have_value("")  # emptied once it is changed
    expect(dialog.locator("li")).to_have_count(1)
    page.reload()
    page.wait_for_selector("body[data-ready]")
    assert secure_server.administration.accounts.check("petra", new) is not None


def test_the_sign_in_page_in_german(browser: Browser, secure_server: SecureServer) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe").Axe()
    context = browser.new_context(
        locale="de-DE", ignore_https_errors=True, base_url=secure_server.url
    )
    page = context.new_page()
    page.goto("/login")
    page.get_by_label("Name").fill("anna")
    page.get_by_label("Passwort").fill("vier stille Reiher warten")
    page.get_by_role("button", name="Anmelden").click()
    expect(page.locator(".error-text")).to_have_text(
        "Name oder Passwort ist falsch. Prüfen Sie beides. "
        "Die Administration kann ein neues Passwort setzen."
    )
    expect(page.locator("#notice")).to_have_text("Nur für Forschungszwecke, kein Medizinprodukt.")
    assert page.title() == "Anmelden · pneumoscope"
    assert violations(axe, page) == {}
    page.get_by_label("Passwort").fill(PASSWORD)
    page.get_by_role("button", name="Anmelden").click()
    page.wait_for_selector("body[data-ready]")
    page.get_by_role("button", name="anna").click()
    dialog = page.get_by_role("dialog", name="Ihr Konto")
    dialog.locator(".sessions li").first.wait_for()
    expect(dialog).to_contain_text("Diese, seit")
    context.close()
