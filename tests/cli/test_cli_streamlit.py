"""``pneumoscope streamlit``: how it starts the app, which has tests of its own."""

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

Start = Callable[..., tuple[list[str], Done]]


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Start:
    """Runs the command; gives Streamlit's command line, which is empty if it was not called."""

    def start(*options: object) -> tuple[list[str], Done]:
        given: list[str] = []

        def main(arguments: list[str], **more: Any) -> None:
            given.extend(arguments)
            assert more == {"prog_name": "streamlit", "standalone_mode": False}
            given.append(os.environ.get("PNEUMOSCOPE_BUNDLE", "none"))

        for package in ("streamlit", "streamlit.web"):
            replace_module(monkeypatch, package)
        replace_module(monkeypatch, "streamlit.web.cli", main=main)
        monkeypatch.setattr("pneumoscope.cli.serve.streamlit.require", lambda *_: None)
        return given, run("streamlit", *options)

    return start


@pytest.fixture(autouse=True)
def _no_bundle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PNEUMOSCOPE_BUNDLE", raising=False)


def test_it_listens_on_this_machine_and_tells_nobody(start: Start) -> None:
    given, done = start("--port", 0)
    assert (done.returncode, done.stdout) == (0, "")
    command, script, *options, bundle = given
    assert (command, bundle) == ("run", "none")
    assert Path(script).is_file()
    chosen = dict(option.removeprefix("--").split("=", 1) for option in options)
    assert chosen["server.address"] == "127.0.0.1"
    assert int(chosen["server.port"]) > 0
    assert (chosen["browser.gatherUsageStats"], chosen["client.showErrorDetails"]) == (
        "false", "none",
    )  # fmt: skip
    assert chosen["server.headless"] == "true"
    assert done.stderr == (
        f"the Streamlit app is on http://127.0.0.1:{chosen['server.port']}/  (Ctrl-C to stop)\n"
    )


def test_uploads_may_be_as_large_as_a_film(start: Start) -> None:
    from pneumoscope.images.limits import MAX_BYTES

    given, _ = start("--port", 0)
    assert f"--server.maxUploadSize={MAX_BYTES // 2**20}" in given


def test_the_bundle_reaches_the_app_by_its_folder(start: Start, tiny_bundle: Bundle) -> None:
    given, done = start("--port", 0, "--bundle", os.path.relpath(tiny_bundle.path))
    assert done.returncode == 0, done.stderr
    assert given[-1] == str(tiny_bundle.path.resolve())


def test_what_is_wrong_with_the_bundle_is_said_here(start: Start, tmp_path: Path) -> None:
    given, done = start("--port", 0, "--bundle", tmp_path / "none")
    assert (done.returncode, given) == (1, [])
    assert "no such folder" in done.stderr
    assert "hint: " in done.stderr


def test_an_open_address_is_warned_of(start: Start) -> None:
    given, done = start("--port", 0, "--host", "0.0.0.0")
    assert "warning: anyone who can reach 0.0.0.0:" in done.stderr
    assert "--server.address=0.0.0.0" in given


def test_a_port_that_is_taken_starts_nothing(start: Start) -> None:
    with listen("127.0.0.1", 0) as other:
        given, done = start("--port", other.getsockname()[1])
    assert (done.returncode, given) == (1, [])
    assert "hint: Is another server running?" in done.stderr
