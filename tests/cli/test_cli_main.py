"""The edge of the command line: streams, errors and exit codes."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from pneumoscope.cli import main as entry
from pneumoscope.cli.main import run
from pneumoscope.errors import UsageError


def test_a_full_disk_is_an_error_with_a_hint(tiny: tuple[str, Path], film_files: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "pneumoscope", "predict", str(film_files), *map(str, tiny)],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode != 0
    assert b"Traceback" not in done.stderr
    assert b"No space left" in done.stderr


def test_a_closed_pipe_is_no_error_message(tiny: tuple[str, Path], film_files: Path) -> None:
    many = [str(film_files / "dark.png")] * 2000
    command = [sys.executable, "-m", "pneumoscope", "predict", "--json", *map(str, tiny), *many]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""


def raising(error: BaseException) -> Callable[[], NoReturn]:
    def app(_arguments: object) -> NoReturn:
        raise error

    return app


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (UsageError("no films", "Name some."), 1, "error: no films\nhint: Name some.\n"),
        (PermissionError("no"), 1, "error: no\nhint: Is there space, and may you write there?\n"),
        (KeyboardInterrupt(), 130, ""),
        (SystemExit(None), 0, ""),
        (SystemExit(3), 3, ""),
        (SystemExit("nothing works"), 1, "error: nothing works\n"),
    ],
)
def test_errors_become_messages_and_exit_codes(
    error: BaseException,
    code: int,
    text: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("pneumoscope.cli.app.app_for", raising(error))
    assert run() == code
    assert capsys.readouterr() == ("", text)


def test_a_mistake_of_ours_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pneumoscope.cli.app.app_for", raising(ZeroDivisionError("a bug")))
    with pytest.raises(ZeroDivisionError):
        run()


class Ended(BaseException):
    """In place of the end of the process."""


Main = Callable[[int], int]


@pytest.fixture
def ending(monkeypatch: pytest.MonkeyPatch) -> Main:
    """Runs `main` with a command that returns a code, and gives the code that the process ends with."""

    def end(code: int) -> NoReturn:
        raise Ended(code)

    def call(code: int) -> int:
        monkeypatch.setattr(entry.signal, "signal", lambda *_: None)
        monkeypatch.setattr(entry.logging, "basicConfig", lambda **_: None)
        monkeypatch.setattr(entry.os, "_exit", end)
        monkeypatch.setattr(entry, "run", lambda: code)
        with pytest.raises(Ended) as ended:
            entry.main()
        ended_with: int = ended.value.args[0]
        return ended_with

    return call


class Stream(io.TextIOWrapper):
    """A stream whose flush fails."""

    def __init__(self, error: OSError) -> None:
        super().__init__(io.BytesIO(), "ascii")
        self.error = error

    def reconfigure(self, **_: object) -> None:
        pass  # it would flush before anything is written

    def flush(self) -> None:
        raise self.error


@pytest.mark.parametrize("code", [0, 1, 2, 3, 130])
def test_the_process_ends_with_the_code_of_the_command(ending: Main, code: int) -> None:
    assert ending(code) == code


@pytest.mark.parametrize(
    ("error", "code", "ended", "text"),
    [
        (OSError(28, "No space left on device"), 0, 1, "error: No space left on device"),
        (OSError(28, "No space left on device"), 3, 3, "error: No space left on device"),
        (BrokenPipeError(32, "Broken pipe"), 0, 1, ""),
        (BrokenPipeError(32, "Broken pipe"), 2, 2, ""),
    ],
)
def test_output_that_cannot_be_flushed_is_no_success(
    ending: Main,
    monkeypatch: pytest.MonkeyPatch,
    error: OSError,
    code: int,
    ended: int,
    text: str,
) -> None:
    err = io.StringIO()
    monkeypatch.setattr(sys, "stdout", Stream(error))
    monkeypatch.setattr(sys, "stderr", err)
    assert ending(code) == ended
    assert err.getvalue().splitlines()[:1] == ([text] if text else [])
    monkeypatch.undo()  # or pytest would flush that stream


def test_names_that_a_terminal_cannot_show_do_not_end_the_work(
    ending: Main, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = io.TextIOWrapper(io.BytesIO(), "ascii")
    monkeypatch.setattr(sys, "stdout", out)
    assert ending(0) == 0
    out.write("Łukasz.png")
    out.flush()
    assert out.buffer.getvalue() == b"\\u0141ukasz.png"  # type: ignore[attr-defined]


def test_without_streams_a_command_runs_too(ending: Main, monkeypatch: pytest.MonkeyPatch) -> None:
    # As under pythonw, or where a service closes them.
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    assert ending(0) == 0


def test_a_signal_to_end_removes_temporary_files_first(monkeypatch: pytest.MonkeyPatch) -> None:
    handlers: dict[int, Callable[..., object]] = {}
    monkeypatch.setattr(entry.signal, "signal", handlers.__setitem__)
    monkeypatch.setattr(entry.logging, "basicConfig", lambda **_: None)
    monkeypatch.setattr(entry, "run", lambda: handlers[signal.SIGTERM](signal.SIGTERM, None))
    with pytest.raises(SystemExit) as ended:
        entry.main()
    assert ended.value.code == 143
