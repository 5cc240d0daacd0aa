"""A reference for the test of drift where there is no site profile: the bundle's validation films.

A bundle keeps the conformal scores of these films, which are their probabilities, and the share of them that
its gate refuses. Their patients differ from those of a site, so a difference is no fault by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.decision.probability import logit
from pneumoscope.evidence.site.drift import FEWEST, REFUSED, SCORE, Reference

if TYPE_CHECKING:
    from pneumoscope.bundle import Bundle


def reference_of(bundle: Bundle) -> Reference | None:
    """The validation films of a bundle, as far as it knows them.

    Returns:
        The log odds of P(positive), and refusals; None if the bundle has neither, or too few films.
    """
    meta = bundle.meta
    channels: dict[str, tuple[float, ...]] = {}
    sides = None if meta.conformal is None else meta.conformal.questions.get(meta.positive)
    if sides is not None:
        p = np.array([*(1 - score for score in sides.negative), *sides.positive])
        channels[SCORE] = tuple(np.sort(np.round([float(logit(x)) for x in p], 4)).tolist())
    plain = ((meta.gate or {}).get("measured") or {}).get("plain") or {}
    if "refused" in plain and "films" in plain:
        films = int(plain["films"])
        refused = round(films * float(plain["refused"]))
        channels[REFUSED] = (0.0,) * (films - refused) + (1.0,) * refused
    channels = {name: values for name, values in channels.items() if len(values) >= FEWEST}
    return Reference(bundle.title, channels) if channels else None
