"""A visit of the page in a real browser, for tests."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from PIL import Image
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    ViewportSize,
    expect,
)

expect.set_options(timeout=60_000)  # others may need the processor too
SAMPLES = Path(__file__).parents[2] / "samples"
NOTICE = "Research use, not a medical device."
UPLOAD = "**/api/v1/predictions"
SUMS = """canvas => {
  const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  let red = 0, blue = 0;
  for (let i = 0; i < data.length; i += 4) { red += data[i]; blue += data[i + 2]; }
  return [red, blue];
}"""
"""Sums of the red and of the blue values of a canvas."""
MIDDLE = """canvas => [...canvas.getContext('2d')
  .getImageData(canvas.width / 2 | 0, canvas.height / 2 | 0, 1, 1).data]"""
_TWO_FRAMES = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
_STEADY = """canvas => new Promise(done => {
  const value = () => JSON.stringify((%s)(canvas));
  let last = value(), frames = 0;
  const look = () => {
    const now = value();
    frames = now === last ? frames + 1 : 0;
    last = now;
    if (frames === 20) done(JSON.parse(now)); else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})"""
_FORGET = """if (!sessionStorage.visited) {
  localStorage.clear();
  sessionStorage.visited = "yes";
}"""
"""Before the first script of a page: what an earlier page of the context has stored is deleted."""
ASK = """localStorage["pneumoscope.preferences"] ??= '{"reveal": "ask"}'"""
"""A script of `Visit`: however long a test takes, no verdict is shown until it asks for it."""
_REVEAL = """() => {
  for (const open of document.querySelectorAll(".row[data-state=ready] .open")) {
    open.click();
    document.querySelector(".panel [data-reveal]")?.click();
  }
}"""
"""At once: between two steps of a test, a verdict may come by itself."""
_IDLE: WeakKeyDictionary[Browser, dict[str, list[BrowserContext]]] = WeakKeyDictionary()
"""Contexts without a page, by their options. They still have the files of the page."""


class Visit:
    """A page, the addresses that it asked for and the errors on its console.

    Args:
        browser: Chromium.
        url: Address of the page, without the last slash.
        script: JavaScript to run before the page's own.
        viewport: In pixels.
        options: Of the browser context. Nothing moves, unless they say so.
    """

    def __init__(
        self,
        browser: Browser,
        url: str,
        script: str = "",
        *,
        viewport: ViewportSize | None = None,
        **options: Any,
    ) -> None:
        self.url = url
        options = {"reduced_motion": "reduce"} | options
        self._idle = _IDLE.setdefault(browser, {}).setdefault(repr(sorted(options.items())), [])
        # Those of earlier modules are closed.
        self._idle[:] = [context for context in self._idle if context in browser.contexts]
        self.context = self._idle.pop() if self._idle else browser.new_context(**options)
        self._reusable = True
        self.page: Page = self.context.new_page()
        self.page.set_viewport_size(viewport or {"width": 1280, "height": 720})
        self.page.set_default_timeout(60_000)
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", self._console)
        # From the start: the browser hands file choosers over only while somebody listens.
        self.page.on("filechooser", lambda _: None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        for each in filter(None, (_FORGET, script)):
            self.page.add_init_script(each)
        self.page.goto(f"{url}/")
        self.page.wait_for_selector("body[data-ready]")

    def close(self) -> None:
        self.page.close()
        self.context.clear_cookies()
        if self._reusable:
            self._idle.append(self.context)
        else:
            self.context.close()

    def install_clock(self) -> None:
        """Opens the page again, with a clock that the test can move."""
        self._reusable = False  # all later pages of the context would have that clock
        self.page.clock.install()
        self.page.reload()
        self.page.wait_for_selector("body[data-ready]")

    def stop_clock(self) -> None:
        """From now on only the test moves the installed clock, until it lets it run again."""
        # Further ahead than the clock comes until the browser has got the message.
        self.page.clock.pause_at(self.page.evaluate("Date.now() / 1000") + 600)

    def _console(self, message: ConsoleMessage) -> None:
        # The tests read canvases, for which the browser advises another kind of canvas.
        if message.type in ("error", "warning") and "willReadFrequently" not in message.text:
            self.complaints.append(message.text)

    def add(self, *files: Any) -> None:
        self.page.set_input_files("#files", [payload(file) for file in files])

    def read(self, *files: Any) -> Page:
        """Adds files, waits until they are read, and asks for all verdicts."""
        self.add(*files)
        expect(self.page.locator(".row[data-busy=true]")).to_have_count(0, timeout=60_000)
        self.reveal()
        return self.page

    def reveal(self) -> None:
        """Opens every film whose verdict is not shown yet, and asks for it; then returns to the first one."""
        selected = self.page.locator(".row.selected .open").element_handle()
        self.page.evaluate(_REVEAL)
        expect(self.page.locator(".row[data-state=ready]")).to_have_count(0)
        selected.click()

    def shown(self) -> None:
        """Waits for the server's picture of the film, not the preview that comes first."""
        expect(self.page.locator(".panes")).to_have_attribute("data-film", re.compile("."))

    def overlaid(self) -> None:
        """Waits for the heatmap, with which the outline of the lungs comes."""
        self.shown()
        expect(self.page.locator(".reading .legend:visible")).to_have_count(1)

    def canvas(self, script: str) -> Any:
        self.shown()
        return self.pixels(script)

    def pixels(self, script: str) -> Any:
        self.frames()
        return self._canvas().evaluate(script)

    def frames(self) -> None:
        """Waits until a change of the page has been drawn."""
        self.page.evaluate(_TWO_FRAMES)

    def steady(self, script: str) -> Any:
        """As `canvas`, once 20 frames are the same: one pixel of width moves the film by half of it."""
        self.shown()
        return self._canvas().evaluate(_STEADY % script)

    def _canvas(self) -> Locator:
        return self.page.locator(".panes canvas").nth(1)


def drawn(canvas: Locator) -> None:
    """Waits until a canvas shows something."""
    canvas.page.wait_for_function(f"canvas => ({SUMS})(canvas)[0] > 0", arg=canvas.element_handle())


def violations(axe: Any, page: Page, *, both_themes: bool = False) -> dict[str, list[str]]:
    """The rules of accessibility that a page breaks, with the elements that break them.

    Args:
        axe: Checks the page.
        page: The page.
        both_themes: Check colours in the other theme too: only they differ there.
    """
    # Colours that are still changing have no contrast to speak of.
    page.wait_for_function(
        """() => document.getAnimations().every(
          (each) => each.playState !== "running" || each.effect.getComputedTiming().iterations === Infinity
        )"""
    )
    broken = _broken(axe, page)
    if both_themes:
        other = page.evaluate(_CHANGE_THEME)
        colours = _broken(axe, page, runOnly=["color-contrast", "link-in-text-block"])
        broken |= {f"{rule}, {other}": elements for rule, elements in colours.items()}
        page.evaluate(_CHANGE_THEME)
    return broken


_CHANGE_THEME = """() => {
  const {dataset} = document.documentElement;
  return dataset.theme = dataset.theme === "light" ? "dark" : "light";
}"""


def _broken(axe: Any, page: Page, **options: Any) -> dict[str, list[str]]:
    report = axe.run(page, options={"resultTypes": ["violations"]} | options).response
    return {
        rule["id"]: [node["html"][:160] for node in rule["nodes"]] for rule in report["violations"]
    }


def saved(page: Page, menu: str, item: str) -> bytes:
    """The content of the file that a menu's item downloads."""
    page.locator(menu).click()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name=item, exact=True).click()
    return Path(download.value.path()).read_bytes()


def force(page: Page) -> None:
    """Forces a verdict of the selected film: by a menu, and a question after it."""
    page.locator(".panel").get_by_role("button", name="More actions").click()
    page.get_by_role("menuitem", name="Force a verdict …").click()
    page.get_by_role("dialog").get_by_role("button", name="Force a verdict").click()


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
    both = 0.75 * sample("normal-1.png") + 0.25 * sample("pneumonia-1.png")
    return png("mixed.png", np.rint(both).astype(np.uint8))
