"""Results on one yes-or-no question, and on several classes: values only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from pneumoscope.evidence.statistics.brier import Brier
    from pneumoscope.evidence.statistics.calls import AtPrevalence, AtThreshold
    from pneumoscope.evidence.statistics.comparison import Difference
    from pneumoscope.evidence.statistics.confusion import Confusion
    from pneumoscope.evidence.statistics.coverage import RecalibratedCoverage, SetCoverage
    from pneumoscope.evidence.statistics.decision_curve import DecisionCurve, RiskCoverage
    from pneumoscope.evidence.statistics.intervals import Figure
    from pneumoscope.evidence.statistics.most_probable import MostProbable
    from pneumoscope.evidence.statistics.prior_shift import PriorShift
    from pneumoscope.evidence.statistics.ranking import ByClass, Ranking
    from pneumoscope.evidence.statistics.recalibration import Recalibration
    from pneumoscope.evidence.statistics.reliability import Bin, CalibrationError
    from pneumoscope.evidence.statistics.smooth_calibration import SmoothCurve


@dataclass(frozen=True, slots=True)
class Curve:
    """Points of a curve, in the order of falling thresholds.

    Attributes:
        x: False positive rate (ROC) or recall (precision and recall).
        y: True positive rate, or precision.
        thresholds: Films at or above are called positive; the first of ROC is above all scores.
    """

    x: tuple[float, ...]
    y: tuple[float, ...]
    thresholds: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class PointResult:
    """One operating point of the bundle, fixed before these films were seen.

    Attributes:
        name: Name, such as ``"balanced"``.
        default: Whether it is the default.
        rule: How it was chosen.
        figures: At its threshold.
        confusion: Labels are (negative name, positive name).
        at_prevalence: PPV and NPV at other prevalences.
    """

    name: str
    default: bool
    rule: str
    figures: AtThreshold
    confusion: Confusion
    at_prevalence: tuple[AtPrevalence, ...]


@dataclass(frozen=True, slots=True)
class WithVerdict:
    """The question on the films that get an answer: not refused, and not undetermined.

    Attributes:
        films: Number of films whose label is known.
        patients: Number of their patients.
        positives: Number of positive films.
        ranking: ROC AUC and average precision; None without films.
        figures: At the default operating point; None without films.
    """

    films: int
    patients: int
    positives: int
    ranking: Ranking | None
    figures: AtThreshold | None


@dataclass(frozen=True, slots=True)
class Calibration:
    """Whether probabilities agree with observed shares.

    Attributes:
        scale: Scale of the log odds: 1 before calibration, the bundle's after.
        offset: Offset of the log odds: 0 before, the bundle's after.
        reliability: Points of the plot.
        error: ECE over bins of equal mass.
        brier: Brier score and its parts.
        recalibration: Slope and intercepts.
        smooth: The smoothed curve of the plot; None with too few films.
    """

    scale: float
    offset: float
    reliability: tuple[Bin, ...]
    error: CalibrationError
    brier: Brier
    recalibration: Recalibration
    smooth: SmoothCurve | None


@dataclass(frozen=True, slots=True)
class CalibrationResult:
    """Before and after the bundle's calibration, and for the class shares estimated here.

    Attributes:
        before: Calibration of the uncalibrated probabilities.
        after: Calibration of the bundle's probabilities.
        prior_shift: Class shares estimated without labels; None if the training shares are not
            recorded.
        prior_names: Classes in the order of ``prior_shift``.
        corrected: Calibration after a correction for these shares, or None.
    """

    before: Calibration
    after: Calibration
    prior_shift: PriorShift | None
    prior_names: tuple[str, ...]
    corrected: Calibration | None


@dataclass(frozen=True, slots=True)
class ConformalResult:
    """Conformal sets of one question on the films that the gate lets pass.

    Attributes:
        shipped: With the limits of the bundle; None if it has none for this question.
        recalibrated: With limits from half of the patients, measured on the others; None for films
            of a single patient.
    """

    shipped: SetCoverage | None
    recalibrated: RecalibratedCoverage | None


@dataclass(frozen=True, slots=True)
class Subgroup:
    """Films with one value of a column.

    Attributes:
        column: Name of the column; ``"class"`` for sub-types (each against all negative films).
        value: Value, such as ``"F"`` or ``"viral"``; a range for columns of numbers.
        films: Number of films.
        patients: Number of their patients.
        positives: Number of positive films.
        figures: ``roc_auc``, ``sensitivity``, ``specificity``, ``balanced_accuracy`` at the default
            operating point.
        against_rest: The same of this group minus those of all other films, and whether the data
            could show a difference; empty for sub-types.
    """

    column: str
    value: str
    films: int
    patients: int
    positives: int
    figures: Mapping[str, Figure]
    against_rest: Mapping[str, Difference]


@dataclass(frozen=True, slots=True)
class SourceFigures:
    """One question on the films of one source.

    Attributes:
        source: Hospital or collection.
        films: Number of films whose label is known.
        patients: Number of their patients.
        positives: Number of positive films.
        roc_auc: Only where the source has films of both classes.
        sensitivity: At the default operating point.
        specificity: At the default operating point.
    """

    source: str
    films: int
    patients: int
    positives: int
    roc_auc: Figure
    sensitivity: Figure
    specificity: Figure


@dataclass(frozen=True, slots=True)
class SourceResult:
    """One question by source, and the share of the source in the pooled AUC.

    Attributes:
        sources: In alphabetical order.
        source_alone: AUC of ranking each film by the share of positive films in its source, without
            looking at it.
        within: AUC over the pairs of a positive and a negative film of the same source.
        between: AUC over the pairs of two sources.
        pairs_within: Share of the pairs that are of one source, in [0, 1]; None with one class. The pooled
            AUC is the mean of ``within`` and ``between``, weighted with this share and its rest.
        words: The same as a sentence.
    """

    sources: tuple[SourceFigures, ...]
    source_alone: Figure
    within: Figure
    between: Figure
    pairs_within: float | None
    words: str


@dataclass(frozen=True, slots=True, eq=False)
class TargetResult:
    """One yes-or-no question: the positive verdict, or a finding.

    All figures are of the films that could be read and whose label is known, refused and
    undetermined ones included, except for ``with_verdict`` and ``conformal``.

    Attributes:
        name: Name, such as ``"PNEUMONIA"`` or ``"Mass"``.
        negative: What the other films are called, such as ``"normal"`` or ``"no Mass"``.
        films: Number of films whose label is known.
        patients: Number of their patients.
        positives: Number of positive films.
        rows: Positions of these films in `Films.films`, (films,); not in metrics.json.
        positive: bool (films,), likewise.
        p: P(positive), float64 (films,), likewise.
        ranking: ROC AUC and average precision.
        with_verdict: The question on the films that get an answer.
        roc: For the plot; None with one class.
        precision_recall: For the plot; None with one class.
        points: In the bundle's order.
        calibration: None if left out.
        decision: Net benefit; None if left out.
        risk_coverage: Wrong calls at the default operating point by share of films kept; None if
            left out.
        conformal: None if left out.
        subgroups: Empty if left out.
        sources: By hospital or collection; None if left out, or if the films are of fewer than two.
    """

    name: str
    negative: str
    films: int
    patients: int
    positives: int
    rows: NDArray[np.intp]
    positive: NDArray[np.bool_]
    p: NDArray[np.float64]
    ranking: Ranking
    with_verdict: WithVerdict
    roc: Curve | None
    precision_recall: Curve | None
    points: tuple[PointResult, ...]
    calibration: CalibrationResult | None
    decision: DecisionCurve | None
    risk_coverage: RiskCoverage | None
    conformal: ConformalResult | None
    subgroups: tuple[Subgroup, ...]
    sources: SourceResult | None

    @property
    def default(self) -> PointResult:
        """The default operating point."""
        return next(point for point in self.points if point.default)


@dataclass(frozen=True, slots=True)
class ClassResult:
    """Several classes, each film assigned its most probable one.

    Attributes:
        films: Number of films whose class is known in the bundle's terms.
        ranking: Each class against the others, and the mean.
        most_probable: Accuracy, macro F1, kappa, confusion matrix.
    """

    films: int
    ranking: ByClass
    most_probable: MostProbable
