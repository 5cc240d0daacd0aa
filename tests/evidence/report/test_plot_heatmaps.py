"""Plots on whether heatmaps depend on the network."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from matplotlib.axes import Axes

import drawings
from drawings import MISSING
from pneumoscope.evidence.evaluation.heatmap_deletion import Curve, Perturbation
from pneumoscope.evidence.evaluation.heatmap_sanity import (
    Agreement,
    Depth,
    Randomisation,
    Similarity,
)
from pneumoscope.evidence.report.plots.heatmaps import (
    plot_agreement,
    plot_perturbation,
    plot_randomisation,
)
from pneumoscope.evidence.statistics.intervals import Figure

ALIKE = Similarity(Figure(0.2, 0.1, 0.3), Figure(0.4, 0.3, 0.5))
OTHER = Similarity(Figure(0.6, 0.5, 0.7), Figure(0.7, 0.6, 0.8))
RANDOM = Randomisation(
    films=9,
    repeats=3,
    depths=(Depth(1, "dense", OTHER, 0.0), Depth(5, "conv", ALIKE, 0.5)),
    other_films=OTHER,
    passed=True,
)


def spans(axes: Axes) -> list[list[tuple[float, float]]]:
    """Lines without a label and without marks: the intervals."""
    return [
        drawings.points(item)
        for item in axes.lines
        if item.get_label().startswith("_") and item.get_marker() == "None"
    ]


def test_similarity_starts_at_1_where_no_layer_is_random() -> None:
    (axes,) = plot_randomisation(RANDOM).axes
    assert drawings.points(drawings.line(axes, "rank correlation")) == [
        (0, 1.0), (1, 0.6), (5, 0.2),
    ]  # fmt: skip
    assert drawings.points(drawings.line(axes, "structural similarity")) == [
        (0, 1.0), (1, 0.7), (5, 0.4),
    ]  # fmt: skip
    assert [(5, 0.1), (5, 0.3)] in spans(axes)
    other = drawings.line(axes, "rank correlation, other film")
    assert set(other.get_ydata()) == {0.6}


def test_a_similarity_that_does_not_exist_leaves_a_gap() -> None:
    blank = Similarity(MISSING, Figure(0.4))
    depths = (Depth(1, "dense", blank, 1.0), RANDOM.depths[1])
    (axes,) = plot_randomisation(replace(RANDOM, depths=depths, other_films=blank)).axes
    drawn = drawings.line(axes, "rank correlation").get_ydata()
    assert np.isnan(np.asarray(drawn, float)).tolist() == [False, True, False]
    assert "rank correlation, other film" not in drawings.legend(axes)
    assert "structural similarity, other film" in drawings.legend(axes)


def test_deletion_is_left_and_insertion_right() -> None:
    heat = Curve("heatmap", (0.9, 0.5, 0.1), Figure(0.5, 0.4, 0.6), None)
    chance = Curve("random", (0.9, 0.7, 0.1), MISSING, Figure(0.1))
    inserted = Curve("heatmap", (0.1, 0.8, 0.9), Figure(0.7, 0.6, 0.8), None)
    result = Perturbation(9, 1, (0.0, 0.5, 1.0), (heat, chance), (inserted,))
    left, right = plot_perturbation(result).axes
    assert left.get_xlabel() == "share of the pixels deleted"
    assert right.get_xlabel() == "share of the pixels inserted"
    assert drawings.points(drawings.line(left, "heatmap: 0.500")) == [
        (0, 0.9), (0.5, 0.5), (1, 0.1),
    ]  # fmt: skip
    assert "random: not defined" in drawings.legend(left)
    assert drawings.points(drawings.line(right, "heatmap: 0.700"))[1] == (0.5, 0.8)


def test_agreement_of_each_pair_stands_in_its_row() -> None:
    result = Agreement(9, {"a and b": ALIKE, "a and c": OTHER}, ALIKE, OTHER)
    (axes,) = plot_agreement(result).axes
    names = [text.get_text() for text in axes.get_yticklabels()]
    assert names == ["different films", "all pairs", "a and c", "a and b"]
    marks = {
        names[round(y)]: x for item in axes.lines if item.get_marker() == "o"
        for x, y in drawings.points(item) if y > round(y)
    }  # fmt: skip
    assert marks == {"different films": 0.6, "all pairs": 0.2, "a and c": 0.6, "a and b": 0.2}
    assert [(0.1, 3.1), (0.3, 3.1)] in spans(axes)


def test_an_agreement_that_does_not_exist_has_a_row_without_a_mark() -> None:
    # Two bundles whose maps are blank on all films cannot be compared.
    blank = Similarity(MISSING, MISSING)
    (axes,) = plot_agreement(Agreement(9, {"a and b": blank}, blank, blank)).axes
    assert [text.get_text() for text in axes.get_yticklabels()][-1] == "a and b"
    assert all(np.isnan(np.asarray(item.get_xdata(), float)).all() for item in axes.lines[:-1])
    assert drawings.legend(axes) == ["rank correlation", "structural similarity"]
