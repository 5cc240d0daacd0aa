"""Names of classes: which ones mean "nothing found", and which ones are spellings of one name."""

from __future__ import annotations

import re
import unicodedata
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_NEGATIVE = {
    "normal", "normals", "negative", "healthy", "health", "no finding", "no findings", "nofinding",
    "nofindings", "none", "normal chest", "normal cxr", "normal x ray", "normal xray",
    "no pneumonia", "non pneumonia", "nopneumonia", "nonpneumonia", "neg", "no pneumonia detected",
    "no abnormality", "no abnormalities", "no abnormality detected", "no disease", "within normal limits",
    # In German, Spanish, Portuguese, French and Italian; with and without accents.
    "gesund", "gesunde", "unauffällig", "normalbefund", "ohne befund", "o b", "o.b", "negativ", "keine pneumonie",
    "sano", "sanos", "sana", "normales", "negativo", "sin hallazgos", "sin neumonía", "sin neumonia",
    "saudável", "saudavel", "saudáveis", "saudaveis", "normais", "sem achados", "sem pneumonia",
    "sain", "sains", "normale", "normaux", "négatif", "negatif", "sans pneumonie", "sani", "normali",
}  # fmt: skip
_IS = re.compile(r"^is (?=\w)")  # a column "is_normal"
# Of a film whose class nobody knows. "-" may also stand for negative.
_UNKNOWN = {
    "unknown", "unk", "unlabelled", "unlabeled", "unlabel", "undefined", "unspecified", "unsure", "uncertain",
    "not labelled", "not labeled", "no label", "not available", "not known", "missing", "n/a", "?", "??", "???", "tbd",
    "todo", "to do", "unbekannt", "unklar", "unsicher", "desconocido", "inconnu",
}  # fmt: skip
# PadChest's words about a report or a picture (Bustos et al. 2020), among the findings of a film.
_ABOUT_REPORTS = {"unchanged", "exclude", "suboptimal study"}
# Beside "normal" nobody knows whether these are other words for it.
_DENIALS = {"0", "no", "false"}
# "without TB", "negative for TB", "TB negative", "TB no", and what stands beside them; in five more languages.
_WITHOUT = re.compile(
    r"(?:no|non|not|without|negative(?: for)?|kein|keine|ohne|sin|sem|sans|senza) (.+)"
    r"|(.+) (?:negative|no|negativ|negativo|négatif)"
)
_WITH = re.compile(
    r"(?:with|positive(?: for)?|mit|con|com|avec) (.+)|(.+) (?:positive|yes|positiv|positivo|positif)"
)
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
    return _IS.sub("", plain_name(_COPY.sub("", _NUMBER.sub("", name.strip())))) in _NEGATIVE


def is_unknown(name: str, *, finding: bool = False) -> bool:
    """Whether a name says that the class of a film is not known, such as ``"unknown"``, ``"?"`` or ``"unlabeled"``.

    Args:
        name: A class or a finding.
        finding: Whether it is one of the findings of a film: PadChest's also say something of the report.
    """
    plain = plain_name(name)
    return plain in _UNKNOWN or (finding and plain in _ABOUT_REPORTS)


def healthy_besides(names: Iterable[str]) -> list[str]:
    """Names that speak of healthy films in other words, beside one that means "nothing found".

    Such as ``"NormalCXR"``, ``"normal2"`` and ``"controls"``; also mistyped ones: ``"Noraml"``. Some leave open
    whether these films are healthy: ``"near normal"``, ``"normal variant"``, ``"0"``, ``"no"``.
    """
    listed = tuple(names)
    if not any(map(is_negative, listed)):
        return []
    return [
        n
        for n in listed
        if not is_negative(n) and (plain_name(n) in _DENIALS or speaks_of_healthy(n))
    ]


def denying_besides(names: Iterable[str]) -> list[str]:
    """Names that deny something, beside one that means "nothing found": ``"non-COVID"``, ``"COVID negative"``."""
    listed = tuple(names)
    if not any(map(is_negative, listed)):
        return []
    return [
        n for n in listed
        if not is_negative(n) and (denied := _denied(n)) and not _HEALTHY.match(denied)
    ]  # fmt: skip


def negative_of(names: Iterable[str]) -> str | None:
    """The first name that means "nothing found", or None.

    If none does, it is a name that denies another one: ``"non-COVID"`` beside ``"COVID"``, ``"without TB"``
    beside ``"with TB"``.
    """
    listed = tuple(names)
    negative = next((name for name in listed if is_negative(name)), None)
    if negative is not None:
        return negative
    affirmed = {_affirmed(name) for name in listed}
    return next((n for n in listed if (denied := _denied(n)) and denied in affirmed), None)


def speaks_of_healthy(name: str) -> bool:
    """Whether a word of a name, perhaps mistyped, is one for healthy films: ``"NormalCXR"``, ``"controls"``."""
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


def _affirmed(name: str) -> str:
    """A name without the words that say that something is there."""
    match = _WITH.fullmatch(plain_name(name))
    return (match[1] or match[2]) if match else plain_name(name)


def negative_first(names: Iterable[str], negative: str | None = None) -> tuple[str, ...]:
    """The same names in their order, except that the negative one comes first.

    Args:
        names: The names.
        negative: The negative one; None for `negative_of`.
    """
    listed = tuple(names)
    negative = negative_of(listed) if negative is None else negative
    if negative is None or negative not in listed:
        return listed
    return (negative, *(n for n in listed if n != negative))


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
