"""Command lines in the documents with what they print: runs them and writes their output anew.

python tools/shown_output.py

A block in the language ``console`` holds command lines after ``$`` and below each what it prints in a
terminal of 80 columns without colours, on stdout and then on stderr. All blocks of a page run in one
folder that holds ``samples``.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import IO

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))]
TERMINAL = {"TERM": "dumb", "COLUMNS": "80"}
"""Variables of the terminal that output is shown in."""
_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def pages() -> list[Path]:
    """The documents that show output."""
    return [page for page in PAGES if _BLOCK.search(page.read_text(encoding="utf-8"))]


def written(page: Path, run: Callable[[str, str], tuple[str, str]] | None = None) -> str:
    """A document with the output of its commands as they print it now.

    Args:
        page: The document.
        run: From a command line and its folder to stdout and stderr; without it, each command runs
            in a terminal.
    """
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(ROOT / "samples", Path(folder) / "samples")
        text = page.read_text(encoding="utf-8")
        lines = partial(_lines, folder=folder, run=run or in_terminal)
        return _BLOCK.sub(lambda block: f"```console\n{lines(block[1])}```", text)


def _lines(block: str, folder: str, run: Callable[[str, str], tuple[str, str]]) -> str:
    return "".join(
        f"{line}\n{_shown(*run(line[2:], folder))}"
        for line in block.splitlines()
        if line.startswith("$ ")
    )


def _shown(out: str, err: str) -> str:
    """Output of a command, without blanks at the ends of lines."""
    text = out.replace("\r\n", "\n").rstrip("\n") + "\n" + err
    return "".join(f"{line.rstrip()}\n" for line in text.strip("\n").splitlines())


def environment() -> dict[str, str]:
    """That of this process, without settings of pneumoscope."""
    return {k: v for k, v in os.environ.items() if not k.startswith("PNEUMOSCOPE_")}


def in_terminal(command: str, folder: str) -> tuple[str, str]:
    """What a command line prints on stdout, a terminal, and on stderr."""
    import pty  # Windows has none

    ours, terminal = pty.openpty()
    with os.fdopen(ours, "rb", buffering=0) as screen, tempfile.TemporaryFile() as errors:
        with subprocess.Popen(
            command.replace("pneumoscope ", f"{sys.executable} -m pneumoscope ", 1),
            shell=True,
            cwd=folder,
            env=environment() | TERMINAL,
            stdout=terminal,
            stderr=errors,
        ):
            os.close(terminal)
            shown = _until_closed(screen)
        errors.seek(0)
        return shown, errors.read().decode()


def _until_closed(screen: IO[bytes]) -> str:
    """What a program writes to its terminal until it ends."""
    parts = []
    # Linux reports an error, other systems the end of a file.
    with contextlib.suppress(OSError):
        while part := screen.read(4096):
            parts.append(part)
    return b"".join(parts).decode()


def main() -> None:
    for page in pages():
        text = written(page)
        if text != page.read_text(encoding="utf-8"):
            page.write_text(text, encoding="utf-8")
            print(page.relative_to(ROOT))


if __name__ == "__main__":
    main()
