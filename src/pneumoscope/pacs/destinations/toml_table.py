"""Reads a table of a TOML file: every key by its kind, and no key that nobody reads."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pneumoscope.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


class TomlTable:
    """A table whose keys are read one by one; `finish` refuses those that were not read."""

    def __init__(self, values: Mapping[str, Any], where: str) -> None:
        """Reads nothing yet.

        Args:
            values: The table.
            where: What to call it in messages, such as ``"destinations.archive"``; empty for the
                whole file.
        """
        self.where = where
        self._values = values
        self._known: list[str] = []

    def text(self, key: str, default: str | None = None) -> str:
        """A text that is not empty.

        Raises:
            UsageError: It has another type, or is missing and has no default.
        """
        value = self._value(key, default)
        if not isinstance(value, str) or not value.strip():
            raise self.error(key, f"must be a text, not {value!r}")
        return value.strip()

    def optional_text(self, key: str) -> str | None:
        """A text; None if it is not given.

        Raises:
            UsageError: It is no text, or empty.
        """
        return self.text(key) if self.has(key) else None

    def optional_path(self, key: str) -> Path | None:
        """A path, where ``~`` is the home folder; None if it is not given.

        Raises:
            UsageError: It is no text, or empty.
        """
        return Path(self.text(key)).expanduser() if self.has(key) else None

    def number(self, key: str, default: float | None, least: float, most: float) -> float:
        """A number between two others.

        Raises:
            UsageError: It has another type, is out of range, or is missing and has no default.
        """
        value = self._value(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.error(key, f"must be a number, not {value!r}")
        if not least <= value <= most:
            raise self.error(key, f"must be between {least:g} and {most:g}, not {value:g}")
        return value

    def whole(self, key: str, default: int | None, least: int, most: int) -> int:
        """A whole number between two others.

        Raises:
            UsageError: As `number`, or it has a fraction.
        """
        value = self.number(key, default, least, most)
        if value != int(value):
            raise self.error(key, f"must be a whole number, not {value!r}")
        return int(value)

    def optional_whole(self, key: str, default: int | None, least: int, most: int) -> int | None:
        """A whole number, or None; ``false`` in the file stands for None.

        Raises:
            UsageError: As `whole`.
        """
        if self.has(key) and self._values[key] is False:
            return None
        return default if not self.has(key) else self.whole(key, None, least, most)

    def flag(self, key: str, default: bool) -> bool:
        """True or false.

        Raises:
            UsageError: It is neither.
        """
        value = self._value(key, default)
        if not isinstance(value, bool):
            raise self.error(key, f"must be true or false, not {value!r}")
        return value

    def choice(self, key: str, known: Collection[str], default: str | None = None) -> str:
        """One of several words.

        Raises:
            UsageError: It is another one; the nearest is named.
        """
        value = self.text(key, default)
        if value not in known:
            raise self.error(key, f"is {value!r}", known, value)
        return value

    def choices(
        self, key: str, known: Collection[str], default: Collection[str]
    ) -> tuple[str, ...]:
        """Some of several words, each once, in the order of ``known``.

        Raises:
            UsageError: It is no list, is empty, or holds another word; the nearest is named.
        """
        values = self._value(key, list(default))
        if not isinstance(values, list) or not values:
            raise self.error(key, f"must be a list of words, not {values!r}", known)
        for value in values:
            if value not in known:
                raise self.error(key, f"names {value!r}", known, value)
        return tuple(word for word in known if word in values)

    def words(self, key: str, default: tuple[str, ...]) -> tuple[str, ...]:
        """One or more texts that are not empty.

        Raises:
            UsageError: It is no list, is empty, or holds something else.
        """
        if not self.has(key):
            return default
        values = self._values[key]
        if (
            not isinstance(values, list)
            or not values
            or not all(isinstance(value, str) and value.strip() for value in values)
        ):
            raise self.error(key, f"must be a list of texts, not {values!r}")
        return tuple(value.strip() for value in values)

    def texts(self, key: str) -> tuple[str, ...]:
        """Texts that are not empty; none if the key is not given, or its list is empty.

        Raises:
            UsageError: It is no list, or holds something else.
        """
        if not self.has(key) or self._values[key] == []:
            return ()
        return self.words(key, ())

    def has(self, key: str) -> bool:
        """Whether a key is given."""
        self._known.append(key)
        return key in self._values

    def finish(self) -> None:
        """Refuses keys that were not read.

        Raises:
            UsageError: There is one; the nearest known key is named.
        """
        for key in self._values:
            if key not in self._known:
                known = sorted(set(self._known))
                what = f"{self.where}: unknown key" if self.where else "unknown table or key"
                raise UsageError(f"{what} {key}", _advice(known, key))

    def error(
        self, key: str, what: str, known: Collection[str] = (), given: object = None
    ) -> UsageError:
        """An error about a key.

        Args:
            key: The key.
            what: What is wrong, as the end of a sentence.
            known: Words that would be right.
            given: The word that was given.
        """
        return UsageError(f"{self.where}: {key} {what}", _advice(known, given) if known else "")

    def _value(self, key: str, default: Any) -> Any:
        if self.has(key):
            return self._values[key]
        if default is None:
            unread = [name for name in self._values if name not in self._known]
            near = difflib.get_close_matches(key, unread, 1, 0.6)
            hint = f"Add a line: {key} = ..."
            if near:
                hint = f"Is {near[0]} a typo? `pneumoscope pacs --example` prints every key."
            raise UsageError(f"{self.where}: {key} is missing", hint)
        return default


def _advice(known: Collection[str], given: object) -> str:
    words = f"Choose among: {', '.join(known)}."
    near = difflib.get_close_matches(given, known, 1, 0.6) if isinstance(given, str) else []
    return f"Did you mean {near[0]}? {words}" if near else words
