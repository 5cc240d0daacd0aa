"""Which population a film belongs to, by its age or by scores of the gate."""

from __future__ import annotations

import pytest

from pneumoscope.decision import population
from pneumoscope.decision.gate import OTHER_PATIENTS, covers_age
from pneumoscope.records import Population

CHILDREN = Population("children", (1.0, 5.0), ())
ADULTS = Population("adults", (18.0, 90.0), ())
UNKNOWN = Population("anybody", None, ())


@pytest.mark.parametrize(
    ("age", "name"),
    [
        (0.9, None),
        (1.0, "children"),
        (5.99, "children"),  # five until the sixth birthday
        (6.0, None),
        (18.0, "adults"),
        (90.5, "adults"),
        (91.0, None),
        (None, None),
    ],
)
def test_an_age_names_a_population(age: float | None, name: str | None) -> None:
    known = {"children": CHILDREN, "anybody": UNKNOWN, "adults": ADULTS}
    assert population.of_age(known, age) == name


def test_of_two_that_cover_an_age_the_first_is_taken() -> None:
    known = {"all": Population("all", (0.0, 90.0), ()), "children": CHILDREN}
    assert population.of_age(known, 3.0) == "all"


def test_a_film_is_accepted_up_to_the_limit() -> None:
    limits = {OTHER_PATIENTS: 0.4}
    assert population.is_accepted({OTHER_PATIENTS: 0.4}, limits)
    assert not population.is_accepted({OTHER_PATIENTS: 0.41}, limits)


@pytest.mark.parametrize("limits", [None, {}, {"distance": 0.1}])
def test_without_a_limit_every_film_is_accepted(limits: dict[str, float] | None) -> None:
    assert population.is_accepted({OTHER_PATIENTS: 1.0, "distance": 9.0}, limits)


def test_the_lowest_score_is_likeliest_and_a_missing_one_counts_as_0() -> None:
    scores = {"a": {OTHER_PATIENTS: 0.9}, "b": {OTHER_PATIENTS: 0.2}, "c": {OTHER_PATIENTS: 0.3}}
    assert population.likeliest(scores) == "b"
    assert population.likeliest(scores | {"d": {"distance": 0.1}}) == "d"
    assert population.likeliest({"a": {OTHER_PATIENTS: 0.9}, "b": {OTHER_PATIENTS: 0.9}}) == "a"


def test_ages_that_meet_or_overlap_do_not_tell_populations_apart() -> None:
    def ages(low: float, high: float) -> Population:
        return Population("", (low, high), ())

    assert population.have_different_ages([CHILDREN, ADULTS])
    assert population.have_different_ages([ages(6, 17), ADULTS, CHILDREN])
    assert not population.have_different_ages([CHILDREN])
    assert not population.have_different_ages([CHILDREN, CHILDREN])
    assert not population.have_different_ages([CHILDREN, ages(5, 17)])
    assert not population.have_different_ages([ages(0, 90), ADULTS])
    assert not population.have_different_ages([CHILDREN, UNKNOWN])
    assert covers_age((5.0, 17.0), 5.0)
