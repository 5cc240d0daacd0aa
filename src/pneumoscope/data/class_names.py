"""Names of classes: which ones mean "nothing found", and which ones are spellings of one name."""

from __future__ import annotations

import re
import unicodedata
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_NEGATIVE = {
    "normal", "normals", "negative", "healthy", "no finding", "no findings", "nofinding",
    "nofindings", "none", "normal chest", "normal cxr", "normal x ray", "normal xray",
    "no pneumonia", "non pneumonia", "nopneumonia", "nonpneumonia", "neg", "gesund", "unauffällig",
}  # fmt: skip
# "without TB", "negative for TB", "TB negative", "TB no", and what stands beside them.
_WITHOUT = re.compile(r"(?:no|non|not|without|negative(?: for)?) (.+)|(.+) (?:negative|no)")
_WITH = re.compile(r"(?:with|positive(?: for)?) (.+)|(.+) (?:positive|yes)")
_WHOLE = re.compile(r"([+-]?\d+)(?:[.,]0+)?")  # "1.0" and "1,0" are spellings of "1", "-1" is none
# What file managers and scripts add to a second folder.
_COPY = re.compile(r"(\s*\(\d+\)|[\s_\-]+(copy|kopie))+$", re.IGNORECASE)
# Also at the start of a word: "normale", "NORMALIMAGES"; but "normalised" says how a film was made.
_HEALTHY = re.compile(
    r"(?<!not )(?<!non )(?<!no )(?<!un )(?<!ab )(?<!sub )\b(norm|normal(?!i[sz])\w*|healthy\w*|gesund\w*|unauffällig\w*|controls?"
    r"|unremarkable|uninfected)\b"
)
_MISTYPED = (("normal", "healthy"), 0.8)
"""Words that are often mistyped, and from which share of equal letters on another word is one of them."""
# "NormalCXR", "normal2"
_WORDS = re.compile(r"(?<=[^\W\d_])(?=\d)|(?<=[a-z])(?=[A-Z])")
_SEPARATORS = re.compile(r"[\s_\-.]+")
# Folders are numbered so that they sort: "0_normal", "1. pneumonia".
_NUMBER = re.compile(r"^\d+[\s_\-.]+(?=[^\W\d])")


def plain_name(name: str) -> str:
    """A class's name in lower case with single spaces: ``"no finding"`` for ``"No_Finding"``, ``"1"`` for ``"1.0"``."""
    # macOS keeps ä as two characters, Chinese and Japanese keyboards write letters of full width.
    name = unicodedata.normalize("NFKC", name)
    if number := _WHOLE.fullmatch(name.strip()):
        return number[1]
    return _SEPARATORS.sub(" ", name).strip().casefold() or name.strip()  # "-" stays, and is no ""


def is_negative(name: str) -> bool:
    """Whether a name means "nothing found", whatever its capitals, separators and leading number."""
    return plain_name(_COPY.sub("", _NUMBER.sub("", name.strip()))) in _NEGATIVE


def healthy_besides(names: Iterable[str]) -> list[str]:
    """Names that speak of healthy films in other words, beside one that means "nothing found".

    Such as ``"NormalCXR"``, ``"normal2"`` and ``"controls"``; also mistyped ones: ``"Noraml"``. Some leave open
    whether these films are healthy: ``"near normal"``, ``"normal variant"``.
    """
    given = tuple(names)
    if not any(map(is_negative, given)):
        return []
    return [n for n in given if not is_negative(n) and _speaks_of_healthy(n)]


def denying_besides(names: Iterable[str]) -> list[str]:
    """Names that deny something, beside one that means "nothing found": ``"non-COVID"``, ``"COVID negative"``."""
    given = tuple(names)
    if not any(map(is_negative, given)):
        return []
    return [
        n for n in given
        if not is_negative(n) and (denied := _denied(n)) and not _HEALTHY.match(denied)
    ]  # fmt: skip


def negative_of(names: Iterable[str]) -> str | None:
    """The first name that means "nothing found", or None.

    If none does, it is a name that denies another one: ``"non-COVID"`` beside ``"COVID"``, ``"without TB"``
    beside ``"with TB"``.
    """
    given = tuple(names)
    negative = next((name for name in given if is_negative(name)), None)
    if negative is not None:
        return negative
    said = {_said(name) for name in given}
    return next((n for n in given if (denied := _denied(n)) and denied in said), None)


def _speaks_of_healthy(name: str) -> bool:
    plain = plain_name(_WORDS.sub(" ", name))
    known, alike = _MISTYPED
    return bool(_HEALTHY.search(plain)) or any(
        word[0] == other[0] and SequenceMatcher(None, word, other).ratio() >= alike
        for word in plain.split()
        for other in known
        if not word.startswith(other)
    )


def _denied(name: str) -> str:
    """What a name denies, ``""`` if nothing."""
    match = _WITHOUT.fullmatch(plain_name(name))
    return (match[1] or match[2]) if match else ""


def _said(name: str) -> str:
    """A name without the words that say that something is there."""
    match = _WITH.fullmatch(plain_name(name))
    return (match[1] or match[2]) if match else plain_name(name)


def negative_first(names: Iterable[str], negative: str | None = None) -> tuple[str, ...]:
    """The same names in their order, except that the negative one comes first.

    Args:
        names: The names.
        negative: The negative one; None for `negative_of`.
    """
    given = tuple(names)
    negative = negative_of(given) if negative is None else negative
    if negative is None or negative not in given:
        return given
    return (negative, *(n for n in given if n != negative))


def kept_spellings(films: Mapping[str, int]) -> dict[str, str]:
    """One spelling for all names of a class; names that mean "nothing found" are one class.

    ``TB (1)`` is a copy of ``TB``, if there is one; without it, ``stage (1)`` and ``stage (2)`` are two classes.

    Args:
        films: Name to number of films.

    Returns:
        Every name to the spelling that most films have (in alphabetical order if several have as many).
    """
    spellings: dict[str | None, list[str]] = {}  # None for healthy films
    plain = {plain_name(name) for name in films}
    for name in films:
        original = plain_name(_COPY.sub("", name))
        key = original if original in plain else plain_name(name)
        spellings.setdefault(None if is_negative(name) else key, []).append(name)
    return {
        name: min(group, key=lambda n: (-films[n], n))
        for group in spellings.values()
        for name in group
    }
