from __future__ import annotations

from dataclasses import replace

import pytest

pytest.importorskip("sklearn", reason="needs the [train] extra")

from audits import listed
from pneumoscope.evidence.audit.results import Audit
from pneumoscope.evidence.audit.splits import Shift, groupings
from pneumoscope.evidence.audit.verdict import findings
from pneumoscope.metrics import Interval


@pytest.mark.parametrize(
    ("low", "high", "level", "words"),
    [
        (0.06, 0.14, "look", "difference +10.0 points [+6.0, +14.0]"),
        (-0.05, 0.25, "unknown", "too few films to tell whether they differ"),
        (-0.01, 0.09, "pass", "these films show no clear difference"),
        (0.01, 0.05, "pass", "; small."),
    ],
)
def test_shifts_are_judged_by_their_interval(
    plain: Audit, low: float, high: float, level: str, words: str
) -> None:
    middle = (low + high) / 2
    shift = Shift(
        contrast="sick against normal",
        splits=("train", "test"),
        shares=(0.5 + middle, 0.5),
        films=(400, 400),
        difference=Interval(middle, low, high),
        p=0.5,
    )
    judged = [f for f in findings(replace(plain, shifts=(shift,))) if f.check == "prior shift"]
    assert [finding.level for finding in judged] == [level]
    assert words in judged[0].reason


def test_patients_in_two_splits_stop_only_under_the_keys_as_given(plain: Audit) -> None:
    films = listed(
        ("bacteria/person1", "bacterial", "train"),
        ("virus/person1", "viral", "validation"),
        ("normal/IM-0002", "normal", "train"),
    )
    result = replace(plain, listing=films, groupings=groupings(films))
    judged = [f for f in findings(result) if f.check == "patients"]
    assert [finding.level for finding in judged] == ["pass", "look"]
    assert "1 of 2 patients (without sub-type and prefix) are in two splits" in judged[1].reason
    twice = listed(("normal/IM-0002", "normal", "train"), ("normal/IM-0002", "normal", "test"))
    result = replace(plain, listing=twice, groupings=groupings(twice))
    assert [f.level for f in findings(result) if f.check == "patients"] == ["stop", "look"]
