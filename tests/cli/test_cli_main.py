"""The edge of the command line: streams, errors and exit codes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

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
    def app() -> NoReturn:
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
    monkeypatch.setattr("pneumoscope.cli.app.app", raising(error))
    assert run() == code
    assert capsys.readouterr() == ("", text)


def test_a_mistake_of_ours_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pneumoscope.cli.app.app", raising(ZeroDivisionError("a bug")))
    with pytest.raises(ZeroDivisionError):
        run()
