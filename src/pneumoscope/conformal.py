"""Class-conditional split conformal prediction: sets of classes that hold the true one.

Of the films of each class, at least a share 1 - alpha get a set with that class in it, as long as
they are exchangeable with the calibration films (Vovk 2012; Sadinle, Lei and Wasserman 2019). A set
of two classes, or of none, means that the film should be read by somebody else. numpy only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def least_probabilities(
    p: NDArray[np.floating[Any]], truth: NDArray[np.intp], alpha: float = 0.05
) -> NDArray[np.float64]:
    """The probability from which on a class belongs to the set, by class.

    It is the k-th largest probability of the true class among the n calibration films of that
    class, k = ceil((1 - alpha) (n + 1)): the conformal quantile of the score 1 - p.

    Args:
        p: Probabilities of calibration films, (n, classes), in [0, 1].
        truth: Their classes, (n,), in [0, classes).
        alpha: Error rate allowed in each class, in (0, 1).

    Returns:
        float64 (classes,). 0, so that the class is in every set, where fewer than 1 / alpha - 1
        films are too few to leave it out.

    Raises:
        UsageError: No films, lengths differ, or alpha is out of range.
    """
    if not 0 < alpha < 1:
        raise UsageError(f"alpha {alpha:g} is not between 0 and 1")
    if p.ndim != 2 or len(p) != len(truth) or not len(p):
        raise UsageError(f"probabilities {p.shape} for {len(truth)} films")
    found = np.zeros(p.shape[1])
    for c in range(p.shape[1]):
        own = np.sort(p[truth == c, c].astype(np.float64))[::-1]
        # Rounded so that 0.95 * 20 is 19 and not a hair more.
        k = int(np.ceil(round((1 - alpha) * (len(own) + 1), 9)))
        if k <= len(own):
            found[c] = own[k - 1]
    return found


def sets(
    p: NDArray[np.floating[Any]], least: NDArray[np.floating[Any]] | tuple[float, ...]
) -> NDArray[np.bool_]:
    """Which classes are in each film's set.

    Args:
        p: Probabilities (n, classes).
        least: From `least_probabilities`, (classes,).

    Returns:
        bool (n, classes); a row may hold no class, or several.
    """
    return np.asarray(p.astype(np.float64) >= np.asarray(least, np.float64))
