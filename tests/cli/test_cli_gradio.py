"""``pneumoscope gradio``: where it listens and what it leaves; the app has tests of its own."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from command_line import Done, run
from pneumoscope.bundle import Bundle
from pneumoscope.cli.serve.listening import listen
from replaced import replace_module


class Launched:
    """In place of Gradio's app: notes how it was started, and runs until the test's function ends."""

    def __init__(self, until: Callable[[], None]) -> None:
        self.until = until
        self.options: dict[str, Any] = {}
        self.bundle = ""
        self.folder = Path()
        self.closed = False

    def launch(self, classifier: Any, **options: Any) -> Launched:
        self.bundle, self.options = classifier.bundle.title, options
        self.folder = Path(os.environ["GRADIO_TEMP_DIR"])
        assert self.folder.is_dir()
        return self

    def block_thread(self) -> None:
        (self.folder / "upload.png").write_bytes(b"film")
        self.until()

    def close(self, *, verbose: bool) -> None:
        assert not verbose
        self.closed = True


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch, tiny_bundle: Bundle) -> Callable[..., Any]:
    """Starts the app; it ends with what ``until`` does."""

    def start(*options: object, until: Callable[[], None] = lambda: None) -> tuple[Launched, Done]:
        app = Launched(until)
        replace_module(monkeypatch, "pneumoscope.apps.gradio_app", launch=app.launch)
        monkeypatch.setattr("pneumoscope.cli.serve.gradio.require", lambda *_: None)
        monkeypatch.setenv("GRADIO_TEMP_DIR", "elsewhere")
        return app, run("gradio", "--bundle", tiny_bundle.path, *options)

    return start


def test_it_listens_on_this_machine_with_a_private_folder(start: Callable[..., Any]) -> None:
    app, done = start("--port", 0)
    assert (done.returncode, done.stdout) == (0, "")
    options = app.options
    assert (options["server_name"], options["share"]) == ("127.0.0.1", False)
    assert options["server_port"] > 0
    assert done.stderr == (
        f"the Gradio app is on http://127.0.0.1:{options['server_port']}/  (Ctrl-C to stop)\n"
    )
    assert app.bundle == "tiny 1"
    assert app.closed
    assert not app.folder.exists()  # nor the uploads in it


def test_an_open_address_is_warned_of(start: Callable[..., Any]) -> None:
    app, done = start("--port", 0, "--host", "0.0.0.0", "--share")
    assert "warning: anyone who can reach 0.0.0.0:" in done.stderr
    assert app.options["share"]


def test_ctrl_c_closes_the_app_and_its_folder(start: Callable[..., Any]) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    app, done = start("--port", 0, until=interrupt)
    assert done.returncode == 130
    assert "Traceback" not in done.stderr
    assert app.closed
    assert not app.folder.exists()


def test_a_port_that_is_taken_starts_nothing(start: Callable[..., Any]) -> None:
    with listen("127.0.0.1", 0) as other:
        app, done = start("--port", other.getsockname()[1])
    assert (done.returncode, app.options) == (1, {})
    assert "cannot listen on 127.0.0.1 port" in done.stderr
    assert "hint: Is another server running?" in done.stderr


def test_a_bundle_that_does_not_exist_starts_nothing(start: Callable[..., Any]) -> None:
    app, done = start("--port", 0, "--bundle", "nowhere")
    assert (done.returncode, app.options) == (1, {})
    assert "bundle nowhere" in done.stderr


@pytest.mark.parametrize("port", ["-1", "65536", "web"])
def test_a_port_that_is_none(start: Callable[..., Any], port: str) -> None:
    app, done = start("--port", port)
    assert (done.returncode, app.options) == (2, {})
