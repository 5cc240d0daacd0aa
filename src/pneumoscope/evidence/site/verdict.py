"""Go or no-go: do a site's films show that it may rely on a bundle?

The rule is that of diagnostic studies with a performance goal (FDA 2007, "Statistical guidance on
reporting results from studies evaluating diagnostic tests"): not the estimate but the lower end of its
95 % interval must reach the goal, so few films always lead to no-go.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pneumoscope.decision.profile import GO, NO_GO
from pneumoscope.decision.reader_settings import DEFAULT_ERROR
from pneumoscope.decision.sentences import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from pneumoscope.evidence.site.films import SiteFilms
    from pneumoscope.evidence.site.results import PointResult
    from pneumoscope.evidence.statistics.intervals import Figure

SENSITIVITY, SPECIFICITY = 0.90, 0.70
"""The WHO's minimum for a triage test for tuberculosis ("High-priority target product profiles for new
tuberculosis diagnostics", 2014); there is none for pneumonia on radiographs."""
MOST_REFUSED = 0.10
"""Share of films that the gate may refuse; a tool that refuses more is of little use."""
NARROW = 0.05
"""Half the width of an interval that is narrow enough."""


@dataclass(frozen=True, slots=True)
class Goal:
    """Values that the lower ends of the intervals must reach, in (0, 1)."""

    sensitivity: float = SENSITIVITY
    specificity: float = SPECIFICITY


@dataclass(frozen=True, slots=True, eq=False)
class JudgedFilms:
    """The films on which a verdict is based.

    Attributes:
        positive: bool (films,), of films that the gate lets pass.
        patients: Key of each film's patient.
        undetermined: Share of films that are UNDETERMINED.
        films: All films, refused ones included.
    """

    positive: NDArray[np.bool_]
    patients: Sequence[str]
    undetermined: Figure
    films: SiteFilms


def judge(point: PointResult, judged: JudgedFilms, goal: Goal) -> tuple[str, list[str]]:
    """The verdict and its reasons: all reasons against, or the reason for it.

    Args:
        point: The default operating point.
        judged: The films.
        goal: What is required.
    """
    against = list(_against(point, judged, goal))
    if against:
        return NO_GO, against
    return GO, [
        f"{_films(judged)}: at {point.point.name} the sensitivity lies between "
        f"{_range(point.sensitivity)} and the specificity between {_range(point.specificity)}; "
        f"at least {goal.sensitivity:.2f} and {goal.specificity:.2f} were required"
    ]


def _against(point: PointResult, judged: JudgedFilms, goal: Goal) -> Iterator[str]:
    requirements = (
        ("sensitivity", point.sensitivity, goal.sensitivity),
        ("specificity", point.specificity, goal.specificity),
    )
    for name, figure, least in requirements:
        yield from _short_of(name, figure, least, judged)
    needed = math.ceil(1 / DEFAULT_ERROR) - 1
    for kind, films in (("positive", judged.positive), ("negative", ~judged.positive)):
        if (number := int(films.sum())) < needed:
            yield (
                f"{number} {kind} films are too few for UNDETERMINED at error {DEFAULT_ERROR:.0%}: the bundle's "
                f"limits are kept, which have not been tested here; {needed} are needed"
            )
    refused = float(judged.films.refused.mean())
    if refused > MOST_REFUSED:
        yield (
            f"the gate refuses {refused:.0%} of the site's own films, more than {MOST_REFUSED:.0%}: "
            "they are unlike the films that the bundle knows"
        )


def _short_of(name: str, figure: Figure, least: float, judged: JudgedFilms) -> Iterator[str]:
    start = _films(judged)
    if figure.value is None or figure.low is None or figure.high is None:
        yield f"{start} the {name} has no interval: {figure.note}"
        return
    if figure.low >= least:
        return
    text = (
        f"{start} the {name} lies between {_range(figure)}: not enough, its lower end has to "
        f"reach {least:.2f}"
    )
    if figure.value <= least:
        yield f"{text}; the estimate itself ({figure.value:.2f}) does not, so more films hardly help"
        return
    half = 0.5 * (figure.high - figure.low)
    films = len(judged.positive)
    if half > NARROW:
        text += f"; about {_more(films, half / NARROW)} films would narrow it to ±{NARROW:.2f}"
    wanted = (figure.value - figure.low) / (figure.value - least)
    yield f"{text}; with about {_more(films, wanted)} it would, if the {name} stays {figure.value:.2f}"


def _more(films: int, factor: float) -> str:
    """Number of films that makes an interval narrower by a factor: errors scale with 1 / sqrt(films)."""
    number = films * factor**2
    unit = 10 ** max(1, math.floor(math.log10(number)) - 1)
    return f"{math.ceil(number / unit) * unit:,}"


def _films(judged: JudgedFilms) -> str:
    return f"with {counted(len(judged.positive), 'film')} of {counted(len(set(judged.patients)), 'patient')}"


def _range(figure: Figure) -> str:
    return f"{figure.low:.2f} and {figure.high:.2f}"
