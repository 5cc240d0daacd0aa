"""The heat of every class inside the regions that people drew, with patient-clustered intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.decision.verdict_maps import kind_weights, weighted_maps
from pneumoscope.evidence.evaluation.drawn_regions import heat_inside, regions_of
from pneumoscope.evidence.evaluation.heat_shares import mean_over
from pneumoscope.evidence.evaluation.localisation_results import (
    BOXES,
    ILL_SIDE,
    LUNGS,
    RegionHeat,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from pneumoscope.bundle import BundleMeta
    from pneumoscope.evidence.evaluation.evaluated_films import EvaluatedFilm
    from pneumoscope.evidence.statistics.intervals import Array, Bootstrap

    Step = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, eq=False)
class ClassHeat:
    """The maps of one class.

    Attributes:
        name: The class, finding or positive verdict.
        maps: float (films, h, w), >= 0.
        films: bool (films,): those that have the class.
    """

    name: str
    maps: NDArray[np.floating]
    films: NDArray[np.bool_]


def class_heats(
    heatmaps: NDArray[np.floating],
    p: Array,
    targets: Array,
    meta: BundleMeta,
    *,
    are_shares: bool = False,
) -> list[ClassHeat]:
    """The maps of every class; first, for bundles with classes, those of the positive verdict.

    Args:
        heatmaps: float (films, labels, h, w).
        p: Probabilities (films, labels).
        targets: (films, labels), 1 where the film has the label, NaN where unknown.
        meta: Of the bundle.
        are_shares: Whether the maps of the kinds are shares of one map, see `kind_weights`.
    """
    heats = []
    if meta.negative is not None:
        negative = meta.labels.index(meta.negative)
        shown = weighted_maps(heatmaps, kind_weights(p, negative, are_shares=are_shares))
        heats.append(ClassHeat(meta.positive, shown, targets[:, negative] == 0))
    for k, label in enumerate(meta.labels):
        if all(label != heat.name for heat in heats):
            heats.append(ClassHeat(label, heatmaps[:, k], targets[:, k] == 1))
    return heats


def region_heats(
    heats: Sequence[ClassHeat],
    films: Sequence[EvaluatedFilm],
    boot: Bootstrap,
    step: Step = lambda _done, _total: None,
) -> tuple[RegionHeat, ...]:
    """Where the heat of every class lies, by region; a pair without films is left out.

    Args:
        heats: The maps.
        films: The films, in the order of the maps.
        boot: Draws of their patients.
        step: Called with (films done, films in all).

    Raises:
        DataError: A mask cannot be read.
    """
    names = (LUNGS, BOXES, ILL_SIDE)
    # Share, area and peak of each film, by region and class; NaN where the film has no such region or heat.
    measured = np.full((len(names), len(heats), len(films), 3), np.nan)
    present = np.zeros((len(names), len(films)), bool)
    warm = np.array([heat.maps.sum(axis=(1, 2)) > 0 for heat in heats])
    for i, film in enumerate(films):
        for name, region in regions_of(film).items():
            r = names.index(name)
            present[r, i] = True
            for k, heat in enumerate(heats):
                if heat.films[i] and warm[k, i]:
                    measured[r, k, i] = heat_inside(heat.maps[i].astype(np.float64), region)
        step(i + 1, len(films))
    results = []
    for r, name in enumerate(names):
        for k, heat in enumerate(heats):
            labelled = heat.films & present[r]
            if labelled.any():
                results.append(
                    _region_heat(
                        name, heat.name, measured[r, k], labelled & warm[k], labelled, boot
                    )
                )
    return tuple(results)


def _region_heat(
    region: str,
    heat_of: str,
    values: Array,
    warm: NDArray[np.bool_],
    labelled: NDArray[np.bool_],
    boot: Bootstrap,
) -> RegionHeat:
    shares, areas, peaks = values.T
    return RegionHeat(
        region=region,
        heat_of=heat_of,
        films=int(warm.sum()),
        patients=boot.patients_with(warm),
        blank=int((labelled & ~warm).sum()),
        share=mean_over(shares, warm & ~np.isnan(shares), boot),
        area=float(np.nanmean(areas[warm])) if warm.any() else None,
        peak=mean_over(peaks, warm & ~np.isnan(peaks), boot),
    )
