"""The command line in tests: in this process, or in its own where that is the point."""

from __future__ import annotations

import io
import logging
import os
import subprocess
import sys
from collections.abc import Mapping
from unittest import mock

from typer.testing import CliRunner, Result

from pneumoscope.cli.app import app_for
from pneumoscope.cli.main import run as run_command

_TERMINAL = {"COLUMNS": "200", "NO_COLOR": "1"}
_PROCESS = (sys.executable, "-m", "pneumoscope")

Done = subprocess.CompletedProcess[str]


def run(
    *arguments: object, stdin: bytes | None = None, terminal: Mapping[str, str] | None = None
) -> Done:
    """Runs a command in this process, with streams of its own.

    With the variables of a ``terminal``, stdout is one. An exception that the command line does not
    translate fails the test.
    """
    words = ["pneumoscope", *map(str, arguments)]
    out, err = (_stream() for _ in range(2))
    if terminal is not None:
        out.isatty = lambda: True  # type: ignore[method-assign]
    handler = logging.StreamHandler(err)
    handler.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    handler.setLevel(logging.WARNING)
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        with (
            mock.patch.multiple(sys, argv=words, stdin=_stream(stdin), stdout=out, stderr=err),
            mock.patch.dict(os.environ, _TERMINAL if terminal is None else terminal),
            # Uvicorn's logging closes all handlers before. That of TensorFlow (absl) would close
            # pytest's stderr with it, which is not `sys.stderr` here.
            mock.patch.object(logging, "shutdown"),
        ):
            code = run_command()
    finally:
        root.removeHandler(handler)
    return subprocess.CompletedProcess(words, code, _written(out), _written(err))


def invoke(*arguments: object, stdin: str | None = None) -> Result:
    """Runs a command in this process, and keeps the exception that ends it.

    As in `run`, only this command is built: all of them take 20 ms, for each call.
    """
    words = [*map(str, arguments)]
    return CliRunner().invoke(app_for(words), words, input=stdin)


def run_process(*arguments: object, stdin: bytes | None = None, **environment: str) -> Done:
    """Runs a command as its own process, as a user does."""
    done = subprocess.run(
        [*_PROCESS, *map(str, arguments)],
        input=stdin,
        capture_output=True,
        check=False,
        env=os.environ | _TERMINAL | environment,
    )
    out, err = done.stdout.decode(), done.stderr.decode()
    assert "Traceback" not in err
    return subprocess.CompletedProcess(done.args, done.returncode, out, err)


def _stream(content: bytes | None = None) -> io.TextIOWrapper:
    return io.TextIOWrapper(
        io.BytesIO(content or b""), "utf-8", errors="backslashreplace", newline=""
    )


def _written(stream: io.TextIOWrapper) -> str:
    stream.flush()
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode()
