"""Reliability plots."""

from __future__ import annotations

import drawings
from drawings import MISSING, known
from pneumoscope.evidence.report.plots.calibration import reliability
from pneumoscope.evidence.statistics.intervals import Figure
from pneumoscope.evidence.statistics.reliability import Bin


def test_each_panel_plots_the_observed_share_over_the_mean_probability() -> None:
    before = [
        Bin(low=0.0, high=0.3, predicted=0.2, observed=Figure(0.1, 0.05, 0.2), films=10),
        Bin(low=0.3, high=1.0, predicted=0.8, observed=Figure(0.6, 0.5, 0.7), films=10),
    ]
    after = [Bin(low=0.0, high=1.0, predicted=0.4, observed=Figure(0.35, 0.3, 0.4), films=20)]
    first, second = drawings.axes_of(
        lambda: reliability("r", [("before", before, known(0.15)), ("after", after, known(0.05))])
    )
    ((points, whiskers),) = drawings.marks(first)
    assert points == [(0.2, 0.1), (0.8, 0.6)]
    assert whiskers[0] == [[0.2, 0.05], [0.2, 0.2]]
    assert drawings.marks(second)[0][0] == [(0.4, 0.35)]
    assert first.get_title(loc="left") == "before\nECE 0.150 [0.050, 0.250]"
    assert second.get_title(loc="left") == "after\nECE 0.050 [-0.050, 0.150]"


def test_the_diagonal_is_perfect_calibration() -> None:
    bins = [Bin(low=0.0, high=1.0, predicted=0.4, observed=MISSING, films=0)]
    (axes, _) = drawings.axes_of(
        lambda: reliability("r", [("a", bins, known(0.1)), ("b", bins, known(0.1))])
    )
    assert drawings.points(drawings.line(axes, "perfect")) == [(0, 0), (1, 1)]
    assert axes.get_aspect() == 1


def test_a_title_names_what_is_missing_without_its_note() -> None:
    bins = [Bin(low=0.0, high=1.0, predicted=0.4, observed=known(0.4), films=9)]
    plain, without = drawings.axes_of(
        lambda: reliability(
            "r", [("a", bins, Figure(0.1, note="9 patients are too few")), ("b", bins, MISSING)]
        )
    )
    assert plain.get_title(loc="left") == "a\nECE 0.100"
    assert without.get_title(loc="left") == "b\nECE not defined"
