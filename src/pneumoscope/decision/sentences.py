"""The sentences of verdicts and of the gate, kept as data that other languages can read.

``sentences.json`` contains them, with ``{names}`` as placeholders. The page's ``decision.js``, which
decides as this package does, uses the same file, so no sentence is written twice.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

FILE = Path(__file__).with_name("sentences.json")
SENTENCES: Final[dict[str, dict[str, Any]]] = json.loads(FILE.read_text(encoding="utf-8"))


def words(name: str, /, **values: str) -> str:
    """A sentence about a verdict, with values inserted."""
    return _sentence("words", name, values)


def of_gate(name: str, /, **values: str) -> str:
    """A sentence of the gate that depends on the film, with values inserted."""
    return _sentence("gate", name, values)


def gate_reasons() -> dict[str, tuple[str, str]]:
    """Code of each of the gate's reasons to its usual sentence and its hint."""
    reasons = SENTENCES["gate"]["reasons"]
    return {code: (texts["sentence"], texts["hint"]) for code, texts in reasons.items()}


def capitalised(text: str) -> str:
    """The text with a capital at its beginning; the rest stays as it is."""
    return text[:1].upper() + text[1:]


def full_sentence(text: str) -> str:
    """The text with a capital at its beginning and one full stop at its end."""
    return f"{capitalised(text).rstrip('.')}."


def _sentence(part: str, name: str, values: dict[str, str]) -> str:
    template: str = SENTENCES[part][name]
    return template.format_map(values)
