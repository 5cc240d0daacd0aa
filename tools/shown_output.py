"""Command lines in the documents with what they print: runs them and writes their output anew.

python tools/shown_output.py

A block in the language ``console`` holds command lines after ``$`` and below each what it prints, on
stdout and then on stderr. All blocks of a page run in one folder that holds ``samples``.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

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
    done = subprocess.run(
        command.replace("pneumoscope ", f"{sys.executable} -m pneumoscope ", 1),
        shell=True,
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    text = done.stdout.rstrip("\n") + "\n" + done.stderr
    return "".join(f"{line.rstrip()}\n" for line in text.strip("\n").splitlines())


def main() -> None:
    for page in pages():
        text = written(page)
        if text != page.read_text(encoding="utf-8"):
            page.write_text(text, encoding="utf-8")
            print(page.relative_to(ROOT))


if __name__ == "__main__":
    main()
