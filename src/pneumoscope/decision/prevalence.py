"""Probabilities at another prevalence. Without numpy: completion in the shell loads the rules of a bundle."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

P = TypeVar("P", float, "NDArray[np.float64]")


def at_prevalence(p: P, known: float, wanted: float) -> P:
    """Probabilities carried from one prevalence to another: their odds change by the prior's factor.

    This assumes that films of either class look alike in both places (Saerens, Latinne and
    Decaestecker 2002).

    Args:
        p: Probabilities at the prevalence ``known``: one, or an array of any shape.
        known: Prevalence that ``p`` belongs to, in (0, 1).
        wanted: Prevalence of the result, in (0, 1).
    """
    ill = p * wanted * (1 - known)
    well = (1 - p) * known * (1 - wanted)
    return ill / (ill + well)
