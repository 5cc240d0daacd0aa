from __future__ import annotations

from dataclasses import replace

import pytest

pytest.importorskip("sklearn", reason="needs the [train] extra")

from scipy.stats import fisher_exact

from audits import listed
from pneumoscope.evidence.audit.contrasts import contrasts
from pneumoscope.evidence.audit.splits import Shift, groupings, shifts
from pneumoscope.metrics import Interval


def test_patients_under_both_groupings() -> None:
    films = listed(
        ("bacteria/person1", "bacterial", "train"),
        ("virus/person1", "viral", "validation"),
        ("normal/IM-0001", "normal", "train"),
        ("normal/NORMAL2-IM-0001", "normal", "train"),
        ("normal/IM-0002", "normal", "train"),
        ("normal/IM-0002", "normal", "validation"),
    )
    strict, loose = groupings(films)
    assert (strict.patients, strict.in_two_splits) == (5, ("normal/IM-0002",))
    assert (strict.films_in_two_splits, strict.in_two_classes) == (2, ())
    assert (loose.patients, loose.in_two_splits) == (3, ("IM-0002", "person1"))
    assert (loose.films_in_two_splits, loose.in_two_classes) == (4, ("person1",))
    assert len(groupings(listed(("p1", "normal", "train")))) == 1


def test_prior_shift_by_hand() -> None:
    films = [(f"n{i}", "normal", "train") for i in range(100)]
    films += [(f"v{i}", "viral", "train") for i in range(300)]
    films += [(f"m{i}", "normal", "test") for i in range(200)]
    films += [(f"w{i}", "viral", "test") for i in range(200)]
    listing = listed(*films)
    (pair,), _ = contrasts(listing)
    (shift,) = shifts(listing, pair)
    assert shift.shares == (0.75, 0.5)
    assert shift.difference.value == pytest.approx(0.25)
    # Two independent shares: 1.96 sqrt(0.75 x 0.25 / 400 + 0.5 x 0.5 / 400) = 0.065.
    assert shift.difference.low == pytest.approx(0.185, abs=0.01)
    assert shift.difference.high == pytest.approx(0.315, abs=0.01)
    assert shift.clear
    assert shift.p < 1e-6


def test_a_split_of_one_group_has_an_exact_interval() -> None:
    # All draws give a difference of 1. 0.025 ** (1 / 10) = 0.6915, 0.025 ** (1 / 20) = 0.8316.
    apart = [(f"v{i}", "viral", "train") for i in range(10)]
    apart += [(f"n{i}", "normal", "test") for i in range(20)]
    (pair,), _ = contrasts(listed(*apart))
    (shift,) = shifts(listed(*apart), pair)
    assert shift.difference == Interval(1.0, pytest.approx(1 - 0.3085 - 0.1684, abs=1e-4), 1.0)
    # Both splits have viral films only: either share may be lower.
    alike = [(f"v{i}", "viral", "train" if i < 10 else "test") for i in range(30)]
    alike += [("n", "normal", "validation")]
    (pair,), _ = contrasts(listed(*alike))
    ends = {s.splits: s.difference for s in shifts(listed(*alike), pair)}["train", "test"]
    expected = (0.0, pytest.approx(-0.3085, abs=1e-4), pytest.approx(0.1684, abs=1e-4))
    assert (ends.value, ends.low, ends.high) == expected


def test_the_order_of_films_does_not_matter() -> None:
    films = [
        ("bacteria/person1", "bacterial", "train"),
        ("virus/person1", "viral", "validation"),
        ("normal/IM-0002", "normal", "train"),
        ("normal/IM-0002", "viral", "test"),
    ]
    assert groupings(listed(*films)) == groupings(listed(*films[::-1]))


def test_films_without_a_key_belong_to_nobody() -> None:
    films = listed(("a", "normal", "train"), ("a", "normal", "test"), ("b", "viral", "train"))
    bare = replace(films, entries=tuple(replace(e, keyed=e.patient == "b") for e in films.entries))
    (grouping,) = groupings(bare)
    assert (grouping.patients, grouping.films, grouping.in_two_splits) == (1, 1, ())
    nobody = replace(films, entries=tuple(replace(e, keyed=False) for e in films.entries))
    assert groupings(nobody) == ()


def test_a_film_without_a_label_is_no_second_class() -> None:
    films = listed(("a", "normal", "train"), ("a", "none of these", "train"))
    (grouping,) = groupings(films)
    assert grouping.in_two_classes == ()
    both = listed(("a", "normal", "train"), ("a", "viral", "train"))
    assert groupings(both)[0].in_two_classes == ("a",)


def test_every_two_splits_are_compared() -> None:
    films = [
        (f"{split}{kind}{i}", kind, split)
        for split, ill in (("train", 3), ("validation", 2), ("test", 1))
        for kind, number in (("viral", ill), ("normal", 4))
        for i in range(number)
    ]
    listing = listed(*films)
    (pair,), _ = contrasts(listing)
    made = {shift.splits: shift for shift in shifts(listing, pair)}
    assert list(made) == [("train", "validation"), ("train", "test"), ("validation", "test")]
    shift = made["train", "test"]
    assert shift.shares == (pytest.approx(3 / 7), pytest.approx(1 / 5))
    assert shift.films == (7, 5)
    assert shift.difference.value == pytest.approx(3 / 7 - 1 / 5)
    assert shift.p == pytest.approx(fisher_exact([[3, 4], [1, 4]]).pvalue)


def test_one_split_has_nothing_to_shift() -> None:
    listing = listed(("a", "normal", "train"), ("b", "viral", "train"))
    (pair,), _ = contrasts(listing)
    assert shifts(listing, pair) == ()


def test_films_of_one_patient_widen_the_interval_of_a_shift() -> None:
    alone, grouped = (
        [
            (f"{split}{kind}{i // films}", kind, split)
            for split, ill in (("train", 40), ("test", 20))
            for kind, number in (("viral", ill), ("normal", 40))
            for i in range(number)
        ]
        for films in (1, 10)
    )
    widths = []
    for films in (alone, grouped):
        listing = listed(*films)
        (pair,), _ = contrasts(listing)
        (shift,) = shifts(listing, pair)
        widths.append(shift.difference.high - shift.difference.low)
    # Ten films of a patient say about as much as one: the interval is about sqrt(10) times as wide.
    assert widths[1] > 2 * widths[0]


@pytest.mark.parametrize(
    ("low", "high", "clear"), [(0.01, 0.2, True), (-0.2, -0.01, True), (-0.1, 0.1, False)]
)
def test_a_shift_is_clear_if_its_interval_excludes_0(low: float, high: float, clear: bool) -> None:
    shift = Shift(
        contrast="viral against normal",
        splits=("train", "test"),
        shares=(0.5, 0.5),
        films=(9, 9),
        difference=Interval((low + high) / 2, low, high),
        p=0.5,
    )
    assert shift.clear is clear
