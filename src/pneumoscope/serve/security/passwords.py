"""Which passwords are refused: too short, too long, common, breached, or made from the user's name.

NIST SP 800-63B-4, 3.1.1.2, asks for a comparison with a list of such passwords. The list is
``common_passwords.txt.gz``: the lists of zxcvbn 4.5.0 (MIT; passwords, names, words of Wikipedia and
of films) and Django 5.2 (BSD-3-Clause), and some well-known phrases. Its entries have three letters
or more. Breached passwords of `MIN_PASSWORD` characters or more are nearly always a few of these in a
row, with digits, rows of keys or repetitions, so these are refused too.
"""

from __future__ import annotations

import gzip
import re
import unicodedata
from functools import lru_cache
from pathlib import Path

from pneumoscope.errors import AccountError

MIN_PASSWORD = 15
"""Characters; NIST SP 800-63B-4, 3.1.1.2, for a password as the only factor."""
MAX_PASSWORD = 256
"""Characters; the same clause requires at least 64, and a limit keeps the check cheap."""
MOST_COMMON_WORDS = 2
"""A password made of this number of entries of the list, or fewer, is refused."""
_LIST = Path(__file__).with_name("common_passwords.txt.gz")
_HERE = ("pneumoscope", "pneumonia", "radiology", "radiologist", "hospital", "xray")
"""Words that are expected at this service."""
_LEAST_CHARACTERS = 6
"""Different characters."""
_LEAST_NAME = 3
"""Shorter names are in many good passwords."""
_LONG_PART = 5
"""Part of a name that no password may contain; shorter ones are inside other words."""
_LONGEST_PERIOD = 8
_LONGEST_WORD = 40
_WALK = 4
_ROWS = ("1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm")
_PLACES = {key: (x, y) for y, row in enumerate(_ROWS) for x, key in enumerate(row)}
_COLUMNS = re.compile(
    "|".join(
        f"{row}|{row[::-1]}|{row[1:]}|{row[:0:-1]}"
        for row in ("1qaz", "2wsx", "3edc", "4rfv", "5tgb", "6yhn", "7ujm")
    )
)
_LEET = (
    str.maketrans("013457@$!|+", "oleastasilt"),
    str.maketrans("013457@$!|+", "oieastasiit"),
)
_HINT = "A few words that do not belong together are strong and can be remembered."


def normalised(password: str) -> str:
    """One Unicode form for each character (NIST SP 800-63B-4, 3.1.1.2)."""
    return unicodedata.normalize("NFKC", password)


def check_password(name: str, password: str) -> str:
    """The normalised password, if it may be used.

    Args:
        name: Name of the user.
        password: As it was typed.

    Raises:
        AccountError: It is too short, too long, common, or made from the name.
    """
    password = normalised(password)
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise AccountError(
            f"the password has {len(password)} characters, from {MIN_PASSWORD} to "
            f"{MAX_PASSWORD} are needed",
            _HINT,
        )
    if not password.isprintable():
        raise AccountError("the password contains a control character", _HINT)
    lower = password.lower()
    forbidden = {"pneumoscope", *(part for part in _parts(name) if len(part) >= _LONG_PART)}
    if len(name) >= _LEAST_NAME:
        forbidden.add(name)
    if len(set(password)) < _LEAST_CHARACTERS or any(word in lower for word in forbidden):
        raise AccountError("the password is too easy to guess", _HINT)
    if is_common(lower, _parts(name)):
        raise AccountError(
            "the password is too easy to guess: it is on lists of common or breached passwords, or "
            "made of one or two of them",
            _HINT,
        )
    return password


def is_common(password: str, others: tuple[str, ...] = ()) -> bool:
    """Whether a password is a repetition, or made of few entries of the list.

    Digits, punctuation, rows of keys, sequences of letters and repeated words do not count.

    Args:
        password: In lower case.
        others: Further words that count as entries of the list.
    """
    text = "".join(c for c in password if not c.isspace())
    if any(text == (text[:n] * len(text))[: len(text)] for n in range(1, _LONGEST_PERIOD + 1)):
        return True
    return _fewest_words(text, frozenset((*others, *_HERE))) <= MOST_COMMON_WORDS


def _parts(name: str) -> tuple[str, ...]:
    parts = [part for part in re.split(r"[._@-]", name) if len(part) >= 2]
    return (*parts, *(part[::-1] for part in parts))


def _fewest_words(text: str, others: frozenset[str]) -> int:
    """The smallest number of listed words that a text consists of; a large number if it does not."""
    listed = _listed()
    forms = (text, *(text.translate(leet) for leet in _LEET))
    free = _free_ends(text)
    never = len(text) + 1
    # For each place, the words that can end there and the fewest words up to there.
    best: list[dict[str, int]] = [{} for _ in range(len(text) + 1)]
    best[0][""] = 0
    for start in range(len(text)):
        if not best[start]:
            continue
        for end in free[start]:
            for last, count in best[start].items():
                best[end][last] = min(best[end].get(last, never), count)
        fewest = min(best[start].values())
        for end in range(start + 2, min(len(text), start + _LONGEST_WORD) + 1):
            for word in {form[start:end] for form in forms}:
                if word in others or (len(word) >= 3 and word in listed):
                    count = min(fewest + 1, best[start].get(word, never))
                    if count <= MOST_COMMON_WORDS:
                        best[end][word] = min(best[end].get(word, never), count)
    return min(best[-1].values(), default=never)


def _free_ends(text: str) -> list[list[int]]:
    """For each place, the ends of what begins there and takes no guessing."""
    ends = []
    for start, character in enumerate(text):
        here = [start + 1] if not character.isalpha() else []
        column = _COLUMNS.match(text, start)
        if column:
            here.append(column.end())
        end = start + 1
        while end < len(text) and _follows(text[end - 1], text[end]):
            end += 1
            if end - start >= _WALK:
                here.append(end)
        ends.append(here)
    return ends


def _follows(before: str, after: str) -> bool:
    """Whether a character is the same, or the next one in the alphabet or on the keyboard."""
    if abs(ord(before) - ord(after)) <= 1:
        return True
    first, second = _PLACES.get(before), _PLACES.get(after)
    if first is None or second is None:
        return False
    return abs(first[0] - second[0]) <= 1 and abs(first[1] - second[1]) <= 1


@lru_cache(maxsize=1)
def _listed() -> frozenset[str]:
    with gzip.open(_LIST, "rt", encoding="ascii") as stream:
        return frozenset(stream.read().split("\n"))
