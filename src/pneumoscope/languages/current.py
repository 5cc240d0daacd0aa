"""The language of texts for readers: English, unless a request or a command says another.

It is a context variable, so that requests in different languages do not disturb each other. What is
written for programs is not translated: JSON and CSV files, logs, the database.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

ENGLISH: Final = "en"
LANGUAGES: Final = (ENGLISH, "de")
"""Those that have texts, by their codes of ISO 639-1."""

_current: ContextVar[str] = ContextVar("language", default=ENGLISH)


def current() -> str:
    """The language in use, one of `LANGUAGES`."""
    return _current.get()


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Uses a language within the block.

    Args:
        language: One of `LANGUAGES`.

    Raises:
        ValueError: There are no texts in this language.
    """
    if language not in LANGUAGES:
        raise ValueError(f"no texts in the language {language!r}")
    before = _current.set(language)
    try:
        yield
    finally:
        _current.reset(before)


def preferred(accept_language: str) -> str:
    """The language of an ``Accept-Language`` header (RFC 9110, 12.5.4) that there are texts in.

    Args:
        accept_language: The header, such as ``"de-AT,de;q=0.9,en;q=0.5"``. A part that cannot be read
            is ignored.

    Returns:
        The one with the highest weight, the first of equals; English if none is known.
    """
    weights: dict[str, float] = {}
    for part in accept_language.split(","):
        tag, _, weight = part.partition(";")
        language = tag.strip().partition("-")[0].lower()
        if language not in LANGUAGES:
            continue
        name, _, value = weight.partition("=")
        try:
            q = float(value) if name.strip() == "q" else 1.0
        except ValueError:
            continue
        weights[language] = max(q, weights.get(language, 0.0))
    best = max(weights, key=weights.__getitem__, default=ENGLISH)
    return best if weights.get(best) else ENGLISH
