"""The results of a site calibration: values only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.decision.profile import SiteProfile
from pneumoscope.evidence.statistics.intervals import Figure

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pneumoscope.data.check import Broken
    from pneumoscope.evidence.site.points import CarriedPoint
    from pneumoscope.evidence.statistics.reliability import Bin, CalibrationError
    from pneumoscope.records import OperatingPoint


@dataclass(frozen=True, slots=True)
class PointResult:
    """An operating point on the site's films.

    Attributes:
        point: The site's.
        sensitivity: Sensitivity of films that had no part in choosing the threshold (cross-fitted).
        specificity: Likewise.
        bundle_threshold: The bundle's own threshold of that name, on its own P(positive); None if
            it has none.
        bundle_sensitivity: At that threshold.
        bundle_specificity: Likewise.
    """

    point: OperatingPoint
    sensitivity: Figure
    specificity: Figure
    bundle_threshold: float | None
    bundle_sensitivity: Figure
    bundle_specificity: Figure


@dataclass(frozen=True, slots=True)
class Probabilities:
    """How well probabilities agree with the labels.

    Attributes:
        error: Expected calibration error.
        bins: Bins of the reliability plot.
    """

    error: CalibrationError
    bins: tuple[Bin, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Calibrated:
    """The results for a site's films.

    Attributes:
        profile: To be written.
        points: The profile's operating points, measured.
        before: The bundle's probabilities.
        after: The site's, for films that had no part in the fit.
        undetermined: Share of films whose conformal set at error 5 % is not one class.
        carried: Operating points of an older bundle on the new one; empty without one.
        refused: Share of all films that the gate refuses.
        p: Cross-fitted P(positive) of the judged films, for the plot.
        positive: Whether each of these is positive.
        broken: Films that cannot be read.
        warnings: What is doubtful, in sentences.
    """

    profile: SiteProfile
    points: tuple[PointResult, ...]
    before: Probabilities
    after: Probabilities
    undetermined: Figure
    carried: tuple[CarriedPoint, ...]
    refused: float
    p: NDArray[np.float64]
    positive: NDArray[np.bool_]
    broken: tuple[Broken, ...]
    warnings: tuple[str, ...]
