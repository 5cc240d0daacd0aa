"""The data sheet of a data set: facts that a bundle trained on it passes on to its readers."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pneumoscope.errors import DataError
from pneumoscope.files import cause, read_text
from pneumoscope.records import ABNORMAL, Population

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SHEET = "datasheet.toml"
"""Name of the file in a data folder, or beside a manifest."""
_SHIPPED = Path(__file__).parent / "sheets"
_HINT = "See docs/how-to/data.md for what a data sheet may say."
_TEXTS = (
    "source", "attribution", "licence", "positive", "kinds_warning", "collection", "masks", "negative",
)  # fmt: skip
_LISTS = ("kinds", "warnings")


@dataclass(frozen=True, slots=True)
class DataSheet:
    """What is known of the films of a data set, and what follows for verdicts.

    Attributes:
        source: Where the films come from, one sentence without its full stop; ``""`` for what the
            layout says.
        attribution: How to cite them, with its full stop; ``""`` for the source.
        licence: Licence of the films, such as ``"CC BY 4.0"``; ``""`` if unknown.
        positive: What a film is called that is not negative; ``""`` for a name made of the labels.
        kinds: Classes that are kinds of the positive verdict; empty for all positive classes where
            there are several.
        kinds_warning: Sentence beside every verdict that names kinds, or ``""``.
        warnings: Sentences beside every verdict.
        population: The patients of the films; None if unknown.
        collection: Hospital or collection of the films whose layout does not name one, or ``""``.
        masks: Folder of lung masks, relative to the data sheet's folder, or ``""``.
        negative: The class that means "nothing found", if its name does not say so; or ``""``.
    """

    source: str = ""
    attribution: str = ""
    licence: str = ""
    positive: str = ""
    kinds: tuple[str, ...] = ()
    kinds_warning: str = ""
    warnings: tuple[str, ...] = ()
    population: Population | None = None
    collection: str = ""
    masks: str = ""
    negative: str = ""

    @property
    def facts(self) -> DataSheet:
        """The sheet without what it says of single films and of the layout."""
        return replace(self, collection="", masks="", negative="")

    def positive_name(self, labels: Sequence[str], negative: str | None) -> str:
        """What a film is called that is not negative, such as ``"PNEUMONIA"`` or ``"ABNORMAL"``."""
        others = [label for label in labels if label != negative]
        if self.positive and negative is not None:
            return self.positive
        return others[0].upper() if len(others) == 1 else ABNORMAL

    def kinds_of(self, labels: Sequence[str], negative: str | None) -> tuple[str, ...]:
        """The classes that are kinds of the positive verdict: none, or two and more."""
        others = tuple(label for label in labels if label != negative)
        if negative is None or len(others) < 2:
            return ()
        known = {kind.lower() for kind in self.kinds}
        return tuple(label for label in others if not known or kind_name(label) in known)

    def warning_of(self, kinds: Sequence[str]) -> str:
        """The sentence beside verdicts that name these kinds, or ``""``."""
        known = {kind.lower() for kind in self.kinds}
        return self.kinds_warning if known & {kind_name(kind) for kind in kinds} else ""


UNKNOWN = DataSheet()
"""For a data set about which nothing is known."""


def read_sheet(path: Path) -> DataSheet:
    """Reads a data sheet.

    Raises:
        DataError: The file cannot be read, is not TOML, or says what no data sheet says.
    """
    try:
        table = tomllib.loads(read_text(path))
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({cause(error)})", _HINT) from None
    except tomllib.TOMLDecodeError as error:
        raise DataError(f"{path}: is not TOML ({error})", _HINT) from error
    try:
        return _sheet_of(table)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path}: {error}", _HINT) from error


@cache
def shipped_sheets() -> tuple[DataSheet, ...]:
    """The data sheets inside the package."""
    return tuple(read_sheet(path) for path in sorted(_SHIPPED.glob("*.toml")))


def shipped_sheet(name: str) -> DataSheet:
    """One of them, by the name of its file without the ending."""
    return read_sheet(_SHIPPED / f"{name}.toml")


def sheet_for(labels: Iterable[str], negative: str | None) -> DataSheet:
    """What the names of classes alone tell, where nothing else is known of the films.

    Returns:
        ``positive``, ``kinds`` and ``kinds_warning`` of the shipped data sheet among whose kinds all
        positive classes are; else a data sheet that says nothing.
    """
    others = {kind_name(label) for label in labels if label != negative}
    for sheet in shipped_sheets():
        if others <= set(sheet.kinds):
            return DataSheet(
                positive=sheet.positive, kinds=sheet.kinds, kinds_warning=sheet.kinds_warning
            )
    return UNKNOWN


_KIND_WORDS = {
    "bacteria": "bacterial",
    "bacterial": "bacterial",
    "virus": "viral",
    "viral": "viral",
}


def kind_name(label: str) -> str:
    """A class's name in lower case; bacteria and viruses as the shipped data sheet calls them.

    Args:
        label: As a folder or a notebook has it, such as ``"BACTERIA"`` or ``"Viral Pneumonia"``.
    """
    words = [word for word in re.split(r"[^a-z]+", label.lower()) if word and word != "pneumonia"]
    return _KIND_WORDS.get(words[0], label.lower()) if len(words) == 1 else label.lower()


def positive_of_kind(name: str) -> str | None:
    """The positive verdict that a class is a kind of by a shipped data sheet, or None.

    Args:
        name: Name of the class, in any capitals.
    """
    known = (sheet.positive for sheet in shipped_sheets() if kind_name(name) in sheet.kinds)
    return next(known, None)


def _sheet_of(table: dict[str, Any]) -> DataSheet:
    if unknown := sorted(table.keys() - {*_TEXTS, *_LISTS, "population"}):
        raise ValueError(f"unknown key {unknown[0]}")
    values: dict[str, Any] = {key: _text(table, key) for key in _TEXTS if key in table}
    values |= {key: _texts(table, key) for key in _LISTS if key in table}
    if "population" in table:
        values["population"] = _population(table["population"])
    return DataSheet(**values)


def _population(table: Any) -> Population:
    if not isinstance(table, dict):
        raise ValueError("population is not a table, [population]")
    if unknown := sorted(table.keys() - {"text", "age_years", "views"}):
        raise ValueError(f"unknown key population.{unknown[0]}")
    if "text" not in table:
        raise ValueError("population.text is missing")
    ages = None
    if "age_years" in table:
        youngest, oldest = (float(age) for age in table["age_years"])
        if not 0 <= youngest <= oldest:
            raise ValueError("population.age_years is not [youngest, oldest]")
        ages = (youngest, oldest)
    views = _texts(table, "views") if "views" in table else ()
    return Population(_text(table, "text"), ages, views)


def _text(table: dict[str, Any], key: str) -> str:
    if not isinstance(table[key], str):
        raise ValueError(f"{key} is not a text")
    return str(table[key])


def _texts(table: dict[str, Any], key: str) -> tuple[str, ...]:
    if not isinstance(table[key], list) or not all(isinstance(v, str) for v in table[key]):
        raise ValueError(f"{key} is not a list of texts")
    return tuple(table[key])
