"""The results of an evaluation: values only, which the report renders and `record` writes.

One `Evaluation` contains the films, one `BundleResult` per bundle and one `Pair` per two bundles. A
bundle answers yes-or-no questions: one if its films have one class (any class but the negative
one), one per finding otherwise; each has a `TargetResult`. Sections that were not requested, or
that the films cannot answer, are None, and ``silences`` gives the reason.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from pneumoscope.bundle import BundleMeta
    from pneumoscope.evidence.audit.shortcuts import Shortcuts
    from pneumoscope.evidence.evaluation.anatomy import Anatomy
    from pneumoscope.evidence.evaluation.evaluated_films import Films, TrainingOverlap
    from pneumoscope.evidence.evaluation.heatmap_sanity import Agreement
    from pneumoscope.evidence.evaluation.localisation_results import Localisation
    from pneumoscope.evidence.evaluation.outcomes import Outcomes
    from pneumoscope.evidence.evaluation.section_results import (
        Gallery,
        Robustness,
        Sanity,
        SeedSpread,
    )
    from pneumoscope.evidence.evaluation.settings import Settings
    from pneumoscope.evidence.evaluation.target_results import ClassResult, TargetResult
    from pneumoscope.evidence.evaluation.verdict_results import VerdictResult
    from pneumoscope.evidence.statistics.comparison import Difference
    from pneumoscope.evidence.statistics.paired_tests import DeLong, McNemar
    from pneumoscope.evidence.statistics.ranking import ByClass


@dataclass(frozen=True, slots=True, eq=False)
class BundleResult:
    """One bundle on the films.

    Attributes:
        title: Name and version, with a number where two bundles share them.
        folder: Name of its folder.
        sha256: SHA-256 of its bundle.json.
        meta: The whole content of bundle.json.
        overlap: Whether the films can have been training films.
        probabilities: float64 (films, labels) of all films; not in metrics.json.
        outcomes: What the product decides about all films; not in metrics.json.
        verdicts: The verdicts as readers see them.
        targets: One per question.
        classes: For bundles with classes, if the films' classes are known; else None.
        findings: For bundles with several findings: each ranked, and the mean; else None.
        robustness: None if left out.
        gallery: None if left out.
        anatomy: The bundle on films with and without lungs, or None; of several findings the most
            frequent one (``anatomy_of``).
        anatomy_of: The question that ``anatomy`` ranks, see `TargetResult.name`; ``""`` without it.
        sanity: Sanity checks of the heatmaps, or None.
        silences: Section to the reason why it is missing, a sentence.
        seconds_per_thousand: From file to prediction, with ``threads`` threads.
        warnings: Sentences about this bundle and these films.
        localisation: Where the heat lies by lung masks and readers' boxes, and the bundle on films with the
            lungs blanked by masks; None if left out, or if nothing was drawn.
        cpu_seconds_per_thousand: The same, summed over all cores: hardly affected by other work on the
            machine.
    """

    title: str
    folder: str
    sha256: str
    meta: BundleMeta
    overlap: TrainingOverlap
    probabilities: NDArray[np.float64]
    outcomes: Outcomes
    verdicts: VerdictResult
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
    localisation: Localisation | None = None


@dataclass(frozen=True, slots=True)
class Pair:
    """Two bundles on one question and the same films.

    Attributes:
        first: Title of the first bundle.
        second: Title of the second bundle.
        target: The question.
        films: Number of films whose label both know.
        patients: Number of their patients.
        points: The operating points that make the calls, each bundle's default.
        differences: Figure to first minus second, with a verdict in words.
        delong: DeLong's test of the ROC AUCs; films count as independent.
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


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """One or several bundles on one set of films.

    Attributes:
        films: The films.
        bundles: In the order they were given.
        pairs: Every two bundles that answer a common question.
        shortcuts: How well the labels of these films can be predicted without anatomy and without any
            bundle, one per contrast of labels; empty if left out.
        agreement: Whether the heatmaps of several bundles with the same labels agree, or None.
        silences: Section to the reason why it is missing, in addition to those of each bundle.
        settings: What was requested.
        seconds: Step to seconds; ``"bootstrap"`` is all figures with intervals together.
        version: Version of pneumoscope.
        packages: Package to version, of those that affect figures.
        created: UTC, ISO 8601.
        cpu_seconds: As ``seconds``, summed over all cores.
        seeds: Spread of the figures of bundles that differ in their seed only.
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
    seeds: tuple[SeedSpread, ...] = ()
