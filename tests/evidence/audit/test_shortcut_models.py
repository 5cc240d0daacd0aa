from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="needs the [train] extra")

from pneumoscope.evidence.audit.contrasts import Contrast
from pneumoscope.evidence.audit.shortcut_models import linear, shapes, trees
from pneumoscope.evidence.audit.shortcut_scores import ContrastFilms
from pneumoscope.evidence.audit.shortcuts import FILE


def test_models_see_what_no_single_feature_shows() -> None:
    # A film is ill if exactly one of two words is B: each word alone is worth nothing.
    rng = np.random.default_rng(2)
    first, second = rng.random(200) < 0.5, rng.random(200) < 0.5
    truth = first != second
    folds = tuple(
        (np.arange(200)[np.arange(200) % 5 != k], np.arange(200)[np.arange(200) % 5 == k])
        for k in range(5)
    )
    films = ContrastFilms(
        contrast=Contrast("ill", "well", np.arange(200), truth),
        at=np.arange(200),
        truth=truth,
        patients=tuple(map(str, range(200))),
        folds=folds,
    )
    features = np.stack([first, second], axis=1).astype(float)
    assert trees(films, FILE, "both", features).auc.value > 0.95
    assert linear(films, FILE, "both", features).auc.value < 0.65
    assert shapes(rng.random((40, 256))).shape == (40, 32)
