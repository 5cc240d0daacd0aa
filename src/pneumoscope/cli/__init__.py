"""The command line: thin commands, one edge where errors become messages and exit codes."""

from __future__ import annotations

import logging
import os
import sys


def main() -> None:
    """Entry point: exit code 0 on success, 1 on an error with a hint, 2 on wrong usage."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    from pneumoscope.errors import PneumoscopeError

    try:
        from pneumoscope.cli.app import app

        app()
    except PneumoscopeError as error:
        report(error)
        sys.exit(1)
    except BrokenPipeError:
        # The reader of a pipe has gone; Python must not complain when it flushes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(130)


def report(error: Exception) -> None:
    """Writes an error and its hint to stderr."""
    hint = getattr(error, "hint", "")
    sys.stderr.write(f"error: {error}\n" + (f"hint: {hint}\n" if hint else ""))
