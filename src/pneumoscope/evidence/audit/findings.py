"""The judgement of an audit on single checks and on the data set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

PASS, LOOK, STOP, UNKNOWN, NOTHING = "pass", "look", "stop", "unknown", "not applicable"
LEVELS = (STOP, LOOK, UNKNOWN, PASS, NOTHING)
"""The levels, the worst first."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The judgement on one check.

    Attributes:
        check: Which, in one or two words.
        level: ``"pass"``, ``"look"``, ``"stop"``, ``"unknown"`` (it could not be checked, but should
            be) or ``"not applicable"``.
        reason: The result, in sentences.
        advice: What to do, or ``""``.
    """

    check: str
    level: str
    reason: str
    advice: str = ""


def overall(findings: Sequence[Finding]) -> str:
    """The worst of all levels; ``"unknown"`` counts as ``"look"``."""
    levels = {finding.level for finding in findings}
    if STOP in levels:
        return STOP
    return LOOK if levels & {LOOK, UNKNOWN} else PASS
