"""Takes the pictures of the page for the documents: the synthetic samples on a running server.

    pneumoscope serve --folder FRESH &
    python tools/page_pictures.py http://127.0.0.1:8000 docs/images

Needs playwright and Chromium (``CHROMIUM``, or ``chromium`` in the PATH).
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

SAMPLES = Path(__file__).parents[1] / "samples"
FILMS = ("pneumonia-1.png", "normal-1.png", "pneumonia-2.png", "normal-2.png")
expect.set_options(timeout=60_000)
# Whether every film in sight is drawn: some pixel of its canvas is not black.
DRAWN = """() => [...document.querySelectorAll("canvas")]
  .filter(canvas => {
    const box = canvas.getBoundingClientRect();
    return canvas.checkVisibility() && box.width && box.height && box.top < innerHeight;
  })
  .every(canvas => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height)
    .data.some((value, index) => index % 4 < 3 && value > 0))"""


def opened(browser: Browser, url: str, width: int, height: int) -> Page:
    """The page after it has read the samples, a mixture of two of them and an inverted one."""
    page = browser.new_page(viewport={"width": width, "height": height}, device_scale_factor=2)
    page.goto(url)
    page.wait_for_selector("body[data-ready]")
    first = Image.open(SAMPLES / FILMS[1])
    made = {
        "mixed.png": Image.blend(first, Image.open(SAMPLES / FILMS[0]), 0.25),
        "inverted.png": first.point(lambda grey: 255 - grey),
    }
    files = [(SAMPLES / name).read_bytes() for name in FILMS]
    for picture in made.values():
        stream = io.BytesIO()
        picture.save(stream, "PNG")
        files.append(stream.getvalue())
    names = (*FILMS, *made)
    page.set_input_files(
        "#files",
        [
            {"name": name, "mimeType": "image/png", "buffer": content}
            for name, content in zip(names, files, strict=True)
        ],
    )
    expect(page.locator(".row[data-busy=true]")).to_have_count(0)
    ready = page.locator(".row[data-state=ready] .open")
    for left in range(ready.count(), 0, -1):  # a verdict follows only when its film was opened
        ready.first.click()
        page.evaluate("document.querySelector('.panel [data-reveal]')?.click()")
        expect(ready).to_have_count(left - 1)
    page.locator(".row .open").first.click()
    steady(page)
    return page


def steady(page: Page) -> None:
    """Waits until the pictures are loaded and nothing moves."""
    page.wait_for_load_state("networkidle")
    page.wait_for_function(DRAWN, timeout=60_000)
    page.evaluate("() => Promise.all(document.getAnimations().map(motion => motion.finished))")


def save(page: Page, path: Path, width: int) -> None:
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    picture.thumbnail((width, 4 * width), Image.Resampling.LANCZOS)
    picture.save(path, quality=86, optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = opened(browser, given.url, 1280, 720)
        save(page, given.out / "reading-room.jpg", 1600)
        page.keyboard.press("2")
        for name in FILMS[:2]:
            page.get_by_label(f"Choose {name}").check()
        page.get_by_role("button", name="Compare", exact=True).click()
        expect(page.locator(".summary h2")).to_have_count(2)
        steady(page)
        save(page, given.out / "reading-room-compare.jpg", 1600)
        save(opened(browser, given.url, 390, 844), given.out / "reading-room-phone.jpg", 585)
        browser.close()


if __name__ == "__main__":
    main()
