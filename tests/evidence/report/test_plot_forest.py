"""Figures one below the other."""

from __future__ import annotations

import pytest

import drawings
from drawings import MISSING, known
from pneumoscope.evidence.report.plots.forest import bars, forest
from pneumoscope.evidence.statistics.intervals import Figure


def test_rows_go_from_top_to_bottom_each_with_its_figure() -> None:
    rows = [("sex: F", known(0.8)), ("sex: M", known(0.6)), ("sex: unknown", known(0.7))]
    (axes,) = drawings.axes_of(lambda: forest("groups", rows, label="AUC"))
    height = {
        text.get_text(): y
        for text, y in zip(axes.get_yticklabels(), axes.get_yticks(), strict=True)
    }
    assert height["sex: F"] > height["sex: M"] > height["sex: unknown"]
    ((points, whiskers),) = drawings.marks(axes)
    assert {y: x for x, y in points} == {
        height["sex: F"]: 0.8, height["sex: M"]: 0.6, height["sex: unknown"]: 0.7,
    }  # fmt: skip
    assert [[0.5, height["sex: M"]], [0.7, height["sex: M"]]] in whiskers
    assert axes.get_xlabel() == "AUC"


def test_every_row_has_its_numbers_beside_it_or_says_why_not() -> None:
    rows = [("a", Figure(0.81, 0.7, 0.9)), ("b", Figure(1.0, note="one patient")), ("c", MISSING)]
    (axes,) = drawings.axes_of(lambda: forest("groups", rows, label="AUC"))
    assert drawings.texts(axes) == ["0.810 [0.700, 0.900]", "1.000 (no interval)", "not defined"]
    heights = [text.xy[1] for text in axes.texts]
    assert heights == sorted(heights, reverse=True)


def test_long_names_leave_room_for_the_figures() -> None:
    """A name of 83 letters left an axis of a few millimetres."""
    names = ["short", "hospital of a large city, department of radiology", f"{'a ' * 60}rev. 2"]
    rows = [(name, known(0.8)) for name in names]
    (axes,) = drawings.axes_of(lambda: forest("groups", rows, label="AUC"))
    shown = [text.get_text() for text in axes.get_yticklabels()]
    assert sorted(text.count("\n") for text in shown) == [0, 1, 1]
    assert max(len(line) for text in shown for line in text.split("\n")) <= 36
    assert any(text.endswith("rev. 2") and "\n... " in text for text in shown)
    assert " ".join(next(t for t in shown if "hospital" in t).split("\n")) == names[1]


@pytest.mark.parametrize("zero", [0.0, 0.5, None])
def test_the_line_for_comparison_stands_where_it_was_put(zero: float | None) -> None:
    (axes,) = drawings.axes_of(lambda: forest("f", [("a", known(0.8))], label="AUC", zero=zero))
    upright = [item for item in axes.lines if list(item.get_ydata()) == [0, 1]]
    assert [item.get_xdata()[0] for item in upright] == ([] if zero is None else [zero])


def test_bars_start_at_chance_and_end_at_the_auc() -> None:
    rows = [("file: bytes", known(0.9), False), ("model: no lungs", known(0.7), True)]
    (axes,) = drawings.axes_of(lambda: bars("b", rows, whole=None))
    spans = [(bar.get_x(), round(bar.get_x() + bar.get_width(), 6)) for bar in axes.patches]
    assert spans == [(0.5, 0.9), (0.5, 0.7)]
    first, second = axes.patches
    assert (first.get_hatch(), second.get_hatch()) == ("///", "")
    assert first.get_y() > second.get_y()


def test_a_bar_that_was_not_measured_says_so() -> None:
    rows = [("file: bytes", known(0.9), False), ("model: no lungs", MISSING, True)]
    (axes,) = drawings.axes_of(lambda: bars("b", rows, whole=None))
    assert len(axes.patches) == 1
    assert drawings.texts(axes) == ["0.900 [0.800, 1.000]", "not measured"]


def test_the_model_on_whole_films_is_a_named_line() -> None:
    rows = [("file: bytes", known(0.9), False)]
    (axes,) = drawings.axes_of(lambda: bars("b", rows, whole=("tiny on whole films", known(0.93))))
    assert drawings.line(axes, "tiny on whole films").get_xdata()[0] == 0.93
    (axes,) = drawings.axes_of(lambda: bars("b", rows, whole=("tiny on whole films", MISSING)))
    assert drawings.legend(axes) == []
