"""The Gradio app through its own client, and in a real browser."""

from __future__ import annotations

import asyncio
import gc
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

if find_spec("gradio") is None:
    pytest.skip("needs the [apps] extra", allow_module_level=True)

# Gradio counts its requests with an option that pandas gives up.
pytestmark = [
    pytest.mark.server,
    pytest.mark.filterwarnings("ignore:'future.no_silent_downcasting' is deprecated"),
]
SAMPLES = Path(__file__).parents[2] / "samples"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("gradio")))
        with loops_left_open():
            from pneumoscope.apps import gradio_app

            app = gradio_app.launch(
                server_name="127.0.0.1", server_port=_free_port(), prevent_thread_lock=True,
                quiet=True,
            )  # fmt: skip
        yield app.local_url
        with loops_left_open():
            app.close(verbose=False)
            del app


@contextmanager
def loops_left_open() -> Iterator[None]:
    """Gradio leaves event loops and their sockets open: collected here, no other test stumbles over them."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "unclosed", ResourceWarning)
        yield
        asyncio.set_event_loop(None)  # or the next that sets one would drop Gradio's
        gc.collect()


def _free_port() -> int:
    from pneumoscope.cli.serve.listening import listen

    with listen("127.0.0.1", 0) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture
def client(url: str, tmp_path: Path) -> Iterator[Any]:
    from gradio_client import Client

    with_client = Client(url, verbose=False, download_files=tmp_path, analytics_enabled=False)
    yield with_client
    with_client.close()


def read(client: Any, film: Path, opacity: int = 55) -> tuple[Any, Any, str, str, Any]:
    from gradio_client import handle_file

    shown, hot, caption, card, slider = client.predict(
        handle_file(str(film)), opacity, api_name="/read"
    )
    return shown, hot, caption, re.sub(r"<style>.*</style>", "", card, flags=re.DOTALL), slider


def test_a_film_through_the_client(client: Any) -> None:
    shown, hot, caption, card, slider = read(client, SAMPLES / "pneumonia-3.dcm")
    assert "PNEUMONIA" in card
    assert "Kind: undetermined (bacterial or viral)." in card
    assert "in children a film alone cannot tell them apart" in card
    assert caption.startswith("Heatmap for: PNEUMONIA.")
    assert (slider["interactive"], slider["info"]) == (True, "")
    film, overlay = np.asarray(Image.open(shown)), np.asarray(Image.open(hot))
    assert film.shape == overlay.shape[:2]
    assert (overlay[..., 0].astype(int) - overlay[..., 2]).max() > 60
    # The film that was read last is remembered: only its overlay is drawn again.
    clear = np.asarray(Image.open(client.predict(0, api_name="/fade")))
    np.testing.assert_array_equal(clear[..., 0], film)
    assert "NORMAL" in read(client, SAMPLES / "normal-1.png")[3]


def test_a_refused_film_and_a_broken_one(client: Any, tmp_path: Path) -> None:
    film = np.asarray(Image.open(SAMPLES / "normal-1.png"))
    Image.fromarray(255 - film).save(tmp_path / "inverted.tif")
    shown, hot, caption, card, slider = read(client, tmp_path / "inverted.tif")
    assert (hot, caption) == (None, "No heatmap: the film was refused.")
    assert "REFUSED" in card
    assert "Invert the film: air must be dark." in card
    assert "P(" not in card
    assert slider["interactive"] is False
    assert slider["info"] == "It cannot be changed. No heatmap: the film was refused."
    assert Path(shown).is_file()
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 not a film")
    shown, hot, caption, card, slider = read(client, tmp_path / "broken.jpg")
    assert (shown, hot) == (None, None)
    assert "NOT READ" in card
    assert "broken.jpg: cannot be decoded" in card
    assert "transfer the file again" in card
    assert str(tmp_path) not in card


def test_nothing_is_told_to_others(url: str) -> None:
    from gradio.analytics import analytics_enabled

    assert analytics_enabled() is False
    assert url.startswith("http://127.0.0.1:")


def test_in_a_browser(browser: Any, url: str) -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    page.set_default_timeout(60_000)
    playwright.expect.set_options(timeout=60_000)
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    page.goto(url)
    card, hot = page.locator(".pneumoscope-card"), page.locator(".picture img").nth(1)
    playwright.expect(card).to_contain_text("Choose a film")
    playwright.expect(page.get_by_text("Research use, not a medical device.")).to_be_visible()
    page.get_by_text("normal-2.png").click()
    playwright.expect(card.locator(".verdict.negative")).to_have_text("NORMAL")
    playwright.expect(hot).to_have_attribute("src", re.compile("."))
    first = hot.get_attribute("src")
    page.get_by_label("range slider for Opacity of the heatmap, %").fill("100")
    playwright.expect(hot).not_to_have_attribute("src", first)
    page.get_by_label("Clear").first.click()
    playwright.expect(card).to_contain_text("Choose a film")
    page.set_input_files("input[type=file]", SAMPLES / "pneumonia-1.png")
    playwright.expect(card.locator(".verdict.positive")).to_have_text("PNEUMONIA")
    colour = card.locator(".verdict").evaluate("it => getComputedStyle(it).color")
    assert colour == "rgb(255, 107, 107)"
    page.set_viewport_size({"width": 390, "height": 844})
    wide = page.evaluate("document.documentElement.scrollWidth")
    page.close()
    assert wide <= 390
    assert {
        address for address in requested if not address.startswith((url, "data:", "blob:"))
    } == set()
