"""What a site asks of its calibration."""

from __future__ import annotations

from dataclasses import dataclass

from pneumoscope.errors import UsageError
from pneumoscope.evidence.site import points as site_points
from pneumoscope.evidence.site import verdict as site_verdict


@dataclass(frozen=True, slots=True)
class SiteRequest:
    """What the site says of itself and asks for.

    Attributes:
        name: Of the site.
        prevalence: In its practice, in (0, 1), or None.
        goal: What the verdict asks for.
        older: Older bundle, and the points and the calibration that were in use with it; or None.
    """

    name: str
    prevalence: float | None
    goal: site_verdict.Goal
    older: site_points.Older | None = None


def check(asked: SiteRequest) -> None:
    """Refuses settings out of range, before films are read.

    Raises:
        UsageError: Naming the setting.
    """
    if not asked.name.strip():
        raise UsageError("the site has no name", "Name it with --name.")
    shares = {
        "--prevalence": asked.prevalence,
        "--min-sensitivity": asked.goal.sensitivity,
        "--min-specificity": asked.goal.specificity,
    }
    for option, share in shares.items():
        if share is not None and not 0 < share < 1:
            raise UsageError(f"{option} {share:g} is not between 0 and 1", "0.05 stands for 5 %.")
