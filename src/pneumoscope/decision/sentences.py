"""The sentences of verdicts, of the gate and of heatmaps, kept as data in every language.

``sentences.json`` contains the English ones, ``sentences.de.json`` the German ones, under the same
keys and with the same ``{names}`` as placeholders. The page's ``decision.js``, which decides as this
package does, uses the same files, so no sentence is written twice.

A decision contains English sentences of the gate and of the heatmap, whatever language is in use: it
is data. `translated` puts them into the language in use when they are shown.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pneumoscope.languages.catalogue import Catalogue
from pneumoscope.languages.current import ENGLISH, LANGUAGES, current
from pneumoscope.languages.messages import messages

if TYPE_CHECKING:
    from datetime import datetime

FILE = Path(__file__).with_name("sentences.json")
FILES: Final = {
    language: FILE if language == ENGLISH else FILE.with_suffix(f".{language}.json")
    for language in LANGUAGES
}
"""The file of each language."""
TABLES: Final[dict[str, dict[str, Any]]] = {
    language: json.loads(file.read_text(encoding="utf-8")) for language, file in FILES.items()
}
SENTENCES: Final = TABLES[ENGLISH]

_NUMBER = re.compile(r"(-?\d+)\.(\d+(?:e[-+]\d+)?%?)")
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+")
_PERCENT = re.compile(r"\d%")


def words(name: str, /, **values: str) -> str:
    """A sentence about a verdict in the language in use, with values inserted."""
    table = TABLES[current()]
    template: str = table["words"][name]
    return template.format_map({key: _shown(value, table) for key, value in values.items()})


def of_gate(name: str, /, **values: str) -> str:
    """An English sentence of the gate that depends on the film, with values inserted."""
    return _english("gate", name, values)


def of_explanation(name: str, /, **values: str) -> str:
    """An English sentence about a heatmap, with values inserted."""
    return _english("explanation", name, values)


def gate_reasons() -> dict[str, tuple[str, str]]:
    """Code of each of the gate's reasons to its usual English sentence and its hint."""
    reasons = SENTENCES["gate"]["reasons"]
    return {code: (texts["sentence"], texts["hint"]) for code, texts in reasons.items()}


def shown(value: str) -> str:
    """A code or a number as readers of the language in use see it.

    Args:
        value: A verdict, class, kind, finding, zone, population or operating point, or a number such
            as ``"0.43"`` or ``"45%"``. Anything else is returned as it is.
    """
    return _shown(value, TABLES[current()])


def time_text(when: datetime) -> str:
    """A time with its date, to the minute, as the language in use writes it."""
    return when.strftime(TABLES[current()]["time"])


def translated(text: str) -> str:
    """An English sentence in the language in use; as it is if there is no translation.

    Args:
        text: A sentence of the gate, of a heatmap or of a bundle, or an error's message or hint.
    """
    language = current()
    return text if language == ENGLISH else catalogue(language).translated(text)


@cache
def catalogue(language: str) -> Catalogue:
    """Every English sentence that is data, with its translation into a language."""
    table = TABLES[language]
    sentences = dict(messages(language))
    for part in ("gate", "explanation"):
        for key, english in SENTENCES[part].items():
            if isinstance(english, str):
                sentences[english] = table[part][key]
    for key, english in SENTENCES["words"].items():
        if key.startswith("ranges_"):  # the others are too short to be recognised
            sentences[english] = table["words"][key]
    for code, reason in SENTENCES["gate"]["reasons"].items():
        for key, english in reason.items():
            sentences[english] = table["gate"]["reasons"][code][key]
    return Catalogue(sentences, lambda value: _shown(value, table))


def capitalised(text: str) -> str:
    """The text with a capital at its beginning; the rest stays as it is."""
    return text[:1].upper() + text[1:]


def full_sentence(text: str) -> str:
    """The text with a capital at its beginning and one full stop at its end."""
    return f"{capitalised(text).rstrip('.')}."


def counted(number: int, noun: str) -> str:
    """A number with its English noun: ``1 film``, ``2,000 films``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _english(part: str, name: str, values: dict[str, str]) -> str:
    template: str = SENTENCES[part][name]
    return template.format_map(values)


def _shown(value: str, table: dict[str, Any]) -> str:
    if table is SENTENCES:
        return value
    if value in table["names"]:
        return str(table["names"][value])
    if _THOUSANDS.fullmatch(value):
        return value.replace(",", table["thousands"])
    if match := _NUMBER.fullmatch(value):
        value = f"{match[1]}{table['decimal']}{match[2]}"
    return value.replace("%", " %") if _PERCENT.search(value) and value.endswith("%") else value
