"""`pneumoscope serve`: what it says when it cannot start."""

from __future__ import annotations

import asyncio
import gc
import io
import logging
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from command_line import run, run_process
from pneumoscope.bundle import Bundle
from pneumoscope.cli.serve import serve
from pneumoscope.errors import UsageError
from pneumoscope.serve.app import create_app
from pneumoscope.serve.settings import ServeSettings


def test_help_has_an_example() -> None:
    done = run("serve", "--help")
    assert done.returncode == 0
    assert "Example: pneumoscope serve --port 8000" in done.stdout


@pytest.fixture
def _kept_process() -> Iterator[None]:
    """A server that starts in this process changes how it answers signals, and its mask of new files."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before, mask = [signal.getsignal(number) for number in numbers], os.umask(0o022)
    yield
    os.umask(mask)
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


@pytest.mark.server
@pytest.mark.usefixtures("_kept_process")
def test_a_start_that_fails_is_told_in_two_lines(
    tiny_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = ("--folder", tmp_path / "state", "--port", 0)
    wrong = run_process("serve", "--bundle", tmp_path / "none", *state)
    assert wrong.returncode == 1
    assert f"error: bundle {tmp_path / 'none'}: no such folder" in wrong.stderr
    assert "hint: Name a folder" in wrong.stderr
    assert "Traceback" not in wrong.stderr
    url = "sqlite:////nowhere/at/all/x.sqlite"
    wrong = run_process("serve", "--bundle", tiny_bundle.path, "--database", url, *state)
    assert (wrong.returncode, "error: the database cannot be used" in wrong.stderr) == (1, True)
    assert "Traceback" not in wrong.stderr
    (tmp_path / "file").write_bytes(b"")
    handler = logging.StreamHandler(io.StringIO())
    monkeypatch.setattr(handler, "close", close := mock.Mock())
    for folder in (tmp_path / "file", "/proc/none"):
        wrong = run("serve", "--bundle", tiny_bundle.path, "--folder", folder, "--port", 0)
        assert (wrong.returncode, f"error: {folder}: " in wrong.stderr) == (1, True)
        assert "Traceback" not in wrong.stderr
    assert not close.called


def test_a_port_that_is_taken(tiny_bundle: Bundle, tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = run("serve", "--bundle", tiny_bundle.path, "--folder", tmp_path, "--port", port)
    assert done.returncode == 1
    assert f"error: cannot listen on 127.0.0.1 port {port}" in done.stderr
    assert "hint: Is another server running?" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_bundles_are_served_in_the_order_of_their_options(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    started: list[ServeSettings] = []
    monkeypatch.setattr("pneumoscope.cli.serve.serve._run", started.append)
    bundles = ("--bundle", "children", "--bundle", tmp_path)
    for options in ((), bundles):
        assert run("serve", "--folder", tmp_path, *options).returncode == 0
    assert [settings.bundle for settings in started] == [(), ("children", str(tmp_path))]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[ServeSettings]:
    """The settings that servers would be started with."""
    started: list[ServeSettings] = []
    monkeypatch.setattr("pneumoscope.cli.serve.serve._run", started.append)
    for name in list(os.environ):
        if name.startswith("PNEUMOSCOPE_SERVE_"):
            monkeypatch.delenv(name)
    return started


OPTIONS: dict[str, tuple[tuple[object, ...], object]] = {
    "host": (("--host", "10.0.0.5"), "10.0.0.5"),
    "port": (("--port", 0), 0),
    "folder": (("--folder", "state"), Path("state")),
    "database": (("--database", "postgresql+psycopg://h/n"), "postgresql+psycopg://h/n"),
    "profile": (("--profile", "site.json"), Path("site.json")),
    "keep_films": (("--keep-films",), True),
    "retention_days": (("--retention-days", 30), 30),
    "tls_self_signed": (("--tls-self-signed",), True),
    "key": (("--key", "secret"), Path("secret")),
    "threads": (("--threads", 3), 3),
    "max_batch_size": (("--max-batch-size", 2), 2),
    "max_wait_ms": (("--max-wait-ms", 1.5), 1.5),
    "queue": (("--queue", 9), 9),
    "rate_limit": (("--rate-limit", 0), 0),
    "require_second_factor": (("--require-second-factor",), True),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_an_option_sets_one_thing(name: str, started: list[ServeSettings]) -> None:
    words, value = OPTIONS[name]
    for options in ((), words):
        assert run("serve", *options).returncode == 0
    plain, changed = (asdict(settings) for settings in started)
    assert changed.pop(name) == value != plain.pop(name)
    assert changed == plain


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("port", "9000", 9000),
        ("keep_films", "true", True),
        ("retention_days", "7", 7),
        ("database", "sqlite:///x", "sqlite:///x"),
        ("queue", "11", 11),
    ],
)
def test_the_environment_sets_it_too_and_the_option_wins(
    name: str,
    text: str,
    value: object,
    started: list[ServeSettings],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(f"PNEUMOSCOPE_SERVE_{name.upper()}", text)
    words, chosen = OPTIONS[name]
    assert run("serve").returncode == run("serve", *words).returncode == 0
    assert [getattr(settings, name) for settings in started] == [value, chosen]


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("--port", "65536"), 2, "--port"),
        (("--retention-days", "0"), 2, "--retention-days"),
        (("--threads", "0"), 2, "--threads"),
        (("--queue", "0"), 2, "--queue"),
        (("--max-wait-ms", "-1"), 2, "--max-wait-ms"),
        (("--rate-limit", "-1"), 2, "--rate-limit"),
        (("--tls-cert", "c.pem"), 1, "a certificate needs its key"),
        (("--tls-key", "k.pem"), 1, "a certificate needs its key"),
    ],
)
def test_settings_that_no_server_has(
    options: tuple[str, ...], code: int, words: str, started: list[ServeSettings]
) -> None:
    done = run("serve", *options)
    assert (done.returncode, done.stdout, started) == (code, "", [])
    assert words in done.stderr


Message = dict[str, Any]


def start_of(app: Any) -> tuple[serve._Watched, list[Message]]:
    """The watched application after its start, and the messages that the server saw."""
    watched, sent = serve._Watched(app, "it serves\n"), []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "lifespan.startup"}

    asyncio.run(watched({"type": "lifespan"}, receive, send))
    return watched, sent


def failing(error: Exception) -> Any:
    """An application that fails to start, as Starlette reports it."""

    async def app(_scope: Message, _receive: Any, send: Any) -> None:
        try:
            raise error
        except (UsageError, ZeroDivisionError):
            text = "Traceback: where the films are"
            await send({"type": "lifespan.startup.failed", "message": text})

    return app


def test_the_greeting_comes_when_the_server_is_ready(capsys: pytest.CaptureFixture[str]) -> None:
    async def app(_scope: Message, _receive: Any, send: Any) -> None:
        assert capsys.readouterr().err == ""
        await send({"type": "lifespan.startup.complete"})

    watched, sent = start_of(app)
    assert capsys.readouterr() == ("", "it serves\n")
    assert (watched.failure, sent) == (None, [{"type": "lifespan.startup.complete"}])


@pytest.mark.slow
def test_the_garbage_collector_leaves_to_itself_what_the_server_is_made_of() -> None:
    """It stopped everything for a tenth of a second whenever many strangers had connected."""

    async def app(_scope: Message, _receive: Any, send: Any) -> None:
        await send({"type": "lifespan.startup.complete"})
        after.append(gc.get_freeze_count())

    gc.unfreeze()  # what the tests froze: the server's start freezes it again
    before, after = gc.get_freeze_count(), list[int]()
    start_of(app)
    assert after[0] > before + 10_000


def test_a_failure_with_a_hint_takes_the_place_of_its_traceback(
    capsys: pytest.CaptureFixture[str],
) -> None:
    error = UsageError("another server is using this database", "Stop it.")
    watched, sent = start_of(failing(error))
    assert watched.failure is error
    assert sent == [{"type": "lifespan.startup.failed", "message": ""}]
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["reading-room.sqlite.lock", "audit-log.jsonl"])
def test_a_file_that_cannot_be_written_takes_the_place_of_its_traceback(
    tiny_bundle: Bundle, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).mkdir()
    real = create_app(ServeSettings(folder=tmp_path, bundle=(str(tiny_bundle.path),), threads=1))

    async def app(*given: Any) -> None:
        with suppress(IsADirectoryError):  # Starlette raises it once more
            await real(*given)

    watched, sent = start_of(app)
    assert isinstance(watched.failure, IsADirectoryError)
    assert watched.failure.filename == str(tmp_path / name)
    assert sent == [{"type": "lifespan.startup.failed", "message": ""}]


def test_a_mistake_of_ours_keeps_its_traceback() -> None:
    watched, sent = start_of(failing(ZeroDivisionError("a bug")))
    assert watched.failure is None
    assert sent[0]["message"] == "Traceback: where the films are"


def test_requests_pass_untouched() -> None:
    seen: list[tuple[Any, ...]] = []

    async def app(*given: Any) -> None:
        seen.append(given)

    asyncio.run(serve._Watched(app, "")({"type": "http"}, "receive", "send"))  # type: ignore[arg-type]
    assert seen == [({"type": "http"}, "receive", "send")]
