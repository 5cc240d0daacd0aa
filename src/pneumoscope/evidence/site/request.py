"""What a site requests of its calibration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pneumoscope.errors import UsageError

if TYPE_CHECKING:
    from pneumoscope.evidence.site.points import Older
    from pneumoscope.evidence.site.verdict import Goal


@dataclass(frozen=True, slots=True)
class SiteRequest:
    """A site and its requirements.

    Attributes:
        name: Name of the site.
        prevalence: In its practice, in (0, 1), or None.
        goal: What the verdict requires.
        older: Older bundle with the points and the calibration that were used with it, or None.
    """

    name: str
    prevalence: float | None
    goal: Goal
    older: Older | None = None


def check(request: SiteRequest) -> None:
    """Rejects settings out of range, before films are read.

    Raises:
        UsageError: Naming the setting.
    """
    if not request.name.strip():
        raise UsageError("the site has no name", "Name it with --name.")
    shares = {
        "--prevalence": request.prevalence,
        "--min-sensitivity": request.goal.sensitivity,
        "--min-specificity": request.goal.specificity,
    }
    for option, share in shares.items():
        if share is not None and not 0 < share < 1:
            raise UsageError(f"{option} {share:g} is not between 0 and 1", "0.05 is 5 %.")
