"""Small SVG charts that take their colours from the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.evidence.audit.shortcuts import number_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pneumoscope.metrics import Interval

_WIDTH, _LOWEST = 180, 0.4  # px; AUC at the left end
_BINS = 30


def _x(value: float) -> float:
    return 4 + (_WIDTH - 8) * (max(value, _LOWEST) - _LOWEST) / (1 - _LOWEST)


def axis() -> str:
    """The axis to print above a column of `interval_bar`."""
    ticks = "".join(
        f'<text x="{min(_x(value), _WIDTH - 4):.1f}" y="13" text-anchor="{anchor}">{value:g}</text>'
        for value, anchor in ((0.5, "middle"), (0.75, "middle"), (1.0, "end"))
    )
    return (
        f'<svg width="{_WIDTH}" height="18" viewBox="0 0 {_WIDTH} 18" role="img" aria-label="axis from 0.4 to 1">'
        f'<g fill="var(--soft)" font-size="12">{ticks}</g></svg>'
    )


def interval_bar(auc: Interval) -> str:
    """An AUC with its interval on an axis from 0.4 to 1, with a mark at 0.5."""
    label = f"{auc.value:.3f}, from {auc.low:.3f} to {auc.high:.3f}"
    return (
        f'<svg width="{_WIDTH}" height="20" viewBox="0 0 {_WIDTH} 20" role="img" aria-label="{label}">'
        f'<path d="M4 10H{_WIDTH - 4}" stroke="var(--line)"/>'
        f'<path d="M{_x(0.5):.1f} 3V17" stroke="var(--soft)" stroke-dasharray="2 2"/>'
        f'<path d="M{_x(auc.low):.1f} 10H{_x(auc.high):.1f}" stroke="currentColor" stroke-width="3"/>'
        f'<circle cx="{_x(auc.value):.1f}" cy="10" r="4.5" fill="currentColor"/></svg>'
    )


def histogram(first: NDArray[np.float64], second: NDArray[np.float64]) -> str:
    """Overlaid histograms of two groups, each as shares of its group.

    The axis spans the middle 99 % of all values; values outside are counted in the first and last bin.

    Args:
        first: (n,), drawn in the page's red; NaN is left out.
        second: (m,), drawn in the page's green.
    """
    groups = [values[~np.isnan(values)] for values in (first, second)]
    low, high = np.percentile(np.concatenate(groups), [0.5, 99.5])
    if low == high:
        low, high = low - 0.5, high + 0.5
    shares = [
        np.histogram(np.clip(values, low, high), _BINS, (low, high))[0] / max(len(values), 1)
        for values in groups
    ]
    top = max(float(share.max()) for share in shares)
    width, height = 280, 110
    drawn = "".join(
        f'<path class="{style}" fill-opacity=".35" d="{_outline(share / top, width, height)}"/>'
        for style, share in zip("ab", shares, strict=True)
    )
    return (
        f'<svg width="{width}" height="{height + 18}" role="img" aria-label="histogram">{drawn}'
        f'<path d="M0 {height}H{width}" stroke="var(--soft)"/>'
        f'<g fill="var(--soft)" font-size="12"><text x="0" y="{height + 14}">{number_text(low)}</text>'
        f'<text x="{width}" y="{height + 14}" text-anchor="end">{number_text(high)}</text></g></svg>'
    )


def _outline(share: NDArray[np.float64], width: int, height: int) -> str:
    step = width / len(share)
    steps = "".join(
        f"V{height - (height - 6) * float(value):.1f}H{step * (i + 1):.1f}"
        for i, value in enumerate(share)
    )
    return f"M0 {height}{steps}V{height}Z"
