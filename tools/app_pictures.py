"""Takes the pictures of the sheet and of both apps for the documents, with the synthetic samples.

    python tools/app_pictures.py docs/images

Needs the extra [apps], playwright and Chromium (``CHROMIUM``, or ``chromium`` in the PATH).
`page_pictures.py` takes those of the page.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright
from playwright.sync_api import Error as PlaywrightError

from page_pictures import SAMPLES, save

PNEUMOSCOPE = (sys.executable, "-m", "pneumoscope")


@contextmanager
def serving(command: str) -> Iterator[str]:
    """The address of an app that runs as a process of its own."""
    running = subprocess.Popen(
        [*PNEUMOSCOPE, command, "--port", "0"], stderr=subprocess.PIPE, text=True
    )
    try:
        assert running.stderr is not None
        greeting = running.stderr.readline()
        address = re.search(r"http://\S+/", greeting)
        if not address:
            raise SystemExit(greeting + running.stderr.read())
        yield address[0]
    finally:
        running.send_signal(signal.SIGINT)
        running.wait(60)


def opened(browser: Browser, width: int, height: int, scale: float) -> Page:
    page = browser.new_page(viewport={"width": width, "height": height}, device_scale_factor=scale)
    page.emulate_media(reduced_motion="reduce", color_scheme="dark")
    return page


def sheet(browser: Browser, out: Path) -> None:
    """Two samples and one that stands on its head, on the sheet of `predict`."""
    with tempfile.TemporaryDirectory() as folder:
        films = Path(folder)
        for name in ("normal-1.png", "pneumonia-2.png"):
            shutil.copy(SAMPLES / name, films)
        turned = Image.open(SAMPLES / "normal-1.png").transpose(Image.Transpose.ROTATE_180)
        turned.save(films / "upside-down.png")
        names = sorted(film.name for film in films.iterdir())
        command = [*PNEUMOSCOPE, "predict", *names, "--sheet", "sheet.html"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=films)
        page = opened(browser, 1200, 1560, 1)
        page.goto((films / "sheet.html").as_uri())
        page.wait_for_function("[...document.images].every(image => image.complete)")
        save(page, out / "sheet.jpg", 1200)
        page.close()


def gradio(browser: Browser, out: Path) -> None:
    with serving("gradio") as url:
        page = opened(browser, 1280, 720, 1)
        page.goto(url)
        page.get_by_text("pneumonia-2.png").click()
        expect(page.locator(".pneumoscope-card")).to_contain_text("PNEUMONIA")
        expect(page.locator(".picture img")).to_have_count(2)
        settled(page)
        save(page, out / "gradio.jpg", 1280)
        page.close()


def streamlit(browser: Browser, out: Path) -> None:
    with serving("streamlit") as url:
        page = opened(browser, 1280, 720, 1)
        for _ in range(60):  # it says where it listens shortly before it does
            try:
                page.goto(url)
                break
            except PlaywrightError:
                page.wait_for_timeout(500)
        page.get_by_text("normal-2.png").click()
        expect(page.locator(".pneumoscope-card")).to_contain_text("NORMAL")
        expect(page.locator("img")).to_have_count(2)
        settled(page)
        save(page, out / "streamlit.jpg", 1280)
        page.close()


def settled(page: Page) -> None:
    """Waits until the pictures are drawn; the apps keep a connection open, so never idle."""
    page.wait_for_function("[...document.images].every(image => image.complete)")
    page.mouse.move(5, 700)
    page.wait_for_timeout(1500)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    out = parser.parse_args().out
    expect.set_options(timeout=120_000)
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for picture in (sheet, gradio, streamlit):
            picture(browser, out)
        browser.close()


if __name__ == "__main__":
    main()
