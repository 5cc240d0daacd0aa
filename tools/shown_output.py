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
from pathlib import Path
from typing import IO

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))]
_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def pages() -> list[Path]:
    """The documents that show output."""
    return [page for page in PAGES if _BLOCK.search(page.read_text(encoding="utf-8"))]


def written(page: Path) -> str:
    """A document with the output of its commands as they print it now."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(ROOT / "samples", Path(folder) / "samples")
        text = page.read_text(encoding="utf-8")
        return _BLOCK.sub(lambda block: f"```console\n{_run(block[1], folder)}```", text)


def _run(block: str, folder: str) -> str:
    return "".join(
        f"{line}\n{printed(line[2:], folder)}"
        for line in block.splitlines()
        if line.startswith("$ ")
    )


def environment() -> dict[str, str]:
    """That of this process, without settings of pneumoscope."""
    return {k: v for k, v in os.environ.items() if not k.startswith("PNEUMOSCOPE_")}


def printed(command: str, folder: str) -> str:
    """What a command line prints, without blanks at the ends of lines."""
    import pty  # Windows has none

    ours, terminal = pty.openpty()
    with os.fdopen(ours, "rb", buffering=0) as screen, tempfile.TemporaryFile() as errors:
        with subprocess.Popen(
            command.replace("pneumoscope ", f"{sys.executable} -m pneumoscope ", 1),
            shell=True,
            cwd=folder,
            env=environment() | {"TERM": "dumb", "COLUMNS": "80"},
            stdout=terminal,
            stderr=errors,
        ):
            os.close(terminal)
            shown = _until_closed(screen)
        errors.seek(0)
        text = shown.replace("\r\n", "\n").rstrip("\n") + "\n" + errors.read().decode()
    return "".join(f"{line.rstrip()}\n" for line in text.strip("\n").splitlines())


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
