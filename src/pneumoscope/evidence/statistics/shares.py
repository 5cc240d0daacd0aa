"""Shares of films, with intervals from draws of patients."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.evidence.statistics.intervals import figure_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pneumoscope.evidence.statistics.intervals import Bootstrap, Figure


def share_figure(
    films: NDArray[np.bool_],
    among: NDArray[np.bool_],
    boot: Bootstrap,
    missing: str = "there are no such films",
) -> Figure:
    """The share of some films among others.

    Args:
        films: bool (films,), the films to count.
        among: bool (films,), the films of which they are a share.
        boot: Draws of the films' patients.
        missing: Why the share does not exist, if ``among`` is empty.

    Returns:
        A share in [0, 1]. At 0 and 1, where all draws agree, the interval is that of Clopper and
        Pearson for the number of patients with films ``among``.

    Raises:
        UsageError: Lengths differ.
    """
    boot.check(films=films, among=among)
    sums = boot.sums(np.stack([films & among, among], axis=1))
    with np.errstate(invalid="ignore", divide="ignore"):
        sample = sums[:, 0] / sums[:, 1]
    return figure_of(sample, boot, "unit", missing, trials=boot.patients_with(among))
