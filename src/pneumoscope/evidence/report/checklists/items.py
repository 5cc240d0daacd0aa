"""The items of the published checklists."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
NAMES = ("claim-2024", "tripod-ai", "stard-ai")
OPEN = "-"
"""Key of items that none of our records answers."""


@dataclass(frozen=True, slots=True)
class Checklist:
    """A published checklist.

    Attributes:
        title: Its name.
        source: Where it was published.
        note: How it is presented here.
        items: Number, what the item asks for, and key of the answer or `OPEN`.
    """

    title: str
    source: str
    note: str
    items: tuple[tuple[str, str, str], ...]


def load(name: str) -> Checklist:
    """One of `NAMES`."""
    content = tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    items = tuple((number, text, key) for number, text, key in content["items"])
    return Checklist(content["title"], content["source"], content["note"], items)
