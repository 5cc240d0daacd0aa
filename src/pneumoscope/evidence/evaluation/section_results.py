"""Results of the sections on robustness, films to look at, heatmaps and seeds: values only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from pneumoscope.evidence.evaluation.heatmap_deletion import Perturbation
    from pneumoscope.evidence.evaluation.heatmap_sanity import Randomisation
    from pneumoscope.evidence.statistics.comparison import Difference
    from pneumoscope.evidence.statistics.intervals import Figure


@dataclass(frozen=True, slots=True)
class Condition:
    """All films with one perturbation, at the fixed operating point.

    Attributes:
        kind: Kind, such as ``"jpeg"``.
        severity: 1 (mild) to 5.
        words: Words, such as ``"JPEG quality 20"``.
        figures: ``roc_auc``, ``balanced_accuracy``, ``sensitivity``, ``specificity``; of several
            findings the first two, means over findings.
        change: Each of these minus that of the unchanged films, paired.
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
        plain: The figures on the unchanged films.
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
    """A training film whose embedding is near that of another film.

    Attributes:
        path: Relative to the data folder.
        label: Label of the training film.
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
    """A film to look at.

    Attributes:
        row: Position in `Films.films`.
        path: Relative to the data folder.
        target: The question, see `TargetResult.name`.
        kind: ``"false positive"``, ``"false negative"`` or ``"uncertain"``.
        label: Its label.
        called: What the bundle calls it at the default operating point.
        p: P(positive).
        threshold: Threshold of the default operating point.
        heatmap: float32 (h, w), of the class ``heatmap_class``; None if the model gives none; not in
            metrics.json.
        heatmap_class: The class or finding that the heatmap explains.
        pixels: uint8 (224, 224); not in metrics.json.
        neighbours: Nearest training films, those of the same label first; empty if they are not
            available.
    """

    row: int
    path: str
    target: str
    kind: str
    label: str
    called: str
    p: float
    threshold: float
    heatmap: NDArray[np.float32] | None = field(repr=False)
    heatmap_class: str
    pixels: NDArray[np.uint8] = field(repr=False)
    neighbours: tuple[Neighbour, ...]


@dataclass(frozen=True, slots=True)
class Gallery:
    """Mistakes and uncertain films.

    Attributes:
        films: The most confident mistakes first, then the most uncertain films.
        mistakes: Total number of mistakes by kind, over all questions.
        training_films: Number of training films among which neighbours were searched; 0 if none
            were available.
        words: What is shown, a sentence.
    """

    films: tuple[GalleryFilm, ...]
    mistakes: Mapping[str, int]
    training_films: int
    words: str


@dataclass(frozen=True, slots=True)
class Sanity:
    """Whether heatmaps depend on what the network has learned.

    Attributes:
        randomisation: Maps after weights were randomised layer by layer; None if it cannot be done.
        perturbation: Deletion and insertion curves compared with random ones.
    """

    randomisation: Randomisation | None
    perturbation: Perturbation | None


@dataclass(frozen=True, slots=True)
class Spread:
    """One figure over seeds.

    Attributes:
        mean: Mean.
        sd: Standard deviation between seeds, with n - 1.
        lowest: Lowest.
        highest: Highest.
    """

    mean: float
    sd: float
    lowest: float
    highest: float


@dataclass(frozen=True, slots=True)
class SeedSpread:
    """Bundles of one recipe on one question.

    Attributes:
        recipe: Name of the recipe.
        target: The question.
        seeds: The seeds.
        figures: Name of a figure to its spread; figures that a bundle lacks are left out.
    """

    recipe: str
    target: str
    seeds: tuple[int, ...]
    figures: Mapping[str, Spread]
