"""The classical lung field beside that of a bundle's network, as an independent check.

A bundle that looks for lungs is measured with the field of its network. That alone would be circular: a field in
the wrong place would seem to prove that the heat lies on the lungs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.evidence.evaluation.heat_shares import mean_over
from pneumoscope.evidence.evaluation.lung_views import LUNGS, NO_LUNGS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from pneumoscope.evidence.evaluation.heat_shares import HeatShare
    from pneumoscope.evidence.statistics.intervals import Array, Bootstrap, Figure

    Masks = NDArray[np.bool_]

CHECKED_VIEWS = (NO_LUNGS, LUNGS)
"""Views that are also measured with the classical field."""


@dataclass(frozen=True, slots=True)
class LungCheck:
    """The same films with the lung field that the classical method finds.

    Attributes:
        dice: Mean Dice coefficient of both fields, 2 |A and B| / (|A| + |B|).
        dice_without_doubts: The same over the films on which the classical method has no doubts.
        roc_auc: View to the ROC AUC of the bundle, for `CHECKED_VIEWS`.
        heat: Class or finding to the location of its heat.
    """

    dice: Figure
    dice_without_doubts: Figure
    roc_auc: Mapping[str, Figure]
    heat: Mapping[str, HeatShare]


def lung_check(
    masks: tuple[Masks, Masks],
    without_doubts: NDArray[np.bool_],
    roc_auc: Mapping[str, Figure],
    heat: Mapping[str, HeatShare],
    boot: Bootstrap,
) -> LungCheck:
    """Compares both fields.

    Args:
        masks: The network's lungs and the classical method's, each bool (n, rows, columns).
        without_doubts: bool (n,), where the classical method has no doubts.
        roc_auc: View to the ROC AUC with the classical field.
        heat: Location of the heat with the classical field, see `heat_shares.heat_shares`.
        boot: Draws of the films' patients.
    """
    overlaps = dice(*masks)
    return LungCheck(
        dice=mean_over(overlaps, np.ones(len(overlaps), bool), boot),
        dice_without_doubts=mean_over(
            overlaps, without_doubts, boot, "the classical method has doubts on every film"
        ),
        roc_auc=roc_auc,
        heat=heat,
    )


def dice(first: Masks, second: Masks) -> Array:
    """Dice coefficient of each pair of masks (n, rows, columns), (n,); 1 if both are empty."""
    both = (first & second).sum(axis=(1, 2))
    areas = first.sum(axis=(1, 2)) + second.sum(axis=(1, 2))
    return np.where(areas > 0, 2 * both / np.maximum(areas, 1), 1.0)
