"""The page in Chromium, with the packages from npm: films are judged without a server."""

from __future__ import annotations

import io
import json
import shutil
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from film_files import dataset, jpeg_2000, jpeg_ls, lossless_jpeg, save, wrap
from grey_films import zipped
from pneumoscope import load
from pneumoscope.errors import UsageError
from pneumoscope.web.page import export_page
from tiff_files import Entry, entry, of_pages, one_strip, tags

pytest.importorskip("playwright.sync_api", reason="needs playwright")
from playwright.sync_api import Browser, Page, expect

from visit import SAMPLES, sample, saved

STUCK = Path(__file__).with_name("stuck_worker.js")
LOSSLESS, LS, J2K = (f"1.2.840.10008.1.2.4.{number}" for number in (70, 80, 90))
_BUSY = ".row[data-busy=true]"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page as it is published, with a worker that never answers."""
    if shutil.which("npm") is None:
        pytest.skip("needs npm")
    folder = tmp_path_factory.mktemp("published") / "some" / "where"
    try:
        exported = export_page(folder, [], None)
    except UsageError as error:
        pytest.skip(f"npm gives no packages here: {error}")
    if exported.missing:
        pytest.skip(f"npm does not give {exported.missing[0].title} here")
    assert exported.size_bytes < 25e6
    shutil.copy(STUCK, folder / "static" / STUCK.name)
    return folder


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    handler = partial(_Quiet, directory=str(folder.parents[1]))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/some/where/"
    server.shutdown()
    thread.join()
    server.server_close()


class Visited:
    """The page, what it asked for, and the errors on its console."""

    def __init__(self, browser: Browser, address: str) -> None:
        self.context = browser.new_context(viewport={"width": 1280, "height": 720}, locale="en-GB")
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(60_000)
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.context.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on(
            "console",
            lambda message: message.type == "error" and self.complaints.append(message.text),
        )
        self.page.goto(address)
        self.page.wait_for_selector("body[data-ready]")

    def read(self, *files: Any) -> None:
        self.page.set_input_files("#files", list(files))
        expect(self.page.locator(".row")).not_to_have_count(0)
        expect(self.page.locator(_BUSY)).to_have_count(0, timeout=180_000)


@pytest.fixture(scope="module")
def visited(browser: Browser, address: str) -> Iterator[Visited]:
    visited = Visited(browser, address)
    yield visited
    visited.context.close()
    assert visited.complaints == []
    # No film went anywhere: everything that was asked for is a file of the page.
    assert all(url.startswith((address, "blob:")) for url in visited.requests)


def jpeg_page(grey: np.ndarray, compression: int = 7) -> tuple[list[Entry], list[bytes], int]:
    """A page of a TIFF with one strip of JPEG."""
    fields = [*tags(grey.shape, 8, compression=compression), entry(278, "I", len(grey))]
    return fields, [save(grey, "JPEG", quality=95)], 273


def films() -> dict[str, bytes]:
    """The film of a sample in every coding that packages from npm decode, and in those of the browser."""
    grey = sample("pneumonia-1.png")[::2, ::2]
    deep = grey.astype(np.uint16) * 16
    dicom = dataset(deep, BitsStored=12, HighBit=11)
    return {
        "a.png": save(grey, "PNG"),
        "b.bmp": save(grey, "BMP"),
        "c.webp": save(grey, "WEBP", lossless=True),
        "d.jpg": save(grey, "JPEG", quality=95),
        "e.dcm": wrap(dicom, lossless_jpeg(deep, 12, 1), LOSSLESS),
        "f.dcm": wrap(dicom, jpeg_2000(deep, 12), J2K),
        "g.dcm": wrap(dicom, jpeg_ls(deep), LS),
        "g0.dcm": wrap(dicom, jpeg_ls(deep).removesuffix(b"\xff\xd9") + b"\0\xff\xd9", LS),
        "h.dcm": (SAMPLES / "pneumonia-3.dcm").read_bytes(),
        "i.txt": b"no film at all",
        "j.dcm": wrap(dicom, lossless_jpeg(deep, 12, 1)[:5000], LOSSLESS),
        "k.tif": one_strip(deep, ">"),
        "l.tif": one_strip(255 - grey, photometric=0),
        "m.tif": of_pages([jpeg_page(grey)]),
        "n.tif": one_strip(np.dstack([deep, deep, deep]), photometric=2),
        "o.tif": one_strip(grey[:40, :40]),
        "p.tif": of_pages([jpeg_page(grey, compression=33005)]),
        "q.png": save(np.dstack([grey, np.full_like(grey, 255)]), "PNG"),
    }


@pytest.fixture(scope="module")
def records(visited: Visited) -> list[dict[str, Any]]:
    """What the page saves of the films, as JSON."""
    files = [{"name": name, "mimeType": "", "buffer": data} for name, data in films().items()]
    visited.read(*files)
    visited.page.keyboard.press("2")
    expect(visited.page.locator(".record")).to_have_count(len(files))
    visited.page.get_by_label("Choose all").check()
    content = saved(visited.page, ".history .menu-holder > button:not(.icon-only)", "Results, JSON")
    visited.page.keyboard.press("1")
    return sorted(json.loads(content)["results"], key=lambda record: record["source"])


def test_films_are_judged_as_python_judges_them(records: list[dict[str, Any]]) -> None:
    reader = load(threads=1)
    for record, (name, data) in zip(records, films().items(), strict=True):
        (outcome,) = reader.predict_many([data])
        assert record["source"] == name
        if outcome.prediction is None:
            assert outcome.error is not None
            # Of a lossless JPEG Python says only that it is damaged.
            assert record["error"]["code"] in (outcome.error.code, "TruncatedImage")
            if name.endswith("tif"):
                said = record["error"]["detail"].partition(": ")[2]
                assert said == str(outcome.error).partition(": ")[2]
            continue
        expected = outcome.prediction
        assert record["p_unadjusted"] == pytest.approx(expected.p_unadjusted, abs=1e-3), name
        assert record["label"] == expected.label
        assert expected.explanation is not None
        assert record["explanation"]["reliable"] == expected.explanation.reliable
        assert [zone["name"] for zone in record["zones"]] == [z.name for z in expected.zones]


def test_a_film_that_is_not_read_says_why_under_its_name(
    visited: Visited, records: list[dict[str, Any]]
) -> None:
    (record,) = (record for record in records if record["source"] == "i.txt")
    name, _, reason = record["error"]["detail"].partition(": ")
    assert name == "i.txt"
    visited.page.locator(".row .name", has_text="i.txt").click()
    expect(visited.page.locator(".panel .film-name")).to_have_text(name)
    expect(visited.page.locator(".panel .lead")).to_have_text(f"{reason[0].upper()}{reason[1:]}.")


def test_the_film_is_shown_with_its_heatmap_and_saved(visited: Visited, records: Any) -> None:
    page = visited.page
    page.locator(".row .name", has_text="h.dcm").click()
    page.evaluate("document.querySelector('.panel [data-reveal]')?.click()")
    expect(page.locator(".panel h2")).to_have_text("PNEUMONIA")
    expect(page.locator(".panes")).to_have_class("panes two")
    picture = saved(page, ".panel .menu-holder > button:not(.icon-only)", "Overlay, PNG")
    from PIL import Image

    image = np.asarray(Image.open(io.BytesIO(picture)).convert("RGB")).astype(int)
    assert image.shape == (512, 512, 3)
    assert (image[..., 0] - image[..., 2]).max() > 50  # red on grey
    table = saved(page, ".panel .menu-holder > button:not(.icon-only)", "Result, CSV").decode()
    assert table.splitlines()[0].startswith("id,created,source,label,marks")
    assert "h.dcm,PNEUMONIA" in table


def test_archives_are_opened(visited: Visited, records: Any) -> None:
    film = (SAMPLES / "normal-1.png").read_bytes()
    stored = io.BytesIO()
    with zipfile.ZipFile(stored, "w") as pack:
        pack.writestr("ward/k.png", film)
        pack.writestr("ward/n.png", film)
        pack.writestr("__MACOSX/ward/._k.png", b"beside")
    for archive in (zipped(("l.png", film), ("m.png", film)), stored.getvalue()):
        visited.read({"name": "films.zip", "mimeType": "application/zip", "buffer": archive})
    names = visited.page.locator(".row .name").all_inner_texts()
    assert {"k.png", "l.png", "m.png", "n.png"} <= set(names)
    assert not any("._" in name for name in names)


def test_a_worker_that_takes_too_long_is_ended(visited: Visited) -> None:
    answer = visited.page.evaluate(
        """async () => {
          const { CalledWorker } = await import('./static/worker-calls.js');
          const address = new URL('static/stuck_worker.js', location.href);
          const worker = new CalledWorker(address, {}, 60000);
          const call = (name, values, deadlineMs) => worker.call(name, values, {deadlineMs});
          const stuck = call('wait', {}, 300).catch((error) => error.constructor.name);
          return [await stuck, await call('double', {value: 21}, 60000)];
        }"""
    )
    assert answer == ["WorkerEnded", 42]


def test_code_in_a_worker_sends_nothing_elsewhere(visited: Visited, address: str) -> None:
    """Decoders of others run there, on films; another port is another site."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Quiet) as elsewhere:
        thread = threading.Thread(target=elsewhere.serve_forever)
        thread.start()
        sites = [f"http://127.0.0.1:{elsewhere.server_port}/", address]
        answers = visited.page.evaluate(
            """async (sites) => {
              const { CalledWorker } = await import(new URL('static/worker-calls.js', location.href));
              const worker = new CalledWorker(new URL('static/stuck_worker.js', location.href), {}, 20000);
              const send = (address) => worker.call('send', { address }, { deadlineMs: 20000 });
              return Promise.all(sites.map(send));
            }""",
            sites,
        )
        elsewhere.shutdown()
        thread.join()
    assert answers == ["refused", "sent"]
    visited.complaints.clear()


def test_what_another_answers_in_the_place_of_a_file_is_not_kept(
    browser: Browser, folder: Path, tmp_path: Path
) -> None:
    """Such as the page of a hotel's network, or a file of another version."""
    shutil.copytree(folder, tmp_path / "page")
    script = tmp_path / "page" / "static" / "judge.js"
    script.write_bytes(script.read_bytes() + b"// changed")
    handler = partial(_Quiet, directory=str(tmp_path / "page"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        error = page.evaluate(
            "navigator.serviceWorker.register('sw.js').then((r) => new Promise((end) => {"
            " const w = r.installing; w.onstatechange = () => end(w.state); }))"
        )
        context.close()
        server.shutdown()
        thread.join()
    assert error == "redundant"


def test_a_network_of_another_version_is_neither_used_nor_kept(
    browser: Browser, folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(folder, tmp_path / "page")
    static = tmp_path / "page" / "static"
    model = static / "models" / "children.onnx"
    model.write_bytes(model.read_bytes() + b"\0")
    handler = partial(_Quiet, directory=str(tmp_path / "page"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        context = browser.new_context(service_workers="block")
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{server.server_port}/static/page.json")
        results = page.evaluate(
            "async () => { const { integrity } = await (await fetch('page.json')).json();"
            " const { allKept, fetched, keepIn } = await import('./offline.js');"
            " keepIn('kept', () => {});"
            " const taken = (name) => fetched(new URL(name, location), integrity[name])"
            "   .then((data) => data.length > 1000, (error) => error.name);"
            " const names = ['models/children.onnx', 'models/adults.onnx', 'runtime/ort-wasm.wasm.gz'];"
            " const results = await Promise.all(names.map(taken)); await allKept();"
            " const files = await (await caches.open('kept')).keys();"
            " return [results, files.map((file) => file.url.split('/').pop()).sort()]; }"
        )
        context.close()
        server.shutdown()
        thread.join()
    assert results == [["TypeError", True, True], ["adults.onnx", "ort-wasm.wasm.gz"]]


def test_without_a_network_the_page_goes_on(visited: Visited, records: Any) -> None:
    page = visited.page
    page.wait_for_selector("body[data-network=ready]")
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    visited.context.set_offline(True)
    page.goto(page.url.partition("#")[0])
    page.wait_for_selector("body[data-ready]")
    visited.read(SAMPLES / "pneumonia-3.dcm")
    page.evaluate("document.querySelector('.panel [data-reveal]')?.click()")
    expect(page.locator(".panel h2")).to_have_text("PNEUMONIA")
    visited.context.set_offline(False)
