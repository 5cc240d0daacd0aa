"""The command line: thin commands, one edge where errors become messages and exit codes."""

from __future__ import annotations

import importlib.util
import logging
import os
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def main() -> None:
    """Entry point: exit code 0 on success, 1 on an error with a hint, 2 on wrong usage."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    # So that temporary files are removed on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    for stream in (sys.stdout, sys.stderr):
        # A name that the terminal cannot show must not end the work.
        if stream is not None and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    code = _run()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            try:
                stream.flush()
            except OSError as error:  # the disk is full, or the reader of a pipe has gone
                if not isinstance(error, BrokenPipeError):
                    report(error)
                code = code or 1
    # Taking the interpreter apart costs a tenth of the start, and after Ctrl-C it can abort in
    # onnxruntime's threads.
    os._exit(code)


def _run() -> int:
    from pneumoscope.errors import PneumoscopeError

    try:
        from pneumoscope.cli.app import app

        app()
    except (PneumoscopeError, OSError) as error:
        report(error)
        return 1
    except KeyboardInterrupt:  # before typer, which handles it from then on
        return 130
    except SystemExit as done:  # how typer ends, whatever the outcome
        if isinstance(done.code, str):
            report(RuntimeError(done.code))
        return done.code if isinstance(done.code, int) else int(done.code is not None)
    return 0


def report(error: Exception) -> None:
    """Writes an error and its hint to stderr."""
    hint = getattr(error, "hint", "")
    if isinstance(error, OSError) and not hint:
        hint = "Is there space, and may you write there?"
    if sys.stderr is not None:
        sys.stderr.write(f"error: {error}\n" + (f"hint: {hint}\n" if hint else ""))


def require(what: str, extra: str, *modules: str) -> None:
    """Checks that an optional part is installed, without importing it.

    Args:
        what: What needs it, in words.
        extra: Name of the extra that brings it.
        modules: What has to be there.

    Raises:
        MissingExtra: The message names the first module that is not.
    """
    from pneumoscope.errors import MissingExtra

    for module in modules:
        spec = importlib.util.find_spec(module)
        # Any folder of that name, without a package in it, has a spec too, but no origin.
        if spec is None or spec.origin is None:
            raise MissingExtra(f"{what} ({module})", extra)


def console() -> Console:
    """A console on stdout for tables."""
    from rich.console import Console

    # Piped text is searched and cut by other programs: one line a row, however long.
    return Console(highlight=False, width=None if sys.stdout.isatty() else 1000)
