"""How well labels can be told without looking at a chest.

A number alone is scored as it is; everything that needs fitting is scored out of fold, with all
films of a patient, and copies of one picture, in one fold.
"""

from __future__ import annotations

from dataclasses import dataclass

from pneumoscope.metrics import Interval

FILE, PICTURE, THUMBNAIL, ALL = "file", "image statistics", "thumbnail", "all of these"
NOTABLE = 0.6
"""AUC that the lower end of an interval must exceed to be worth a word."""


@dataclass(frozen=True, slots=True)
class Score:
    """What one kind of knowledge tells.

    Attributes:
        source: `FILE`, `PICTURE`, `THUMBNAIL` or `ALL`.
        feature: Name, or ``"all of them"``.
        auc: With its patient-clustered interval; of a number at least 0.5, since it may count either way.
        words: What the films have, in a sentence.
        constant: Whether all films have the same; ``auc`` is 0.5 then.
    """

    source: str
    feature: str
    auc: Interval
    words: str
    constant: bool = False

    @property
    def notable(self) -> bool:
        """Whether it tells the label apart beyond `NOTABLE`."""
        return self.auc.low > NOTABLE


@dataclass(frozen=True, slots=True)
class Shortcuts:
    """All scores of one contrast.

    Attributes:
        contrast: Its name.
        positive: Its positive group.
        negative: Its negative group.
        films: Number of films.
        patients: Number of patients, or of films where patients are not known.
        prevalence: Share of the positive group.
        scores: The scores; empty if too few films.
        silence: Why there are none, or ``""``.
    """

    contrast: str
    positive: str
    negative: str
    films: int
    patients: int
    prevalence: float
    scores: tuple[Score, ...]
    silence: str = ""

    def best(self, source: str) -> Score | None:
        """The score of a source with the highest lower end of its interval."""
        own = [s for s in self.scores if s.source == source and not s.constant]
        return max(own, key=lambda s: s.auc.low, default=None)


def number_text(value: float) -> str:
    """A number for people: four digits that count, large ones without powers of ten."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def source_note(source: str) -> str:
    """What a source of scores knows, for the report."""
    return {
        FILE: "the header and the length of the file; no pixel",
        PICTURE: "brightness, contrast, sharpness and borders at 224 x 224; no shapes",
        THUMBNAIL: "16 x 16 pixels: gross shapes and dense lungs show in them, so this is no pure shortcut",
        ALL: "everything above together",
    }[source]
