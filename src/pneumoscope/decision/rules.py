"""The rules by which scores are judged: plain values, independent of their source.

`BundleRules` are what a bundle offers, alone or with a site profile. `Rules` are the reader's choice
among them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pneumoscope.decision.prevalence import at_prevalence
from pneumoscope.decision.ranges import Ranges, ranges_of
from pneumoscope.decision.reader_settings import DEFAULT_ERROR, ERROR, PREVALENCE
from pneumoscope.errors import UnknownOperatingPoint, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pneumoscope.decision.calibration import Calibration
    from pneumoscope.decision.conformal import Limits, Scores
    from pneumoscope.records import OperatingPoint, Population, Settings


@dataclass(frozen=True, slots=True)
class Labels:
    """What the outputs of a network mean.

    Attributes:
        names: Classes or findings, in the order of the outputs.
        negative: The class that means "nothing found"; None for several findings.
        positive: Name of the verdict on a film that is not negative, such as ``"PNEUMONIA"``.
        kinds: Classes that are kinds of the positive verdict; empty if it has none.
    """

    names: tuple[str, ...]
    negative: str | None
    positive: str
    kinds: tuple[str, ...] = ()

    @property
    def negative_column(self) -> int | None:
        """Position of the negative class; None for several findings."""
        return None if self.negative is None else self.names.index(self.negative)


@dataclass(frozen=True, slots=True)
class BundleRules:
    """The rules that a bundle offers, before the reader chooses.

    Attributes:
        bundle: Name of the bundle, for messages.
        labels: What the outputs of its network mean.
        calibration: Calibration of the probabilities that are judged; they hold at its prevalence.
        conformal: Scores from which sets of classes follow for any error, or None.
        operating_points: Thresholds on P(positive); with several findings, one of each name for each
            finding.
        default_operating_point: The name that is used if the reader chooses none.
        population: The patients of the training films.
        kinds_warning: Sentence beside every verdict that names kinds, or ``""``.
        warnings: Sentences beside every verdict that is shown.
        gate_limits: Name of a gate score to the value above which it counts; None for a bundle
            without a gate.
        site_calibration: Calibration of a site profile, still to be applied to the network's
            probabilities; None without a profile.
        profile: Title of the site profile, or None.
        prevalence: The site's prevalence, in (0, 1), used if the reader chooses none; or None.
    """

    bundle: str
    labels: Labels
    calibration: Calibration
    conformal: Scores | None
    operating_points: tuple[OperatingPoint, ...]
    default_operating_point: str
    population: Population
    kinds_warning: str = ""
    warnings: tuple[str, ...] = ()
    gate_limits: Mapping[str, float] | None = None
    site_calibration: Calibration | None = None
    profile: str | None = None
    prevalence: float | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules for judging films: those of a bundle, and the reader's choices.

    Attributes:
        offered: The rules of the bundle, or of the bundle at a site.
        points: The thresholds: one, or one per finding.
        limits: Limits of the conformal sets; None if there are none, and no film is UNDETERMINED.
        prevalence: Prevalence to which probabilities are corrected, or None.
        force: Whether a verdict is given even if the gate refuses the film.
    """

    offered: BundleRules
    points: tuple[OperatingPoint, ...]
    limits: Limits | None = None
    prevalence: float | None = None
    force: bool = False

    @classmethod
    def of(cls, offered: BundleRules, settings: Settings) -> Rules:
        """The rules that the settings select.

        Args:
            offered: The rules of the bundle, or of the bundle at a site (`profile.applied`).
            settings: The reader's choices; the mode of explanation and the profile are not used.

        Raises:
            UnknownOperatingPoint: The bundle has no threshold of that name.
            UsageError: Error or prevalence is out of range, or the bundle does not support it.
        """
        wanted = offered.prevalence if settings.prevalence is None else settings.prevalence
        return cls(
            offered=offered,
            points=points_named(
                offered.operating_points,
                settings.operating_point or offered.default_operating_point,
            ),
            limits=_limits(offered, settings.error),
            prevalence=_checked_prevalence(offered, wanted),
            force=settings.force,
        )

    @property
    def known_prevalence(self) -> float:
        """The prevalence at which unadjusted probabilities hold."""
        return self.offered.calibration.prevalence or 0.5

    def ranges(self, point: OperatingPoint) -> Ranges:
        """Where each verdict begins, on the scale of the probability that is shown.

        Args:
            point: One of `points`; with several findings, its finding is present or absent.
        """
        name = point.finding or self.offered.labels.positive
        limits = self.limits.questions.get(name) if self.limits else None
        below, start = ranges_of(point.threshold, limits)
        if self.prevalence is None:
            return Ranges(below, start)
        known, wanted = self.known_prevalence, self.prevalence
        return Ranges(
            at_prevalence(below, known, wanted),
            None if start is None else at_prevalence(start, known, wanted),
        )


def points_named(points: Sequence[OperatingPoint], name: str) -> tuple[OperatingPoint, ...]:
    """The thresholds of that name: one, or one per finding.

    Raises:
        UnknownOperatingPoint: There is no such name; the hint lists the known ones.
    """
    chosen = tuple(point for point in points if point.name == name)
    if not chosen:
        raise UnknownOperatingPoint(name, tuple(dict.fromkeys(point.name for point in points)))
    return chosen


def _limits(offered: BundleRules, error: float | None) -> Limits | None:
    if error is not None:
        ERROR.check(error)
        if offered.conformal is None:
            raise UsageError(
                f"error {error:g} cannot be kept: the bundle {offered.bundle} has no scores of enough "
                "validation films",
                "Leave the error out; the verdict is then never UNDETERMINED.",
            )
    return None if offered.conformal is None else offered.conformal.at(error or DEFAULT_ERROR)


def _checked_prevalence(offered: BundleRules, prevalence: float | None) -> float | None:
    if prevalence is None:
        return None
    PREVALENCE.check(prevalence)
    if offered.labels.negative is None:
        raise UsageError(
            f"prevalence {prevalence:g}: the bundle {offered.bundle} knows several findings, each "
            "with a prevalence of its own",
            "Leave it out.",
        )
    if offered.calibration.prevalence is None:
        raise UsageError(
            f"prevalence {prevalence:g}: the bundle {offered.bundle} does not say to which "
            "prevalence its probabilities belong",
            "Leave it out.",
        )
    return prevalence
