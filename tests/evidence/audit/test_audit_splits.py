from __future__ import annotations

import pytest

pytest.importorskip("sklearn", reason="needs the [train] extra")

from audits import listed
from pneumoscope.evidence.audit.contrasts import contrasts
from pneumoscope.evidence.audit.splits import groupings, shifts


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
