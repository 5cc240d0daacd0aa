"""The sentences of verdicts and of the gate: data, which other languages read too.

``sentences.json`` has them with ``{names}`` for what is put in. `decision.js` of the page, which
decides as this package does, takes the same file, so that no sentence is written twice.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

FILE = Path(__file__).with_name("sentences.json")
SENTENCES: Final[dict[str, dict[str, Any]]] = json.loads(FILE.read_text(encoding="utf-8"))


def words(name: str, /, **values: str) -> str:
    """A sentence about a verdict, with values put in."""
    return _sentence("words", name, values)


def of_gate(name: str, /, **values: str) -> str:
    """A sentence of the gate that depends on the film, with values put in."""
    return _sentence("gate", name, values)


def gate_reasons() -> dict[str, tuple[str, str]]:
    """Code of each reason of the gate to its usual sentence and its hint."""
    reasons = SENTENCES["gate"]["reasons"]
    return {code: (texts["sentence"], texts["hint"]) for code, texts in reasons.items()}


def _sentence(part: str, name: str, values: dict[str, str]) -> str:
    template: str = SENTENCES[part][name]
    return template.format_map(values)
