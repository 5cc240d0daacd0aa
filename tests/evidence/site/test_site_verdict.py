from __future__ import annotations

import pytest

pytest.importorskip("sklearn", reason="needs the [evidence] extra")

from pneumoscope.decision.profile import GO, NO_GO
from pneumoscope.evidence.site.verdict import Goal, judge
from pneumoscope.evidence.statistics.intervals import Figure
from site_films import judged_films, point_result


def test_go_needs_the_lower_ends() -> None:
    good = Figure(0.97, 0.93, 0.99)
    assert judge(point_result(good, good), judged_films(60, 60), Goal())[0] == GO
    assert judge(point_result(good, good), judged_films(60, 60), Goal(0.95, 0.7))[0] == NO_GO
    assert (
        judge(point_result(good, Figure(None, note="one class")), judged_films(60, 60), Goal())[0]
        == NO_GO
    )


def test_no_go_says_how_many_films_it_would_take() -> None:
    verdict, reasons = judge(
        point_result(Figure(0.92, 0.81, 0.97), Figure(0.9, 0.8, 0.95)), judged_films(30, 30), Goal()
    )
    assert verdict == NO_GO
    # Half the width is 0.08: 60 (0.08 / 0.05)^2 = 153.6. To 0.90: 60 (0.11 / 0.02)^2 = 1815.
    assert reasons == [
        "with 60 films of 60 patients the sensitivity lies between 0.81 and 0.97: not enough, its "
        "lower end has to reach 0.90; about 160 films would narrow it to ±0.05; with about 1,900 it "
        "would, if the sensitivity stays 0.92"
    ]
    _, (hopeless,) = judge(
        point_result(Figure(0.8, 0.7, 0.9), Figure(0.9, 0.8, 0.95)), judged_films(30, 30), Goal()
    )
    assert "more films hardly help" in hopeless


def test_too_few_films_for_sets_and_too_many_refusals_are_no_go() -> None:
    good = Figure(0.97, 0.93, 0.99)
    verdict, (reason,) = judge(point_result(good, good), judged_films(60, 18), Goal())
    assert (verdict, "18 negative films are too few" in reason) == (NO_GO, True)
    verdict, (reason,) = judge(point_result(good, good), judged_films(50, 50, refused=11), Goal())
    assert (verdict, "refuses 11%" in reason) == (NO_GO, True)
