"""What a notebook saved by mistake in place of the inputs or the answers of its model."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.train.keras_import import serving

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Answers = Callable[[NDArray[np.float32]], NDArray[np.float32]]

SHUFFLED = (
    "p are the model's answers in another order of the pictures, as a generator with shuffle=True gives them. "
    "Save p of the same pictures, in their order."
)
_MOST_ORDERED = 4
"""Classes of which all orders are tried."""
_MOST_DECIMALS = 4
_MUCH_NEARER = 0.1


def sentence(
    saved: NDArray[np.float32],
    x: NDArray[np.float32],
    answers: Answers,
    agrees: Callable[[NDArray[np.float32]], bool],
    limit: float,
) -> str:
    """The mistake, and how to mend it; empty if it is unknown.

    Args:
        saved: float32 (n, units), p as it was saved.
        x: float32 (n, size, size, channels).
        answers: The model.
        agrees: Whether the pairs agree with such answers of the model.
        limit: Largest |dp| that agrees.
    """
    p = answers(x)
    for order in permutations(range(p.shape[1])) if p.shape[1] <= _MOST_ORDERED else ():
        if agrees(p[:, order]):
            names = ", ".join(str(i + 1) for i in order)
            return f"The columns of p are those of the model in another order: {names}."
    if p.shape[1] == 1 and agrees(1 - p):
        return "p is 1 minus what the model gives, the probability of the other class."
    for scaling in serving.scalings_of(x.shape[-1]):
        if agrees(answers(serving.scaled(x, 1, scaling))):
            return f"x is not scaled: it agrees with p after --scaling {scaling}. Save what the network gets."
    if _are_classes(saved, p):
        return "p are classes, 0 and 1, not probabilities. Save what model.predict returns."
    for decimals in range(1, _MOST_DECIMALS + 1):
        step = 10.0**-decimals
        if np.allclose(saved, saved.round(decimals), atol=1e-6) and np.abs(saved - p).max() <= (
            0.5001 * step
        ):
            return (
                f"p is rounded to {decimals} decimals. Save what model.predict returns, as it is."
            )
    return SHUFFLED if are_shuffled(saved, p, limit) else ""


def are_shuffled(saved: NDArray[np.float32], p: NDArray[np.float32], limit: float) -> bool:
    """Whether p are the model's answers for the same pictures in another order.

    Sorted values of many pictures are near to one another, whatever they are: they have to be much nearer than
    in the order given.
    """
    in_order = np.abs(np.sort(saved, axis=0) - np.sort(p, axis=0))
    return bool(
        in_order.max() <= limit and in_order.mean() <= _MUCH_NEARER * np.abs(saved - p).mean()
    )


def _are_classes(saved: NDArray[np.float32], p: NDArray[np.float32]) -> bool:
    """Whether p are the classes that the model's answers mean, as 1 and 0."""
    if not np.isin(saved, (0.0, 1.0)).all():
        return False
    if p.shape[1] == 1:
        return bool(((p >= 0.5) == (saved == 1)).all())
    return bool((saved.argmax(axis=1) == p.argmax(axis=1)).all())
