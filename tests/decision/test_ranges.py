"""The ranges that readers are told, compared with what is decided at every probability."""

from __future__ import annotations

import math
from itertools import pairwise, product

import numpy as np
import pytest

from pneumoscope.bundle import open_bundle
from pneumoscope.decision.conformal import Limits, Scores, Sides
from pneumoscope.decision.ranges import Ranges, ranges_of
from pneumoscope.decision.rules import BundleRules, Rules
from pneumoscope.decision.triage import judge
from pneumoscope.records import NORMAL, UNDETERMINED, OperatingPoint, Settings
from tiny import findings_meta, scored_meta, tiny_meta

GRID = np.linspace(0, 1, 1001).tolist()


def around(values: tuple[float, ...]) -> list[float]:
    """A grid of probabilities, and the neighbours of the values."""
    near = {v for p in values for v in (math.nextafter(p, 0), p, math.nextafter(p, 1))}
    return sorted({*GRID, *(p for p in near if 0 <= p <= 1)})


def stated(p: float, ranges: Ranges, positive: str) -> str:
    """The verdict that a reader takes from the ranges."""
    if p < ranges.negative_below:
        return NORMAL
    is_positive = ranges.positive_from is not None and p >= ranges.positive_from
    return positive if is_positive else UNDETERMINED


def film(p: float, names: tuple[str, ...]) -> dict[str, float]:
    """Probabilities of the classes; the first one is the negative class."""
    negative, *others = names
    return {negative: 1 - p} | {name: p / len(others) for name in others}


def hold(rules: Rules) -> set[str]:
    """Compares the ranges with the decisions; gives the verdicts that were met."""
    labels, (point,) = rules.offered.labels, rules.points
    ranges = rules.ranges(point)
    met = set()
    for p in GRID:
        verdict = judge(film(p, labels.names), rules)
        assert (verdict.negative_below, verdict.positive_from) == ranges
        if all(abs(verdict.p_positive - limit) > 1e-12 for limit in ranges.limits):
            assert verdict.label == stated(verdict.p_positive, ranges, labels.positive), p
            met.add(verdict.label)
    return met


SHIPPED = [
    (name, point) for name in ("children", "adults") for point in ("balanced", "screen", "rule-in")
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "point"), SHIPPED)
@pytest.mark.parametrize("prevalence", [None, 0.02])
def test_they_hold_for_every_choice_of_the_shipped_bundles(
    name: str, point: str, prevalence: float | None
) -> None:
    offered = open_bundle(name).meta.rules
    assert offered.conformal is not None
    for error in (None, 0.01, 0.02, 0.1, 0.3, 0.5, 0.9):
        if error is not None and error < offered.conformal.smallest_error:
            continue
        settings = Settings(operating_point=point, error=error, prevalence=prevalence)
        assert hold(Rules.of(offered, settings)) >= {NORMAL, offered.labels.positive}


def rules_with(threshold: float, limits: tuple[float, float] | None) -> Rules:
    point = OperatingPoint("x", threshold, "by hand")
    offered = tiny_meta(operating_points=(point,), default_operating_point="x").rules
    made = None if limits is None else Limits(0.05, {"PNEUMONIA": limits}, {})
    return Rules(offered, (point,), made)


PLACES = (0.0, 1e-9, 0.1, 0.3, 0.5, 0.7, 1.0)


@pytest.mark.slow
@pytest.mark.parametrize("threshold", [1e-7, 0.3, 0.5, 0.9])
def test_they_hold_at_every_probability_whatever_the_limits(threshold: float) -> None:
    for limits in (None, *product(PLACES, PLACES)):
        rules = rules_with(threshold, limits)
        ranges = rules.ranges(rules.points[0])
        least, most = limits or (0.5, 0.5)
        for p in around((threshold, 1 - least, least, most, *ranges.limits)):
            negative = 1.0 - p  # the decision sees this one
            verdict = judge({"normal": negative, "bacterial": p, "viral": 0.0}, rules)
            seen = 1.0 - negative
            assert verdict.label == stated(seen, ranges, "PNEUMONIA"), (p, limits)


@pytest.mark.parametrize(
    ("threshold", "limits", "ranges"),
    [
        (0.5, None, (0.5, 0.5)),
        # Both classes from 0.3 to 0.8.
        (0.5, (0.2, 0.3), (0.3, 0.8)),
        # Neither class from 0.25 to 0.75.
        (0.5, (0.75, 0.75), (0.25, 0.75)),
        # The set changes at 0.75, but the operating point only calls from 0.9 on.
        (0.9, (0.25, 0.75), (0.75, 0.9)),
        (0.5, (0.5, 0.5), (0.5, 0.5)),
        # NORMAL is in every set: no film is positive. PNEUMONIA is: no film is NORMAL.
        (0.5, (0.0, 0.25), (0.25, None)),
        (0.5, (0.25, 0.0), (0.0, 0.75)),
        (0.5, (0.0, 0.0), (0.0, None)),
    ],
)
def test_ranges_by_hand(
    threshold: float, limits: tuple[float, float] | None, ranges: tuple[float, float | None]
) -> None:
    below, start = ranges_of(threshold, limits)
    assert below == pytest.approx(ranges[0], abs=1e-15)
    assert start == (None if ranges[1] is None else pytest.approx(ranges[1], abs=1e-15))


def test_where_films_are_undetermined() -> None:
    assert (Ranges(0.5, 0.5).unclear, Ranges(0.5, 0.5).limits) == (None, (0.5,))
    assert (Ranges(0.2, 0.7).unclear, Ranges(0.2, 0.7).limits) == ((0.2, 0.7), (0.2, 0.7))
    assert (Ranges(0.2, None).unclear, Ranges(0.2, None).limits) == ((0.2, 1.0), (0.2,))
    assert (Ranges(0.0, None).unclear, Ranges(0.0, None).limits) == ((0.0, 1.0), ())


def test_every_finding_has_its_own() -> None:
    scores = (0.3,) * 10 + (0.99,) * 90
    offered = findings_meta(conformal=Scores({"Mass": Sides(scores, scores)})).rules
    rules = Rules.of(offered, Settings())
    for p in GRID:
        verdict = judge({"Device": 0.0, "Mass": p, "Nodule": 0.0}, rules)
        (mass,) = (finding for finding in verdict.findings if finding.name == "Mass")
        assert mass.negative_below is not None
        state = stated(p, Ranges(mass.negative_below, mass.positive_from), "present")
        assert (state == UNDETERMINED) == mass.undetermined
        assert mass.undetermined or (state == "present") == mass.present
    assert {f.name: (f.negative_below, f.positive_from) for f in verdict.findings} == {
        "Device": (0.6, 0.6),
        "Mass": (0.3, pytest.approx(0.7)),
        "Nodule": (0.05, 0.05),
    }
    assert (verdict.negative_below, verdict.positive_from) == (None, None)


def test_with_a_prevalence_they_are_on_the_scale_that_is_shown() -> None:
    offered: BundleRules = scored_meta().rules
    rules = Rules.of(offered, Settings(prevalence=0.2))
    assert hold(rules) == {NORMAL, UNDETERMINED, "PNEUMONIA"}
    below, start = rules.ranges(rules.points[0])
    # Unadjusted 0.2 and 0.7, odds 1/4 and 7/3; a quarter of them: 1/16 and 7/12.
    assert below == pytest.approx(1 / 17)
    assert start == pytest.approx(7 / 19)
    assert all(a < b for a, b in pairwise((below, start)))
