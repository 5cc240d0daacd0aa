"""What an evaluation found: values only, which the report renders and `evaluation_record` writes.

One `Evaluation` holds the films, one `BundleResult` per bundle and one `Pair` per two bundles. A
bundle answers yes-or-no questions: one if its films have one class (any class but the negative
one), one per finding otherwise; each has a `TargetResult`. Sections that were not asked for, or
that the films cannot answer, are None, and ``silences`` says why.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from pneumoscope.bundle import BundleMeta
    from pneumoscope.data.check import Broken
    from pneumoscope.evidence.audit.shortcuts import Shortcuts
    from pneumoscope.evidence.evaluation.anatomy import Anatomy
    from pneumoscope.evidence.evaluation.heatmap_deletion import Perturbation
    from pneumoscope.evidence.evaluation.heatmap_sanity import Agreement, Randomisation
    from pneumoscope.evidence.statistics.calibration import (
        Bin,
        Brier,
        CalibrationError,
        Recalibration,
    )
    from pneumoscope.evidence.statistics.calls import (
        AtPrevalence,
        AtThreshold,
        Confusion,
        MostProbable,
    )
    from pneumoscope.evidence.statistics.comparison import DeLong, Difference, McNemar
    from pneumoscope.evidence.statistics.coverage import ConformalCoverage
    from pneumoscope.evidence.statistics.decision_curve import DecisionCurve, RiskCoverage
    from pneumoscope.evidence.statistics.intervals import Figure
    from pneumoscope.evidence.statistics.prior_shift import PriorShift
    from pneumoscope.evidence.statistics.ranking import ByClass, Ranking

CALIBRATION, DECISION, CONFORMAL = "calibration", "decision", "conformal"
SUBGROUPS, PAIRS, GALLERY, ROBUSTNESS = "subgroups", "pairs", "gallery", "robustness"
SHORTCUTS, ANATOMY, SANITY = "shortcuts", "anatomy", "sanity"
SECTIONS = (
    CALIBRATION, DECISION, CONFORMAL, SUBGROUPS, PAIRS, SHORTCUTS, GALLERY, ROBUSTNESS, ANATOMY,
    SANITY,
)  # fmt: skip
"""What can be asked for or left out; discrimination and operating points are always measured."""


@dataclass(frozen=True, slots=True)
class EvaluatedFilm:
    """One film of an evaluation.

    Attributes:
        path: Relative to the data folder.
        label: What it is labelled: its class, or its findings with ``" | "`` between them.
        patient: Key of the patient, of the film itself where patients are not known.
        keyed: Whether ``patient`` is a patient's key.
        split: ``"train"``, ``"validation"``, ``"test"`` or ``""`` if nothing says so.
        file_sha256: Of the file's bytes.
        pixels_sha256: Of its pixels at 224 x 224, as in training manifests.
        columns: Those of the manifest that were asked for, with this film's value (``""`` unknown).
    """

    path: str
    label: str
    patient: str
    keyed: bool
    split: str
    file_sha256: str
    pixels_sha256: str
    columns: Mapping[str, str]


@dataclass(frozen=True, slots=True, eq=False)
class Films:
    """The films that every bundle was evaluated on.

    Attributes:
        name: Of the data folder or manifest.
        source: Where the films come from, a sentence without its full stop.
        layout: See `data.listing.Listing`.
        split: ``"validation"``, ``"test"``, ``"train"`` or ``"all"``: what was taken.
        chosen: Why these films, in a sentence.
        films: Those that could be read.
        pixels: uint8 (films, 224, 224); not written to metrics.json.
        patients: Number of patients; where keys are missing each film counts as one.
        keyed: How many films have a patient's key.
        broken: Films that could not be read.
        warnings: What is doubtful, in sentences.
        limits: What these films cannot tell, in sentences.
        sha256: Of the list of films (paths and file hashes).
    """

    name: str
    source: str
    layout: str
    split: str
    chosen: str
    films: tuple[EvaluatedFilm, ...]
    pixels: NDArray[np.uint8]
    patients: int
    keyed: int
    broken: tuple[Broken, ...]
    warnings: tuple[str, ...]
    limits: tuple[str, ...]
    sha256: str


@dataclass(frozen=True, slots=True)
class TrainingOverlap:
    """Whether these films can have been training films of a bundle.

    Attributes:
        known: Whether the bundle's training films could be told from these data.
        films: How many of the films have the pixels of a training film; None if unknown.
        patients: How many of the films are of a training patient; None if unknown.
        words: That in a sentence.
    """

    known: bool
    films: int | None
    patients: int | None
    words: str

    @property
    def doubtful(self) -> bool:
        """Whether films of the training may be, or are, among the evaluated ones."""
        return not self.known or bool(self.films) or bool(self.patients)


@dataclass(frozen=True, slots=True)
class Curve:
    """Points of a curve, in the order of falling thresholds.

    Attributes:
        x: False positive rate (ROC) or recall (precision and recall).
        y: True positive rate, or precision.
        thresholds: Films at or above are called positive; the first of ROC lies above all scores.
    """

    x: tuple[float, ...]
    y: tuple[float, ...]
    thresholds: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class PointResult:
    """One operating point of the bundle, fixed before these films were seen.

    Attributes:
        name: Such as ``"balanced"``.
        default: Whether it makes the bundle's labels when nobody chooses.
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
class Calibration:
    """Whether probabilities mean what they say.

    Attributes:
        scale: Of the log odds: 1 before calibration, the bundle's after.
        offset: Of the log odds: 0 before, the bundle's after.
        reliability: Points of the plot.
        error: ECE over bins of equal mass.
        brier: With its parts.
        recalibration: Slope and intercepts.
    """

    scale: float
    offset: float
    reliability: tuple[Bin, ...]
    error: CalibrationError
    brier: Brier
    recalibration: Recalibration


@dataclass(frozen=True, slots=True)
class CalibrationResult:
    """Before and after the bundle's calibration, and for the share of positives found here.

    Attributes:
        before: As the network's own logits give them.
        after: As the bundle gives probabilities.
        prior_shift: Shares of the classes estimated without labels; None if training shares are not
            recorded.
        prior_names: Classes in the order of ``prior_shift``.
        corrected: Calibration with probabilities carried over to these shares, or None.
    """

    before: Calibration
    after: Calibration
    prior_shift: PriorShift | None
    prior_names: tuple[str, ...]
    corrected: Calibration | None


@dataclass(frozen=True, slots=True)
class Subgroup:
    """Films of one value of a column.

    Attributes:
        column: Name of the column; ``"class"`` for sub-types (each against all negative films).
        value: Such as ``"F"`` or ``"viral"``; a range for columns of numbers.
        films: How many.
        patients: Of how many patients.
        positives: How many are positive.
        figures: ``roc_auc``, ``sensitivity``, ``specificity``, ``balanced_accuracy`` at the default
            operating point.
        against_rest: The same of this group less that of all other films, and whether the data could
            tell; empty for sub-types.
    """

    column: str
    value: str
    films: int
    patients: int
    positives: int
    figures: Mapping[str, Figure]
    against_rest: Mapping[str, Difference]


@dataclass(frozen=True, slots=True, eq=False)
class TargetResult:
    """One yes-or-no question: the positive verdict, or a finding.

    Attributes:
        name: Such as ``"PNEUMONIA"`` or ``"Mass"``.
        negative: What the other films are called, such as ``"normal"`` or ``"no Mass"``.
        films: Films whose label is known.
        patients: Of how many patients.
        positives: How many are positive.
        rows: Positions of these films in `Films.films`, (films,); not in metrics.json.
        positive: bool (films,), likewise.
        p: P(positive), float64 (films,), likewise.
        ranking: ROC AUC and average precision.
        roc: For the plot; None with one class.
        precision_recall: For the plot; None with one class.
        points: In the bundle's order.
        calibration: None if left out.
        decision: Net benefit; None if left out.
        risk_coverage: Wrong calls at the default operating point by share of films kept; None if
            left out.
        subgroups: Empty if left out.
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
    roc: Curve | None
    precision_recall: Curve | None
    points: tuple[PointResult, ...]
    calibration: CalibrationResult | None
    decision: DecisionCurve | None
    risk_coverage: RiskCoverage | None
    subgroups: tuple[Subgroup, ...]

    @property
    def default(self) -> PointResult:
        """The operating point that makes the labels when nobody chooses."""
        return next(point for point in self.points if point.default)


@dataclass(frozen=True, slots=True)
class ClassResult:
    """Several classes, each film called the most probable one.

    Attributes:
        films: Films whose class is known in the bundle's terms.
        ranking: Each class against the others, and the mean.
        most_probable: Accuracy, macro F1, kappa, confusion matrix.
        conformal: Coverage of conformal sets by class; None if left out.
    """

    films: int
    ranking: ByClass
    most_probable: MostProbable
    conformal: ConformalCoverage | None


@dataclass(frozen=True, slots=True)
class Condition:
    """All films perturbed one way, at the fixed operating point.

    Attributes:
        kind: Such as ``"jpeg"``.
        severity: 1 (mild) to 5.
        words: Such as ``"JPEG quality 20"``.
        figures: ``roc_auc``, ``balanced_accuracy``, ``sensitivity``, ``specificity``; of several
            findings the first two, means over findings.
        change: Each of these less that of the films as they are, paired.
    """

    kind: str
    severity: int
    words: str
    figures: Mapping[str, Figure]
    change: Mapping[str, Difference]


@dataclass(frozen=True, slots=True)
class Robustness:
    """Perturbed films at the fixed operating point.

    Attributes:
        point: Name of the operating point.
        plain: The figures on the films as they are.
        conditions: Every kind at five severities.
        worst: Figure to the condition with its lowest value, ``(kind, severity)``.
        worst_realistic: The same among severities 1 to 3.
    """

    point: str
    plain: Mapping[str, Figure]
    conditions: tuple[Condition, ...]
    worst: Mapping[str, tuple[str, int]]
    worst_realistic: Mapping[str, tuple[str, int]]


@dataclass(frozen=True, slots=True, eq=False)
class Neighbour:
    """A training film that the network sees as alike.

    Attributes:
        path: Relative to the data folder.
        label: Of the training film.
        same: Whether its label is that of the evaluated film.
        similarity: Cosine of the embeddings, in [-1, 1].
        pixels: uint8 (224, 224); not in metrics.json.
    """

    path: str
    label: str
    same: bool
    similarity: float
    pixels: NDArray[np.uint8] = field(repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class GalleryFilm:
    """A film worth looking at.

    Attributes:
        row: Position in `Films.films`.
        path: Relative to the data folder.
        target: The question, see `TargetResult.name`.
        kind: ``"false positive"``, ``"false negative"`` or ``"uncertain"``.
        label: Its label.
        called: What the bundle calls it at the default operating point.
        p: P(positive).
        threshold: Of the default operating point.
        heatmap: float32 (h, w), of the class ``heatmap_class``; not in metrics.json.
        heatmap_class: The class or finding that the heatmap explains.
        pixels: uint8 (224, 224); not in metrics.json.
        neighbours: Nearest training films, those of the same label first; empty if they are not at
            hand.
    """

    row: int
    path: str
    target: str
    kind: str
    label: str
    called: str
    p: float
    threshold: float
    heatmap: NDArray[np.float32] = field(repr=False)
    heatmap_class: str
    pixels: NDArray[np.uint8] = field(repr=False)
    neighbours: tuple[Neighbour, ...]


@dataclass(frozen=True, slots=True)
class Gallery:
    """Mistakes and doubts.

    Attributes:
        films: The most confident mistakes first, then the most uncertain films.
        mistakes: How many mistakes there are in all, by kind, over all targets.
        training_films: How many training films neighbours were sought among; 0 if none were at
            hand.
        words: What is shown, in a sentence.
    """

    films: tuple[GalleryFilm, ...]
    mistakes: Mapping[str, int]
    training_films: int
    words: str


@dataclass(frozen=True, slots=True)
class Sanity:
    """Whether heatmaps depend on what the network learned.

    Attributes:
        randomisation: Maps after weights were randomised layer by layer; None if it cannot be done.
        perturbation: Deletion and insertion curves against random ones.
    """

    randomisation: Randomisation | None
    perturbation: Perturbation | None


@dataclass(frozen=True, slots=True, eq=False)
class BundleResult:
    """One bundle on the films.

    Attributes:
        title: Name and version, with a number where two bundles share them.
        folder: Name of its folder.
        sha256: Of its bundle.json.
        meta: Its whole content.
        overlap: Whether the films can have been training films.
        probabilities: float64 (films, labels) of all films; not in metrics.json.
        targets: One per question.
        classes: Of bundles for classes, if the films' classes are known; else None.
        findings: Of bundles for several findings: each ranked, and the mean; else None.
        robustness: None if left out.
        gallery: None if left out.
        anatomy: The bundle on films with and without lungs, or None; of several findings the most
            frequent one (``anatomy_of``).
        anatomy_of: The question that ``anatomy`` ranks, see `TargetResult.name`; ``""`` without it.
        sanity: Of the heatmaps, or None.
        silences: Section to why it is missing, in a sentence.
        seconds_per_thousand: From file to prediction, with ``threads`` threads.
        warnings: Sentences about this bundle and these films.
        cpu_seconds_per_thousand: The same of all cores together: other work on the machine hardly
            counts.
    """

    title: str
    folder: str
    sha256: str
    meta: BundleMeta
    overlap: TrainingOverlap
    probabilities: NDArray[np.float64]
    targets: tuple[TargetResult, ...]
    classes: ClassResult | None
    findings: ByClass | None
    robustness: Robustness | None
    gallery: Gallery | None
    anatomy: Anatomy | None
    anatomy_of: str
    sanity: Sanity | None
    silences: Mapping[str, str]
    seconds_per_thousand: float
    warnings: tuple[str, ...]
    cpu_seconds_per_thousand: float = 0.0


@dataclass(frozen=True, slots=True)
class Pair:
    """Two bundles on one question and the same films.

    Attributes:
        first: Title of the first bundle.
        second: Of the second.
        target: The question.
        films: Films whose label both know.
        patients: Of how many patients.
        points: The operating points that the calls are made at, each bundle's default.
        differences: Figure to first less second, with a verdict in words.
        delong: Of the ROC AUCs; films count as independent.
        mcnemar: ``"accuracy"``, ``"sensitivity"`` and ``"specificity"`` to the test; a side without
            films is left out.
    """

    first: str
    second: str
    target: str
    films: int
    patients: int
    points: tuple[str, str]
    differences: Mapping[str, Difference]
    delong: DeLong
    mcnemar: Mapping[str, McNemar]


@dataclass(frozen=True, slots=True)
class Settings:
    """What was asked for.

    Attributes:
        sections: Of `SECTIONS`, those that were measured.
        split: As asked for: ``"auto"``, ``"validation"``, ``"test"``, ``"train"``, ``"all"``.
        prevalences: For PPV and NPV, in (0, 1).
        by: Columns of the manifest.
        draws: Of the bootstrap.
        seed: Of the draws.
        threads: Films at once.
    """

    sections: tuple[str, ...]
    split: str
    prevalences: tuple[float, ...]
    by: tuple[str, ...]
    draws: int
    seed: int
    threads: int


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """One or several bundles on one set of films.

    Attributes:
        films: The films.
        bundles: In the order they were given.
        pairs: Every two bundles that answer a common question.
        shortcuts: What the labels of these films can be told from without anatomy and without any
            bundle, one per contrast of labels; empty if left out.
        agreement: Whether the heatmaps of several bundles with the same labels agree, or None.
        silences: Section to why it is missing, in a sentence; beside those of each bundle.
        settings: What was asked for.
        seconds: Step to seconds; ``"bootstrap"`` is all figures with intervals together.
        version: Of pneumoscope.
        packages: Package to version, of those that decide about numbers.
        created: UTC, ISO 8601.
        cpu_seconds: As ``seconds``, of all cores together.
    """

    films: Films
    bundles: tuple[BundleResult, ...]
    pairs: tuple[Pair, ...]
    shortcuts: tuple[Shortcuts, ...]
    agreement: Agreement | None
    silences: Mapping[str, str]
    settings: Settings
    seconds: Mapping[str, float]
    version: str
    packages: Mapping[str, str]
    created: str
    cpu_seconds: Mapping[str, float] = field(default_factory=dict)
