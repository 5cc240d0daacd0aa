"""Figures and sentences as reports print them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pneumoscope.evidence.report.blocks import NOTHING, Note, Paragraph

if TYPE_CHECKING:
    from pneumoscope.evidence.evaluation.evaluated_films import Films
    from pneumoscope.evidence.evaluation.results import BundleResult, Evaluation
    from pneumoscope.evidence.evaluation.target_results import TargetResult
    from pneumoscope.evidence.report.blocks import Block
    from pneumoscope.evidence.statistics.intervals import Figure

NAMES = {
    "roc_auc": "AUC",
    "average_precision": "average precision",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "ppv": "PPV",
    "npv": "NPV",
    "f1": "F1",
    "mcc": "Matthews' correlation",
    "kappa": "Cohen's kappa",
    "lr_positive": "likelihood ratio +",
    "lr_negative": "likelihood ratio -",
    "prevalence": "share of positive films",
    "macro_f1": "macro F1",
}
"""Figures by the names that clinicians know."""


class Footnotes:
    """Puts figures into cells, and what is missing below the table.

    A cell stays short: ``0.974 [0.960, 0.985]``, ``1.000 (a)`` or ``- (b)``; `blocks` says what a
    and b are.
    """

    def __init__(self) -> None:
        self._marks: dict[str, str] = {}

    def cell(self, figure: Figure | None, digits: int = 3) -> str:
        """A figure for a cell."""
        if figure is None:
            return self.missing(NOTHING)
        if figure.value is None:
            return self.missing(figure.note or NOTHING)
        value = f"{figure.value:.{digits}f}"
        if figure.low is not None and figure.high is not None:
            value += f" [{figure.low:.{digits}f}, {figure.high:.{digits}f}]"
        elif not figure.note:
            return f"{value} {self.mark('no interval')}"
        return f"{value} {self.mark(figure.note)}" if figure.note else value

    def number(self, value: float | None, digits: int = 3, why: str = NOTHING) -> str:
        """A bare number for a cell."""
        return self.missing(why) if value is None else f"{value:.{digits}f}"

    def missing(self, why: str) -> str:
        """In place of a figure that does not exist."""
        return f"- {self.mark(why)}"

    def mark(self, note: str) -> str:
        """The mark that stands for a note."""
        if note not in self._marks:
            number, letters = len(self._marks), ""
            while not letters or number >= 0:
                letters = chr(ord("a") + number % 26) + letters
                number = number // 26 - 1
            self._marks[note] = letters
        return f"({self._marks[note]})"

    def blocks(self) -> list[Block]:
        """The notes, or nothing."""
        if not self._marks:
            return []
        text = "; ".join(f"({mark}) {note}" for note, mark in self._marks.items())
        return [Paragraph(f"{text}.", soft=True)]


def read(text: str) -> Note:
    """Two sentences for a clinician, in a box."""
    return Note("How to read this.", text)


def sentence(text: str) -> str:
    """With a capital and a full stop."""
    text = text.strip()
    if not text:
        return ""
    ended = text if text[-1] in ".!?" else f"{text}."
    return ended[0].upper() + ended[1:]


def share(value: float) -> str:
    """A share in [0, 1] as per cent."""
    return f"{value:.1%}"


def counted(number: int, noun: str) -> str:
    """``1 film``, ``2,000 films``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def known_patients(number: int, films: Films) -> str:
    """``20 patients``, or that nobody knows whose films these are."""
    return counted(number, "patient") if films.keyed else "unknown patients (each counts as one)"


def slug(*parts: str) -> str:
    """A file's name from pieces of text."""
    return "-".join(re.sub(r"[^a-z0-9]+", "-", part.lower()).strip("-") for part in parts if part)


def prefix(evaluation: Evaluation, bundle: BundleResult) -> str:
    """What stands before a section's title and a plot's name if there are several bundles."""
    return bundle.title if len(evaluation.bundles) > 1 else ""


def titled(evaluation: Evaluation, bundle: BundleResult, title: str) -> str:
    """A section's title."""
    before = prefix(evaluation, bundle)
    return f"{before}: {title[0].lower()}{title[1:]}" if before else title


def plot_name(
    evaluation: Evaluation, bundle: BundleResult, kind: str, target: TargetResult | None = None
) -> str:
    """A plot's file name, its own for each bundle and question."""
    question = target.name if target is not None and len(bundle.targets) > 1 else ""
    return slug(kind, prefix(evaluation, bundle), question)


def silence(evaluation: Evaluation, bundle: BundleResult | None, section: str) -> list[Block]:
    """Why a section is missing."""
    why = evaluation.silences.get(section, "it was left out of this evaluation")
    if bundle is not None:
        why = bundle.silences.get(section, why)
    return [Note("Not measured.", sentence(why), kind="mind")]
