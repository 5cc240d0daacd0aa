"""What all plots share."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure as Drawing

import drawings
from drawings import MISSING, known
from pneumoscope.evidence.report.plots import style
from pneumoscope.evidence.statistics.intervals import Figure


def test_marks_stand_at_their_values_with_whiskers_to_the_ends() -> None:
    axes = Drawing().subplots()
    style.marks(axes, [1, 2], [Figure(0.5, 0.4, 0.8), Figure(0.7, 0.6, 0.75)])
    ((points, whiskers),) = drawings.marks(axes)
    assert points == [(1, 0.5), (2, 0.7)]
    assert whiskers == [[[1, 0.4], [1, 0.8]], [[2, 0.6], [2, 0.75]]]


def test_marks_lie_along_x_if_they_are_sideways() -> None:
    axes = Drawing().subplots()
    style.marks(axes, [3], [Figure(0.5, 0.4, 0.8)], sideways=True)
    ((points, whiskers),) = drawings.marks(axes)
    assert (points, whiskers) == ([(0.5, 3)], [[[0.4, 3], [0.8, 3]]])


def test_a_figure_that_does_not_exist_leaves_a_gap() -> None:
    axes = Drawing().subplots()
    style.marks(axes, [1, 2, 3], [known(0.5), MISSING, known(0.7)], label="AUC")
    ((points, _),) = drawings.marks(axes)
    assert points == [(1, 0.5), (3, 0.7)]
    style.marks(axes, [1], [MISSING], label="nothing")
    assert len(drawings.marks(axes)) == 1


def test_a_figure_without_an_interval_has_no_whisker() -> None:
    axes = Drawing().subplots()
    style.marks(axes, [1], [Figure(0.5, note="one patient")])
    assert drawings.marks(axes) == [([(1, 0.5)], [[[1, 0.5], [1, 0.5]]])]


def test_an_interval_beside_its_value_is_drawn_up_to_the_value() -> None:
    # The interval of a biased figure need not contain it: Matplotlib refuses negative lengths.
    axes = Drawing().subplots()
    style.marks(axes, [1], [Figure(0.5, 0.1, 0.4)])
    assert drawings.marks(axes) == [([(1, 0.5)], [[[1, 0.1], [1, 0.5]]])]


def test_the_band_follows_the_intervals_and_has_gaps() -> None:
    axes = Drawing().subplots()
    style.band(axes, [0, 1, 2, 3], [known(0.5), known(0.6), MISSING, known(0.7)], style.DARK)
    (filled,) = axes.collections
    corners = np.concatenate([path.vertices for path in filled.get_paths()]).round(6).tolist()
    assert [0, 0.4] in corners
    assert [1, 0.7] in corners
    assert not any(x == 2 for x, _ in corners)


def test_values_of_missing_figures_are_not_drawn_as_zero() -> None:
    first, second = style.values([known(0.5), MISSING])
    assert first == 0.5
    assert np.isnan(second)


def test_both_axes_of_a_unit_plot_have_one_scale() -> None:
    axes = Drawing().subplots()
    style.unit_axes(axes, "x", "y")
    assert axes.get_xlim() == axes.get_ylim() == (-0.01, 1.01)
    assert axes.get_aspect() == 1


def test_a_plot_has_the_size_that_was_asked_for() -> None:
    plot = style.drawn("square", 2, 3, lambda figure: figure.subplots().plot([0, 1]))
    assert (plot.name, plot.width, plot.height) == ("square", 2, 3)
    assert b'width="144pt"' in plot.svg  # 72 points an inch
    assert b'height="216pt"' in plot.svg


def test_text_in_a_plot_needs_no_font() -> None:
    plot = style.drawn("words", 2, 2, lambda figure: figure.subplots().set_title("Wort"))
    assert b"<text" not in plot.svg


def test_colours_differ_in_lightness() -> None:
    def lightness(colour: str) -> float:
        red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    # Dark against light lines must be told apart in a black-and-white print.
    assert lightness(style.LIGHT) - lightness(style.DARK) > 0.35
