"""Which population a film belongs to, where there is a bundle for each of several.

The age in the film's header decides, or else the film itself: each bundle's gate may have learned a
score, `gate.OTHER_PATIENTS`, that is high on films of other patients than its own.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from pneumoscope.decision.gate import OTHER_PATIENTS, covers_age

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pneumoscope.records import Population

AGE, FILM, READER = "age", "film", "reader"
"""What chose the population of a film: the age in its header, the film itself, or the reader."""


def of_age(populations: Mapping[str, Population], age_years: float | None) -> str | None:
    """The first population that covers an age; None if none does, or if the age is unknown.

    Args:
        populations: Populations by name.
        age_years: Patient's age in years, or None.
    """
    if age_years is None:
        return None
    covering = (
        name
        for name, population in populations.items()
        if population.age_years is not None and covers_age(population.age_years, age_years)
    )
    return next(covering, None)


def is_accepted(scores: Mapping[str, float], limits: Mapping[str, float] | None) -> bool:
    """Whether a bundle accepts a film as one of its population; True if its gate has no such score.

    Args:
        scores: Scores of the bundle's gate on the film.
        limits: Score to the value above which it counts; None for a bundle without a gate.
    """
    if limits is None or OTHER_PATIENTS not in limits:
        return True
    return scores.get(OTHER_PATIENTS, 0.0) <= limits[OTHER_PATIENTS]


def likeliest(scores: Mapping[str, Mapping[str, float]]) -> str:
    """The population whose gate has the lowest score; a gate without it counts as 0.

    Args:
        scores: Name of a population to the scores of its bundle's gate on the film, in the order in
            which equal ones are preferred.
    """
    return min(scores, key=lambda name: scores[name].get(OTHER_PATIENTS, 0.0))


def have_different_ages(populations: Sequence[Population]) -> bool:
    """Whether there are several populations and every age belongs to at most one of them."""
    ranges = [population.age_years for population in populations]
    return len(ranges) > 1 and all(
        a is not None and b is not None and not (covers_age(a, b[0]) or covers_age(b, a[0]))
        for a, b in combinations(ranges, 2)
    )
