"""The bundle on films with the lungs blanked, and on nothing but the lungs, by masks that people drew.

A mask that follows each film's own lungs may itself give the label away by its outline, so every view is
also made with one fixed mask that is the same on every film.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from pneumoscope.evidence.evaluation.localisation_results import MaskedView
from pneumoscope.evidence.evaluation.lung_views import WHOLE, share_hidden, without_lungs
from pneumoscope.evidence.evaluation.views import network_inputs, outputs_of, score_of, truth_of
from pneumoscope.evidence.statistics.intervals import Bootstrap, figure_of
from pneumoscope.evidence.statistics.ranking import (
    ONE_CLASS,
    auc_figure,
    ranking_samples,
    smaller_class,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pneumoscope.evidence.evaluation.views import LabelledFilms, Step
    from pneumoscope.evidence.statistics.intervals import Array
    from pneumoscope.runtime import Classifier

    Films = NDArray[np.uint8]
    Masks = NDArray[np.bool_]

OWN_OUT, OWN_ONLY = "lungs blanked, the film's own mask", "lungs only, the film's own mask"
FIXED_OUT, FIXED_ONLY = "lungs blanked, one fixed mask", "lungs only, one fixed mask"
MARGIN = 1 / 28
"""Own masks are dilated by this share of the side (8 of 224 pixels), so that the rim of the lungs and its
shape are hidden, too."""
OFTEN = 0.5
"""The fixed mask is what is lung on more than this share of the films, dilated likewise."""


@dataclass(frozen=True, slots=True)
class MaskedViews:
    """Results on painted films; attributes as in `localisation_results.Localisation`."""

    views: tuple[MaskedView, ...]
    hidden: float
    area_own: float
    area_fixed: float


def dilated(masks: Masks) -> Masks:
    """Masks (n, side, side) with a margin around them."""
    reach = max(1, round(MARGIN * masks.shape[1]))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    return np.stack([cv2.dilate(mask.astype(np.uint8), kernel) for mask in masks]).astype(bool)


def fixed_mask(masks: Masks) -> NDArray[np.bool_]:
    """One mask for all films (side, side), from all their masks."""
    return dilated((masks.mean(axis=0) > OFTEN)[None])[0]


def masked_views(
    classifier: Classifier,
    films: LabelledFilms,
    masks: Masks,
    *,
    finding: str | None = None,
    draws: int,
    seed: int = 0,
    step: Step = lambda _done, _total: None,
) -> MaskedViews:
    """Ranks films with their lungs painted over, and with everything else painted over.

    Args:
        classifier: The bundle.
        films: At the bundle's source size.
        masks: Their lungs, bool (n, side, side).
        finding: The class or finding to rank; None for P(positive).
        draws: Of patients.
        seed: Of the draws.
        step: Called after each view.

    Raises:
        UsageError: Films, labels and bundle do not fit.
    """
    meta = classifier.bundle.meta
    films.check(meta)
    positive, known = truth_of(films.targets, meta, finding)
    boot = Bootstrap.of(films.patients, draws, seed)
    least = smaller_class(positive, boot, known)
    wide, fixed = dilated(masks), fixed_mask(masks)
    changes: dict[str, Callable[[int], Films]] = {
        WHOLE: lambda i: films.pixels[i],
        OWN_OUT: lambda i: without_lungs(films.pixels[i], wide[i]),
        OWN_ONLY: lambda i: without_lungs(films.pixels[i], ~wide[i]),
        FIXED_OUT: lambda i: without_lungs(films.pixels[i], fixed),
        FIXED_ONLY: lambda i: without_lungs(films.pixels[i], ~fixed),
    }
    views = []
    whole: Array | None = None
    for done, (name, change) in enumerate(changes.items(), 1):
        pixels = np.stack([change(i) for i in range(len(masks))])
        outputs = outputs_of(classifier, network_inputs(pixels, meta.size))
        score = score_of(outputs.probabilities, meta, finding)
        sample = ranking_samples(positive, score, boot, known)["roc_auc"]
        lost = None
        if whole is not None:
            lost = figure_of(whole - sample, boot, (-1.0, 1.0), ONE_CLASS, patients=least)
        whole = sample if whole is None else whole
        views.append(MaskedView(name, auc_figure(sample, positive, boot, known=known), lost))
        step(done, len(changes))
    return MaskedViews(
        views=tuple(views),
        hidden=share_hidden(masks, fixed),
        area_own=float(wide.mean()),
        area_fixed=float(fixed.mean()),
    )
