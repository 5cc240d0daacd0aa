"""Films with drawn lungs painted over: known answers where the lungs decide."""

from __future__ import annotations

import numpy as np
import pytest

for module in ("cv2", "scipy", "sklearn"):
    pytest.importorskip(module)

from pneumoscope.bundle import Bundle
from pneumoscope.evidence.evaluation.masked_views import (
    FIXED_ONLY,
    FIXED_OUT,
    MARGIN,
    OWN_ONLY,
    OWN_OUT,
    WHOLE,
    dilated,
    fixed_mask,
    masked_views,
)
from pneumoscope.evidence.evaluation.views import LabelledFilms
from pneumoscope.runtime import Classifier

SIDE = 64
LUNGS = np.zeros((SIDE, SIDE), bool)
LUNGS[16:48, 12:24] = LUNGS[16:48, 40:52] = True


def pairs(inside: bool) -> LabelledFilms:
    """Twenty pairs of a normal and an ill film that differ in the lungs only, or elsewhere only."""
    pixels, targets = [], []
    for level in np.linspace(60, 120, 20):
        for ill in (False, True):
            film = np.full((SIDE, SIDE), round(level), np.uint8)
            film[LUNGS] = 50
            # Away from the margin around the lungs.
            film[LUNGS if inside else ~dilated(LUNGS[None])[0]] += 100 * ill
            pixels.append(film)
            targets.append([1.0 - ill, float(ill), 0.0])
    return LabelledFilms(np.stack(pixels), np.array(targets), [str(i) for i in range(40)])


@pytest.mark.parametrize("inside", [True, False])
def test_what_is_left_without_the_lungs(tiny_bundle: Bundle, inside: bool) -> None:
    result = masked_views(Classifier(tiny_bundle), pairs(inside), np.stack([LUNGS] * 40), draws=200)
    auc = {view.name: view.roc_auc.value for view in result.views}
    assert list(auc) == [WHOLE, OWN_OUT, OWN_ONLY, FIXED_OUT, FIXED_ONLY]
    assert auc[OWN_OUT] == auc[FIXED_OUT] == (0.5 if inside else 1.0)
    assert auc[OWN_ONLY] == auc[FIXED_ONLY] == (1.0 if inside else 0.5)
    whole, out = result.views[0], result.views[1]
    assert whole.lost is None
    assert out.lost is not None
    assert whole.roc_auc.value is not None
    assert out.roc_auc.value is not None
    assert out.lost.value == pytest.approx(whole.roc_auc.value - out.roc_auc.value)
    assert result.hidden == 1.0
    assert result.area_own == result.area_fixed


def test_own_masks_are_wider_than_the_lungs_and_the_fixed_one_is_of_most_films() -> None:
    reach = round(MARGIN * SIDE)
    wide = dilated(LUNGS[None])[0]
    assert wide[LUNGS].all()
    rows, columns = np.flatnonzero(wide.any(axis=1)), np.flatnonzero(wide.any(axis=0))
    assert (rows[0], rows[-1]) == (16 - reach, 47 + reach)
    assert (columns[0], columns[-1]) == (12 - reach, 51 + reach)
    low = np.roll(LUNGS, 8, axis=0)
    assert (fixed_mask(np.stack([LUNGS, LUNGS, low])) == wide).all()


def test_an_outline_can_tell_what_a_fixed_mask_does_not(tiny_bundle: Bundle) -> None:
    """Ill films have larger lungs, and are otherwise alike: only their own outline tells them apart."""
    films = np.full((40, SIDE, SIDE), 200, np.uint8)
    films[:, :, :32] = 100
    large = np.zeros((SIDE, SIDE), bool)
    large[8:56, 8:28] = True
    masks = np.stack([large if i % 2 else LUNGS for i in range(40)])
    targets = np.array([[1.0 - i % 2, float(i % 2), 0.0] for i in range(40)])
    result = masked_views(
        Classifier(tiny_bundle),
        LabelledFilms(films, targets, [str(i) for i in range(40)]),
        masks,
        draws=50,
    )
    auc = {view.name: view.roc_auc.value for view in result.views}
    assert auc[WHOLE] == auc[FIXED_OUT] == auc[FIXED_ONLY] == 0.5
    assert auc[OWN_OUT] in (0.0, 1.0)
    assert result.hidden < 1.0
