"""Plots of the coverage of conformal sets."""

from __future__ import annotations

import drawings
from pneumoscope.evidence.report.plots.conformal import conformal
from pneumoscope.evidence.statistics.coverage import OverSplits, RecalibratedCoverage

SHARE = OverSplits(0.9, 0.8, 0.95)
RESULT = RecalibratedCoverage(
    error=0.1,
    limits=(0.4, 0.3),
    by_class={"NORMAL": OverSplits(0.92, 0.85, 0.97), "PNEUMONIA": OverSplits(0.88, 0.8, 0.94)},
    undetermined=SHARE,
    empty=SHARE,
    single=SHARE,
    error_of_single=SHARE,
    splits=20,
)


def test_each_class_has_its_mean_and_its_range() -> None:
    (axes,) = drawings.axes_of(lambda: conformal("c", RESULT))
    assert [text.get_text() for text in axes.get_yticklabels()] == ["NORMAL", "PNEUMONIA"]
    lines = [drawings.points(item) for item in axes.lines]
    top, bottom = axes.get_yticks()
    assert top > bottom
    assert [(0.85, top), (0.97, top)] in lines
    assert [(0.92, top)] in lines
    assert [(0.8, bottom), (0.94, bottom)] in lines
    assert [(0.88, bottom)] in lines
    assert drawings.texts(axes) == ["0.920 (0.850 to 0.970)", "0.880 (0.800 to 0.940)"]


def test_the_promise_is_one_minus_the_error() -> None:
    (axes,) = drawings.axes_of(lambda: conformal("c", RESULT))
    assert drawings.line(axes, "promised, 0.90").get_xdata()[0] == 0.9


def test_a_class_without_films_has_a_row_but_no_mark() -> None:
    nothing = OverSplits(None, None, None, "no film of class NORMAL")
    shares = {"NORMAL": nothing, "PNEUMONIA": SHARE}
    result = RecalibratedCoverage(
        error=0.1, limits=(0, 0), by_class=shares, undetermined=SHARE, empty=SHARE, single=SHARE,
        error_of_single=SHARE, splits=20,
    )  # fmt: skip
    (axes,) = drawings.axes_of(lambda: conformal("c", result))
    assert [text.get_text() for text in axes.get_yticklabels()] == ["NORMAL", "PNEUMONIA"]
    assert drawings.texts(axes) == ["0.900 (0.800 to 0.950)"]
