"""What a bundle is: the content of ``bundle.json``, and the folder that contains it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pneumoscope.decision.rules import BundleRules, Labels, points_named
from pneumoscope.records import ANTIALIAS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pneumoscope.decision.calibration import Calibration
    from pneumoscope.decision.conformal import Scores
    from pneumoscope.records import OperatingPoint, Population

MODEL, META, GOLDEN, CARD = "model.onnx", "bundle.json", "golden.npz", "README.md"
GATE = "gate.npz"
"""The learned part of the gate, see `pneumoscope.decision.gate`; not in every bundle."""


@dataclass(frozen=True, slots=True)
class BundleMeta:
    """The content of ``bundle.json``.

    Attributes:
        name: Short name of the model.
        version: Version of the model, not of the package.
        task: ``"binary"``, ``"multiclass"`` (a film has one class) or ``"multilabel"`` (several
            findings or none).
        labels: Classes or findings in the order of the network's outputs.
        negative: The class that means "nothing found"; P(positive) = 1 - P(negative). None for
            several findings.
        positive: Name of the verdict on a film that is not negative, such as ``"PNEUMONIA"``.
        kinds: Classes that are kinds of the positive verdict; empty if it has none.
        kinds_warning: Sentence beside every verdict that names kinds, or ``""``.
        warnings: Sentences beside every verdict that is shown.
        size: Side of the network's input in pixels.
        source_size: Side in pixels to which every film is resampled first, because the training films
            were.
        calibration: How logits become calibrated probabilities, already part of ``model.onnx``.
        conformal: Scores of the validation films, from which the conformal sets for any error are derived;
            None for an imported model, or if there are too few films for the default error.
        operating_points: Thresholds on P(positive); with several findings, one of each name for
            each finding.
        default_operating_point: The name that is used if the reader chooses none.
        population: The patients of the training films.
        intended_use: What the model is meant for, and what it is not.
        recipe: The resolved recipe.
        data: Source, attribution, licence, counts and manifest hash of the training films.
        validation: Figures on held-out patients, as in the model card; of an imported model, ``parity`` and
            ``check`` as `pneumoscope import --json` prints them.
        gate: ``limits`` of the gate's scores, and how often films exceed them, ``measured``; None for
            a bundle without a gate.
        explanation: How good the scores of the heatmaps are on held-out patients; ``limits`` maps a
            mode of `pneumoscope.decision.explain` to the lowest score at which a heatmap of the
            positive verdict is shown. ``negative`` has the same for the negative class; without it
            the limits apply to all heatmaps. None if it was not measured.
        resize: How films become the network's input, one of `pneumoscope.images.RESIZES`; only imported
            models have another value than ``"antialias"``.
        heatmaps: Whether ``model.onnx`` gives heatmaps.
    """

    name: str
    version: str
    task: str
    labels: tuple[str, ...]
    negative: str | None
    positive: str
    kinds: tuple[str, ...]
    kinds_warning: str
    warnings: tuple[str, ...]
    size: int
    source_size: int
    calibration: Calibration
    conformal: Scores | None
    operating_points: tuple[OperatingPoint, ...]
    default_operating_point: str
    population: Population
    intended_use: str
    recipe: Mapping[str, Any]
    data: Mapping[str, Any]
    validation: Mapping[str, Any]
    gate: Mapping[str, Any] | None = None
    explanation: Mapping[str, Any] | None = None
    resize: str = ANTIALIAS
    heatmaps: bool = True

    def points(self, name: str | None = None) -> tuple[OperatingPoint, ...]:
        """The thresholds of that name, or of the default one: one, or one per finding.

        Raises:
            UnknownOperatingPoint: No such name; the hint lists those there are.
        """
        return points_named(self.operating_points, name or self.default_operating_point)

    def operating_point(self, name: str | None = None) -> OperatingPoint:
        """The threshold of that name, or the default one, of a bundle whose films have one class.

        Raises:
            UnknownOperatingPoint: No such name; the hint lists those there are.
        """
        return self.points(name)[0]

    @property
    def rules(self) -> BundleRules:
        """What the bundle offers to decide by."""
        return BundleRules(
            bundle=self.name,
            labels=Labels(self.labels, self.negative, self.positive, self.kinds),
            calibration=self.calibration,
            conformal=self.conformal,
            operating_points=self.operating_points,
            default_operating_point=self.default_operating_point,
            population=self.population,
            kinds_warning=self.kinds_warning,
            warnings=self.warnings,
            gate_limits=self.gate["limits"] if self.gate else None,
        )


@dataclass(frozen=True, slots=True)
class Bundle:
    """A verified model folder.

    Attributes:
        path: The folder.
        meta: The content of ``bundle.json``.
        sha256: SHA-256 of ``bundle.json``, which holds the hashes of all other files.
    """

    path: Path
    meta: BundleMeta
    sha256: str

    @property
    def model(self) -> Path:
        return self.path / MODEL

    @property
    def gate(self) -> Path | None:
        """The learned part of the gate, if the bundle has one."""
        return self.path / GATE if self.meta.gate is not None else None

    @property
    def title(self) -> str:
        """Name and version, as shown to people."""
        return f"{self.meta.name} {self.meta.version}"
