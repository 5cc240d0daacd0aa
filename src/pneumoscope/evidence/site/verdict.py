"""Go or no-go: may a site rely on a bundle, as far as its own films can tell?

The rule is that of diagnostic studies with a performance goal (FDA 2007, "Statistical guidance on
reporting results from studies evaluating diagnostic tests"): not the estimate but the lower end of
its 95 % interval has to reach the goal, so few films can only ever say no-go.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pneumoscope.decision.profile import GO, NO_GO
from pneumoscope.decision.reader_settings import DEFAULT_ERROR

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from pneumoscope.evidence.site.films import SiteFilms
    from pneumoscope.evidence.site.results import PointResult
    from pneumoscope.evidence.statistics.intervals import Figure

SENSITIVITY, SPECIFICITY = 0.90, 0.70
"""What the WHO asks of a triage test for tuberculosis at least ("High-priority target product
profiles for new tuberculosis diagnostics", 2014); there is none for pneumonia on radiographs."""
MOST_REFUSED = 0.10
"""Share of films that the gate may refuse; a tool that refuses more is of little use there."""
NARROW = 0.05
"""Half of the width of an interval that is narrow enough."""


@dataclass(frozen=True, slots=True)
class Goal:
    """What the lower ends of the intervals have to reach, in (0, 1)."""

    sensitivity: float = SENSITIVITY
    specificity: float = SPECIFICITY


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What the films were.

    Attributes:
        positive: bool (films,), of those that were judged.
        patients: Key of each one's patient.
        undetermined: Share of films with no single class.
        films: All of them.
    """

    positive: NDArray[np.bool_]
    patients: Sequence[str]
    undetermined: Figure
    films: SiteFilms


def judge(point: PointResult, seen: Seen, goal: Goal) -> tuple[str, list[str]]:
    """The verdict, and why: every reason against, or what speaks for it.

    Args:
        point: The operating point that is used when nobody chooses.
        seen: The films.
        goal: What is asked for.
    """
    against = list(_against(point, seen, goal))
    if against:
        return NO_GO, against
    return GO, [
        f"{_films(seen)}: at {point.point.name} the sensitivity lies between "
        f"{_range(point.sensitivity)} and the specificity between {_range(point.specificity)}; "
        f"at least {goal.sensitivity:.2f} and {goal.specificity:.2f} were asked for"
    ]


def _against(point: PointResult, seen: Seen, goal: Goal) -> Iterator[str]:
    asked = (
        ("sensitivity", point.sensitivity, goal.sensitivity),
        ("specificity", point.specificity, goal.specificity),
    )
    for name, figure, least in asked:
        yield from _short_of(name, figure, least, seen)
    needed = math.ceil(1 / DEFAULT_ERROR) - 1
    for kind, own in (("positive", seen.positive), ("negative", ~seen.positive)):
        if (number := int(own.sum())) < needed:
            yield (
                f"{number} {kind} films are too few for UNDETERMINED at error {DEFAULT_ERROR:.0%}: the bundle's "
                f"own limits stay, whose promise nobody has tested here; {needed} are needed"
            )
    refused = float(seen.films.refused.mean())
    if refused > MOST_REFUSED:
        yield (
            f"the gate refuses {refused:.0%} of the site's own films, more than {MOST_REFUSED:.0%}: "
            "they are others than the bundle knows"
        )


def _short_of(name: str, figure: Figure, least: float, seen: Seen) -> Iterator[str]:
    start = _films(seen)
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
    films = len(seen.positive)
    if half > NARROW:
        text += f"; about {_more(films, half / NARROW)} films would narrow it to ±{NARROW:.2f}"
    wanted = (figure.value - figure.low) / (figure.value - least)
    yield f"{text}; with about {_more(films, wanted)} it would, if the {name} stays {figure.value:.2f}"


def _more(films: int, factor: float) -> str:
    """How many films make an interval narrower by a factor: errors go with 1 / sqrt(films)."""
    number = films * factor**2
    unit = 10 ** max(1, math.floor(math.log10(number)) - 1)
    return f"{math.ceil(number / unit) * unit:,}"


def _films(seen: Seen) -> str:
    return f"with {len(seen.positive):,} films of {len(set(seen.patients)):,} patients"


def _range(figure: Figure) -> str:
    return f"{figure.low:.2f} and {figure.high:.2f}"
