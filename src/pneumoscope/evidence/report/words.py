"""Figures and sentences as they are printed in reports."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pneumoscope.decision.sentences import counted
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
"""Key of a figure to the name that clinicians use."""


class Footnotes:
    """Formats figures for the cells of a table and collects the notes below it.

    Cells stay short: ``0.974 [0.960, 0.985]``, ``1.000 (a)`` or ``- (b)``. `blocks` explains a and b.
    """

    def __init__(self) -> None:
        self._marks: dict[str, str] = {}

    def cell(self, figure: Figure | None) -> str:
        """A figure for a cell."""
        if figure is None:
            return self.missing(NOTHING)
        if figure.value is None:
            return self.missing(figure.note or NOTHING)
        value = f"{figure.value:.3f}"
        if figure.low is not None and figure.high is not None:
            value += f" [{figure.low:.3f}, {figure.high:.3f}]"
        elif not figure.note:
            return f"{value} {self.mark('no interval')}"
        return f"{value} {self.mark(figure.note)}" if figure.note else value

    def number(self, value: float | None, digits: int = 3, why: str = NOTHING) -> str:
        """A bare number for a cell."""
        return self.missing(why) if value is None else f"{value:.{digits}f}"

    def missing(self, why: str) -> str:
        """What is printed in place of a figure that does not exist."""
        return f"- {self.mark(why)}"

    def mark(self, note: str) -> str:
        """The mark of a note, such as ``"(a)"``."""
        if note not in self._marks:
            number, letters = len(self._marks), ""
            while not letters or number >= 0:
                letters = chr(ord("a") + number % 26) + letters
                number = number // 26 - 1
            self._marks[note] = letters
        return f"({self._marks[note]})"

    @property
    def text(self) -> str:
        """The notes as a sentence; ``""`` if there are none."""
        notes = "; ".join(f"({mark}) {note}" for note, mark in self._marks.items())
        return notes and f"{notes}."

    def blocks(self) -> list[Block]:
        """The notes as a paragraph; no block if there are none."""
        return [Paragraph(self.text, soft=True)] if self.text else []


def how_to_read(text: str) -> Note:
    """A box that explains a section to clinicians in a few sentences."""
    return Note("How to read this.", text)


def sentence(text: str) -> str:
    """Text with a capital letter at its start and a full stop at its end."""
    text = text.strip()
    if not text:
        return ""
    ended = text if text[-1] in ".!?" else f"{text}."
    return ended[0].upper() + ended[1:]


def share(value: float) -> str:
    """A share in [0, 1] in per cent."""
    return f"{value:.1%}"


def not_read(number: int) -> str:
    """What became of films that could not be read; no full stop."""
    verb = "is" if number == 1 else "are"
    return f"{counted(number, 'film')} could not be read and {verb} not included in any figure"


def known_patients(number: int, films: Films) -> str:
    """``20 patients``, or a statement that the patients are unknown."""
    return counted(number, "patient") if films.keyed else "unknown patients (each counts as one)"


def slug(*parts: str) -> str:
    """A file name made from pieces of text."""
    return "-".join(re.sub(r"[\W_]+", "-", part.lower()).strip("-") for part in parts if part)


def prefix(evaluation: Evaluation, bundle: BundleResult) -> str:
    """Prefix of section titles and plot names: the bundle's title if there are several, else ``""``."""
    return bundle.title if len(evaluation.bundles) > 1 else ""


def titled(evaluation: Evaluation, bundle: BundleResult, title: str) -> str:
    """The title of a section, with the bundle's title if there are several."""
    bundle_title = prefix(evaluation, bundle)
    return f"{bundle_title}: {title[0].lower()}{title[1:]}" if bundle_title else title


def plot_name(
    evaluation: Evaluation, bundle: BundleResult, kind: str, target: TargetResult | None = None
) -> str:
    """The file name of a plot, unique for each bundle and question."""
    question = target.name if target is not None and len(bundle.targets) > 1 else ""
    return slug(kind, prefix(evaluation, bundle), question)


def silence(evaluation: Evaluation, bundle: BundleResult | None, section: str) -> list[Block]:
    """A box that gives the reason why a section is missing."""
    reason = evaluation.silences.get(section, "it was left out of this evaluation")
    if bundle is not None:
        reason = bundle.silences.get(section, reason)
    return [Note("Not measured.", sentence(reason), kind="mind")]
