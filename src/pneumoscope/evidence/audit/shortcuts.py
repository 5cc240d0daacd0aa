"""Scores of features that could predict labels without showing a chest: values only."""

from __future__ import annotations

from dataclasses import dataclass

from pneumoscope.metrics import Interval

FILE, PICTURE, THUMBNAIL, ALL = "file", "image statistics", "thumbnail", "all of these"
NOTABLE = 0.6
"""AUC that the lower end of an interval must exceed to be mentioned."""


@dataclass(frozen=True, slots=True)
class Score:
    """How well one feature, or several together, predict a label.

    Attributes:
        source: `FILE`, `PICTURE`, `THUMBNAIL` or `ALL`.
        feature: Name, or ``"all of them"``.
        auc: With its patient-clustered interval; for a number at least 0.5, in either direction.
        words: Typical values of the films, as a sentence.
        constant: Whether the feature is equal on all films; ``auc`` is 0.5 then.
    """

    source: str
    feature: str
    auc: Interval
    words: str
    constant: bool = False

    @property
    def notable(self) -> bool:
        """Whether it predicts the label better than `NOTABLE`."""
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
        scores: The scores; empty if there are too few films.
        silence: Why there are no scores, or ``""``.
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
        scores = [s for s in self.scores if s.source == source and not s.constant]
        return max(scores, key=lambda s: s.auc.low, default=None)


def number_text(value: float) -> str:
    """A number as text with four significant digits; large ones without powers of ten."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def source_note(source: str) -> str:
    """What a source of scores contains, for the report."""
    return {
        FILE: "the header and the length of the file; no pixel",
        PICTURE: "brightness, contrast, sharpness and borders at 224 x 224; no shapes",
        THUMBNAIL: "16 x 16 pixels: they show gross shapes and dense lungs, so this is not purely a shortcut",
        ALL: "everything above together",
    }[source]
