"""Translations of English texts that are not sentences of `pneumoscope.decision`.

``messages.<language>.json`` has them in groups: each maps an English text to its translation, both with
the same ``{names}`` as placeholders. The texts themselves are where they are used; among them are those
that bundles bring along, which know no other language.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent


@cache
def groups(language: str) -> dict[str, dict[str, str]]:
    """Name of a group to its texts."""
    file = _FOLDER / f"messages.{language}.json"
    return dict(json.loads(file.read_text(encoding="utf-8")))


def messages(language: str) -> dict[str, str]:
    """English text to its translation, of all groups."""
    return {english: text for group in groups(language).values() for english, text in group.items()}
