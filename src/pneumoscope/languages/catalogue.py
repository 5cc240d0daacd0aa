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
    from collections.abc import Callable, Mapping

PLACEHOLDER = re.compile(r"\{(\w+)\}")
VERBATIM = frozenset({"name", "file"})
"""Placeholders of names that users gave: these are never translated."""
_KEPT_TEXTS = 4096


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
        self._patterns = [(_pattern(english), sentences[english]) for english in with_values]
        self._value = value
        self.translated = lru_cache(_KEPT_TEXTS)(self._translated)

    def _translated(self, text: str) -> str:
        """The text in the other language; as it is if the catalogue does not know it."""
        if text in self._exact:
            return self._exact[text]
        for pattern, translation in self._patterns:
            if match := pattern.fullmatch(text):
                values = {name: self._of(name, v) for name, v in match.groupdict().items()}
                return translation.format_map(values)
        return text

    def _of(self, name: str, value: str) -> str:
        if name in VERBATIM:
            return value
        translated: str = self.translated(value)
        return self._value(value) if translated == value else translated


def _pattern(english: str) -> re.Pattern[str]:
    parts = PLACEHOLDER.split(english)
    seen: set[str] = set()
    pattern = ""
    for i, part in enumerate(parts):
        if i % 2 == 0:
            pattern += re.escape(part)
        elif part in seen:
            pattern += f"(?P={part})"
        else:
            seen.add(part)
            pattern += f"(?P<{part}>.+?)"
    return re.compile(pattern, re.DOTALL)
