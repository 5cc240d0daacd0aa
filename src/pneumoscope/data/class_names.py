"""Names of classes: which ones mean "nothing found", and which ones are spellings of one name."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_NEGATIVE = {
    "normal", "normals", "negative", "healthy", "no finding", "no findings", "nofinding",
    "nofindings", "none", "normal chest", "normal cxr", "normal x ray", "normal xray",
    "no pneumonia", "non pneumonia", "nopneumonia", "nonpneumonia", "neg", "gesund", "unauffällig",
}  # fmt: skip
_WITHOUT = re.compile(r"(no|non|not|without) (.+)")
_WHOLE = re.compile(r"([+-]?\d+)(?:[.,]0+)?")  # "1.0" and "1,0" are spellings of "1", "-1" is none
# What file managers and scripts add to a second folder.
_COPY = re.compile(r"(\s*\(\d+\)|[\s_\-]+(copy|kopie))+$", re.IGNORECASE)
_HEALTHY = re.compile(
    r"(?<!not )(?<!non )(?<!no )(?<!un )\b(normals?|healthy|gesund|unauffällig)\b"
)
_SEPARATORS = re.compile(r"[\s_\-.]+")
# Folders are numbered so that they sort: "0_normal", "1. pneumonia".
_NUMBER = re.compile(r"^\d+[\s_\-.]+(?=[^\W\d])")


def plain_name(name: str) -> str:
    """A class's name in lower case with single spaces: ``"no finding"`` for ``"No_Finding"``, ``"1"`` for ``"1.0"``."""
    name = unicodedata.normalize("NFC", name)  # macOS keeps ä as two characters
    if number := _WHOLE.fullmatch(name.strip()):
        return number[1]
    return _SEPARATORS.sub(" ", name).strip().casefold()


def is_negative(name: str) -> bool:
    """Whether a name means "nothing found", whatever its capitals, separators and leading number."""
    return plain_name(_COPY.sub("", _NUMBER.sub("", name.strip()))) in _NEGATIVE


def healthy_besides(names: Iterable[str]) -> list[str]:
    """Names that speak of healthy films in other words, beside one that means "nothing found"."""
    given = tuple(names)
    if not any(map(is_negative, given)):
        return []
    return [n for n in given if not is_negative(n) and _HEALTHY.search(plain_name(n))]


def denying_besides(names: Iterable[str]) -> list[str]:
    """Names that deny another one, beside one that means "nothing found": ``"non-COVID"``."""
    given = tuple(names)
    if not any(map(is_negative, given)):
        return []
    plain = {plain_name(name) for name in given}
    return [n for n in given if not is_negative(n) and _denied(n) in plain]


def negative_of(names: Iterable[str]) -> str | None:
    """The first name that means "nothing found", or None.

    If none does, it is a name that denies another one: ``"non-COVID"`` beside ``"COVID"``.
    """
    given = tuple(names)
    negative = next((name for name in given if is_negative(name)), None)
    if negative is not None:
        return negative
    plain = {plain_name(name) for name in given}
    return next((name for name in given if _denied(name) in plain), None)


def _denied(name: str) -> str:
    match = _WITHOUT.fullmatch(plain_name(name))
    return match[2] if match else ""


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
    spellings: dict[str, list[str]] = {}
    plain = {plain_name(name) for name in films}
    for name in films:
        original = plain_name(_COPY.sub("", name))
        key = original if original in plain else plain_name(name)
        spellings.setdefault("" if is_negative(name) else key, []).append(name)
    return {
        name: min(group, key=lambda n: (-films[n], n))
        for group in spellings.values()
        for name in group
    }
