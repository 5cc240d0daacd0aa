"""Small charts of the audit page."""

from __future__ import annotations

import re

import numpy as np
import pytest

from pneumoscope.evidence.report.audit.charts import axis, histogram, interval_bar
from pneumoscope.metrics import Interval


def ends(svg: str) -> tuple[float, float, float]:
    """Left end, mark and right end of the bar, in pixels."""
    (bar,) = re.findall(r'd="M([\d.]+) 10H([\d.]+)" stroke="currentColor"', svg)
    (mark,) = re.findall(r'<circle cx="([\d.]+)"', svg)
    return float(bar[0]), float(mark), float(bar[1])


def test_an_interval_lies_on_the_axis_from_04_to_1() -> None:
    # 172 pixels from 4 on for 0.6: 0.7 lies in the middle, 1 at the right end.
    assert ends(interval_bar(Interval(0.85, 0.7, 1.0))) == (90.0, 133.0, 176.0)
    (chance,) = re.findall(r'd="M([\d.]+) 3V17"', interval_bar(Interval(0.85, 0.7, 1.0)))
    assert float(chance) == pytest.approx(4 + 172 / 6, abs=0.05)


def test_what_lies_below_the_axis_stays_on_it() -> None:
    low, mark, high = ends(interval_bar(Interval(0.3, 0.2, 0.45)))
    assert (low, mark) == (4.0, 4.0)
    assert high > 4


def test_the_numbers_of_a_bar_can_be_read_aloud() -> None:
    svg = interval_bar(Interval(0.8123, 0.7, 0.9))
    assert 'role="img" aria-label="0.812, from 0.700 to 0.900"' in svg


def test_the_axis_has_the_same_scale_as_the_bars() -> None:
    ticks = dict(re.findall(r'<text x="([\d.]+)"[^>]*>([\d.]+)</text>', axis()))
    place = {value: float(x) for x, value in ticks.items()}
    low, mark, high = ends(interval_bar(Interval(0.75, 0.5, 1.0)))
    assert (place["0.5"], place["0.75"], place["1"]) == (low, mark, high)
    assert "aria-label" in axis()


def heights(svg: str, style: str) -> list[float]:
    """Height of each bin of one group, in pixels above the base line."""
    (outline,) = re.findall(rf'<path class="{style}"[^>]*d="M0 110(.*?)V110Z"', svg)
    return [110 - float(y) for y in re.findall(r"V([\d.]+)H", outline)]


def test_each_group_is_drawn_as_shares_of_its_own_films() -> None:
    # Three times as many films with the same distribution look the same.
    few, many = np.array([0.0, 1.0]), np.array([0.0, 1.0] * 3)
    svg = histogram(few, many)
    assert heights(svg, "a") == heights(svg, "b")
    assert len(heights(svg, "a")) == 30
    assert sum(h > 0 for h in heights(svg, "a")) == 2
    assert max(heights(svg, "a")) == 104


def test_the_groups_lie_where_their_values_are() -> None:
    svg = histogram(np.full(50, 10.0), np.full(50, 20.0))
    first, second = heights(svg, "a"), heights(svg, "b")
    assert first.index(max(first)) == 0
    assert second.index(max(second)) == 29


def test_values_that_are_not_known_are_left_out() -> None:
    svg = histogram(np.array([1.0, np.nan, 2.0]), np.array([np.nan, 2.0]))
    assert "nan" not in svg
    assert sum(heights(svg, "b")) == pytest.approx(104, abs=0.5)


def test_an_outlier_does_not_squeeze_the_rest() -> None:
    values = np.r_[np.linspace(0, 1, 1000), 1e6]
    svg = histogram(values, values)
    (right,) = re.findall(r'text-anchor="end">([^<]*)<', svg)
    assert float(right) <= 1.0
    assert sum(h > 0 for h in heights(svg, "a")) == 30


def test_values_that_are_all_equal_have_an_axis() -> None:
    svg = histogram(np.full(3, 7.0), np.full(4, 7.0))
    assert re.findall(r">([\d.]+)</text>", svg) == ["6.5", "7.5"]
