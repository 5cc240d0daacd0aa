"""The entry point: the one edge where errors become messages and exit codes."""

from __future__ import annotations

import logging
import os
import signal
import sys

from pneumoscope.cli.loading import begin_loading, loaded
from pneumoscope.cli.terminal import report


def main() -> None:
    """Runs a command; exit code 0 on success, 1 on an error with a hint, 2 on wrong usage."""
    begin_loading()
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    # An orderly exit removes temporary files.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    for stream in (sys.stdout, sys.stderr):
        # A name that the terminal cannot show must not end the work.
        if stream is not None and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    code = run()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            try:
                stream.flush()
            except OSError as error:  # the disk is full, or the reader of a pipe has gone
                if not isinstance(error, BrokenPipeError):
                    report(error)
                code = code or 1
    # An ordinary shutdown of the interpreter takes a tenth of the run time of a short command, and
    # after Ctrl-C it can abort in the threads of ONNX Runtime.
    os._exit(code)


def run() -> int:
    """Runs the command that `sys.argv` names, reports its error, and returns the exit code."""
    from pneumoscope.errors import PneumoscopeError

    try:
        from pneumoscope.cli.app import app_for

        app = app_for(sys.argv[1:])
        if sys.argv[1:2] != ["predict"]:  # it says itself when its network is loaded
            loaded()
        app()
    except (PneumoscopeError, OSError) as error:
        report(error)
        return 1
    except KeyboardInterrupt:  # while typer loads; it handles Ctrl-C itself from then on
        return 130
    except SystemExit as exit_:  # typer always ends this way
        if isinstance(exit_.code, str):
            report(RuntimeError(exit_.code))
        return exit_.code if isinstance(exit_.code, int) else int(exit_.code is not None)
    return 0
