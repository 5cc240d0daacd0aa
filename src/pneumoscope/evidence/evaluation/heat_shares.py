"""The share of the heat of heatmaps inside regions of the film."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from pneumoscope.evidence.evaluation.lung_views import box_of
from pneumoscope.evidence.statistics.intervals import Bootstrap, Figure, figure_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pneumoscope.evidence.statistics.intervals import Array

    Masks = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class HeatShare:
    """The location of the heat of one class on the films that have the class.

    Attributes:
        films: Number of films of the class whose map is not blank.
        blank: Number of films of the class whose map is blank.
        in_lungs: Mean share of the heat inside the lung field.
        area_of_lungs: Mean share of the film inside the field, which evenly spread heat would have.
        in_box: Mean share inside the box around both lungs.
        area_of_box: Likewise.
        outside_body: Mean share on the background.
        area_outside_body: Likewise.
    """

    films: int
    blank: int
    in_lungs: Figure
    area_of_lungs: float
    in_box: Figure
    area_of_box: float
    outside_body: Figure
    area_outside_body: float


def heat_shares(
    heatmaps: NDArray[np.floating],
    masks: Masks,
    bodies: Masks,
    targets: NDArray[np.floating],
    labels: Sequence[str],
    boot: Bootstrap,
) -> dict[str, HeatShare]:
    """The location of the heat of every class, on the films that have the class.

    A cell of the map counts as inside a region by the part that the region covers.

    Args:
        heatmaps: float (n, labels, h, w), >= 0.
        masks: The lung fields, bool (n, rows, columns).
        bodies: Everything but background, likewise.
        targets: float (n, labels); 1 where the film has the label.
        labels: Names.
        boot: Draws of the films' patients.
    """
    cells = heatmaps.shape[:1:-1]
    covers = {
        "lungs": _cover(masks, cells),
        "box": _cover(np.stack([box_of(mask) for mask in masks]), cells),
        "outside": _cover(~bodies, cells),
    }
    result = {}
    for k, label in enumerate(labels):
        heat = heatmaps[:, k].astype(np.float64)
        total = heat.sum(axis=(1, 2))
        labelled = targets[:, k] == 1
        warm = labelled & (total > 0)
        shares: dict[str, Figure] = {}
        areas: dict[str, float] = {}
        for name, cover in covers.items():
            part = (heat * cover).sum(axis=(1, 2)) / np.maximum(total, 1e-30)
            shares[name] = mean_over(part, warm, boot)
            areas[name] = float(cover[warm].mean()) if warm.any() else 0.0
        result[label] = HeatShare(
            films=int(warm.sum()),
            blank=int((labelled & ~warm).sum()),
            in_lungs=shares["lungs"],
            area_of_lungs=areas["lungs"],
            in_box=shares["box"],
            area_of_box=areas["box"],
            outside_body=shares["outside"],
            area_outside_body=areas["outside"],
        )
    return result


def _cover(masks: Masks, cells: tuple[int, ...]) -> Array:
    """The part of every cell that a mask covers: (n, h, w) for cells (w, h)."""
    return np.stack(
        [cv2.resize(m.astype(np.float32), cells, interpolation=cv2.INTER_AREA) for m in masks]
    ).astype(np.float64)


def mean_over(
    values: Array,
    among: NDArray[np.bool_],
    boot: Bootstrap,
    missing: str = "no film of this class has heat",
) -> Figure:
    """Mean over some films, with its interval.

    Args:
        values: (films,), in [0, 1]; of other films anything, also NaN.
        among: bool (films,).
        boot: Draws of the films' patients.
        missing: Why there is no mean if there are no such films.
    """
    columns = np.stack([np.where(among, values, 0.0), among.astype(np.float64)], axis=1)
    sums = boot.sums(columns)
    with np.errstate(invalid="ignore", divide="ignore"):
        sample = np.where(sums[:, 1] > 0, sums[:, 0] / sums[:, 1], np.nan)
    return figure_of(sample, boot, "unit", missing, trials=boot.patients_with(among))
