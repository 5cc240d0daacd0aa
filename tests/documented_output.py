"""Compares what commands print as JSON with the reference."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

_PAGE = Path(__file__).parents[1] / "docs" / "reference" / "output.md"


def undocumented(command: str, record: Mapping[str, object]) -> list[str]:
    """Keys of a record, such as ``pneumoscope drift --json`` prints it, that the page on output lacks."""
    text = _described(_PAGE.read_text(encoding="utf-8"), command)
    assert text, f"docs/reference/output.md says nothing of pneumoscope {command} --json"
    return [key for key in record if f"`{key}`" not in text]


def _described(page: str, command: str) -> str:
    """The section of a command, else its row or paragraph."""
    name = f"`pneumoscope {command} --json`"
    section = re.search(rf"^## {re.escape(name)}\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    if section:
        return section[1]
    row = next((line for line in page.splitlines() if name in line.partition(" | ")[0]), "")
    return row if row.startswith("|") else page.partition(name)[2].partition("\n\n")[0]
