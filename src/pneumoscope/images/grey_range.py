"""The range of a film that has no window: its black and white, without what is burnt in.

Text, a marker or a box that is brighter or darker than everything else would otherwise take most
of the range, and leave the film in one corner of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Counts = NDArray[np.int64]

# One pixel in ten thousand at each end may be an outlier: a dead pixel, a scratch.
_OUTLIERS = 1e-4
# Text, markers and boxes: between these shares of the film. What is less than text and more than
# defects counts as film.
_LEAST_BURNT_IN, _MOST_BURNT_IN = 2e-4, 0.03
# They lie beyond a gap of at least this share of the range ...
_LEAST_GAP = 0.25
# ... in which there is at most half as much as beyond, and little at each value: the edges of text
# that was smoothed, or compressed with loss. `_SPARSE` is the share of the film in one of the bins.
_MOST_BETWEEN = 0.5
_BINS, _SPARSE = 256, 3e-4


def grey_range(counts: Counts) -> tuple[int, int]:
    """First and last index of the values that a film uses.

    Args:
        counts: How often each of consecutive values occurs in the film; at least one does.
    """
    total = int(counts.sum())
    below = np.cumsum(counts)
    skip = int(_OUTLIERS * total)
    first = int(np.searchsorted(below, skip, side="right"))
    last = int(np.searchsorted(below, total - skip, side="left"))
    most = int(_MOST_BURNT_IN * total)
    inner_first = int(np.searchsorted(below, most, side="right"))
    inner_last = int(np.searchsorted(below, total - most, side="left"))
    ends = None
    while ends != (first, last):  # a white marker may hide how far a black one lies from the film
        ends = first, last
        tail = _LEAST_GAP * (last - first)
        if last - inner_last > tail:
            last = first + _end_of_film(counts[first : last + 1], inner_last - first, total)
        if inner_first - first > tail:
            turned = counts[first : last + 1][::-1]
            first = last - _end_of_film(turned, last - inner_first, total)
    return first, last


def _end_of_film(counts: Counts, inner: int, total: int) -> int:
    """The index of the last value of the film, before the gap that separates what is burnt in.

    Args:
        counts: From the film's one end to the other.
        inner: Index of a value that surely belongs to the film: the gap lies beyond.
        total: Pixels of the film.

    Returns:
        The last index of ``counts`` if there is no gap.
    """
    end = len(counts) - 1
    bins = min(_BINS, len(counts))
    edges = np.linspace(0, len(counts), bins + 1).astype(np.intp)
    mass = np.add.reduceat(counts, edges[:-1])
    width = max(2, int(np.ceil(_LEAST_GAP * bins)))
    until = np.concatenate([[0], np.cumsum(mass)])
    dense = np.concatenate([[0], np.cumsum(mass > _SPARSE * total)])
    for at in range(int(np.searchsorted(edges, inner, side="right")), bins - width):
        behind = int(until[-1] - until[at + width])
        between = int(until[at + width] - until[at])
        is_empty = dense[at + width] == dense[at] and between <= _MOST_BETWEEN * behind
        if is_empty and behind >= _LEAST_BURNT_IN * total:
            used = np.flatnonzero(counts[: edges[at]])
            return int(used[-1]) if len(used) else end
    return end
