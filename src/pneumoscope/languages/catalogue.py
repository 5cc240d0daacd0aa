"""Translates English texts that were made from sentences with values.

A sentence of the package is the same wherever it comes from: a new result, one that an earlier version
stored, an error of another process. A catalogue recognises it, takes its values out, and puts them
into the sentence of another language. What it does not know stays English.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

PLACEHOLDER = re.compile(r"\{(\w+)\}")
VERBATIM = frozenset({"name", "file"})
"""Placeholders of names that users gave: these are never translated."""
_KEPT_TEXTS = 4096
_DEEPEST = 5
"""Sentences within sentences; a text that somebody sends may repeat one of them very often."""


class Catalogue:
    """English sentences and their translations.

    Args:
        sentences: English sentence to its translation, both with the same ``{names}`` as placeholders.
        value: What to write for a value that is no sentence, such as a number or a code.
    """

    def __init__(self, sentences: Mapping[str, str], value: Callable[[str], str]) -> None:
        self._exact = {e: t for e, t in sentences.items() if not PLACEHOLDER.search(e)}
        with_values = [e for e in sentences if PLACEHOLDER.search(e)]
        # The sentence that says most of the text itself is tried first.
        with_values.sort(key=lambda english: -len(PLACEHOLDER.sub("", english)))
        self._templates = [(PLACEHOLDER.split(e), sentences[e]) for e in with_values]
        self._value = value
        self.translated = lru_cache(_KEPT_TEXTS)(self._translated)

    def _translated(self, text: str, depth: int = 0) -> str:
        """The text in the other language; as it is if the catalogue does not know it."""
        if text in self._exact or depth == _DEEPEST:
            return self._exact.get(text, text)
        for parts, translation in self._templates:
            if (values := _values(parts, text)) is not None:
                shown = {name: self._of(name, v, depth + 1) for name, v in values.items()}
                return translation.format_map(shown)
        return text

    def _of(self, name: str, value: str, depth: int) -> str:
        if name in VERBATIM:
            return value
        translated = self._translated(value, depth)
        return self._value(value) if translated == value else translated


def _values(parts: Sequence[str], text: str) -> dict[str, str] | None:
    """The values of a text that was made from a sentence; None if it was made from another one.

    Each value ends at the first place where the sentence can go on. Unlike with a regular expression,
    the time is proportional to the length of the text, which may come from anybody.

    Args:
        parts: Of the sentence: literal text and names of placeholders, in turns.
        text: The text.
    """
    if not (text.startswith(parts[0]) and text.endswith(parts[-1])):
        return None
    values: dict[str, str] = {}
    at, end = len(parts[0]), len(text) - len(parts[-1])
    for i in range(1, len(parts), 2):
        name, literal = parts[i], parts[i + 1]
        is_last = i + 2 == len(parts)
        until = end if is_last else text.find(literal, at + 1, end)
        if until <= at or values.setdefault(name, text[at:until]) != text[at:until]:
            return None
        at = until + len(literal)
    return values
