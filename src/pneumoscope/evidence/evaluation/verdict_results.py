"""Results on the verdicts that readers see: values only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pneumoscope.evidence.statistics.intervals import Figure


@dataclass(frozen=True, slots=True)
class LabelFigures:
    """How many films get a label, and how often it is wrong.

    Attributes:
        label: ``"NORMAL"``, the positive name, ``"UNDETERMINED"`` or ``"REFUSED"``.
        films: Number of films with the label.
        share: Their share of all films that could be read.
        counts: True class to the number of its films with the label.
        by_class: True class to the share of its films that get the label.
        error: Share of wrong calls among the films with the label whose class is known. For
            ``"UNDETERMINED"`` and ``"REFUSED"`` these are the calls that readers do not see.
    """

    label: str
    films: int
    share: Figure
    counts: Mapping[str, int]
    by_class: Mapping[str, Figure]
    error: Figure


@dataclass(frozen=True, slots=True)
class ShownFigures:
    """The films with a verdict, NORMAL or positive.

    Attributes:
        films: Number of films with a verdict.
        share: Their share of all films that could be read.
        error: Share of wrong verdicts among those whose class is known.
        sensitivity: Share of positive verdicts among the positive films with a verdict.
        specificity: Share of NORMAL among the negative films with a verdict.
    """

    films: int
    share: Figure
    error: Figure
    sensitivity: Figure
    specificity: Figure


@dataclass(frozen=True, slots=True)
class KindFigures:
    """One kind of disease on the films that have it and get the positive verdict.

    Attributes:
        kind: Kind, such as ``"bacterial"``.
        films: Number of these films.
        covered: Share whose set of kinds contains it.
        named: Share on which it is the only kind in the set, so that it is named.
        misnamed: Share on which another kind is named.
    """

    kind: str
    films: int
    covered: Figure
    named: Figure
    misnamed: Figure


@dataclass(frozen=True, slots=True)
class GateFigures:
    """One reason of the gate.

    Attributes:
        code: See `pneumoscope.decision.gate.REASONS`.
        refused: Number of films that are refused for this reason, possibly among others.
        noted: Number of films with the reason as a note only.
        share: Share of all films that are refused for it.
        by_class: True class to the number of its films that are refused for it.
    """

    code: str
    refused: int
    noted: int
    share: Figure
    by_class: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class VerdictGroup:
    """The verdicts on a part of the films.

    Attributes:
        column: Name of the column; ``"class"`` for the films' own labels.
        value: Value, such as ``"F"`` or ``"viral"``; a range for columns of numbers.
        films: Number of films.
        patients: Number of their patients.
        labels: Label to its share.
        shown_error: Share of wrong verdicts among the films with a verdict.
        coverage: True class to the share of its films, refused ones left out, whose conformal set
            contains it; empty without sets.
    """

    column: str
    value: str
    films: int
    patients: int
    labels: Mapping[str, Figure]
    shown_error: Figure
    coverage: Mapping[str, Figure]


@dataclass(frozen=True, slots=True)
class VerdictResult:
    """The verdicts of one bundle as readers see them, by the rules that it ships with.

    Attributes:
        operating_point: Name of the threshold that makes the calls.
        error: Share of the films of either class whose conformal set may miss it; None if the bundle
            has no sets, then nothing is undetermined.
        films: Number of films that could be read.
        patients: Number of their patients.
        known: Number of films whose class is known.
        classes: Names of the negative and the positive class.
        labels: In the order NORMAL, positive, UNDETERMINED, REFUSED.
        shown: The films with a verdict.
        coverage: True class to the share of its films, refused ones left out, whose conformal set
            contains it; should be at least 1 - ``error``. Empty without sets, and for bundles with
            several findings, whose sets belong to each finding.
        kinds: Kinds of disease; empty where the bundle has one, or no film's is known.
        gate: Reasons of the gate, the most frequent first.
        groups: Parts of the films; empty if left out.
    """

    operating_point: str
    error: float | None
    films: int
    patients: int
    known: int
    classes: tuple[str, str]
    labels: tuple[LabelFigures, ...]
    shown: ShownFigures
    coverage: Mapping[str, Figure]
    kinds: tuple[KindFigures, ...]
    gate: tuple[GateFigures, ...]
    groups: tuple[VerdictGroup, ...]

    def label(self, name: str) -> LabelFigures:
        """The figures of one label."""
        return next(figures for figures in self.labels if figures.label == name)
