"""Scores of several features together: models fitted out of fold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope.decision.probability import logit
from pneumoscope.evidence.audit.shortcut_scores import auc_of
from pneumoscope.evidence.audit.shortcuts import Score

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from pneumoscope.evidence.audit.shortcut_scores import ContrastFilms

    Scores = NDArray[np.float64]

_SHAPES = 32  # principal components of thumbnails
_TREES = 100


def shapes(thumbs: Scores) -> Scores:
    """Principal components of thumbnails: trees on single pixels take ten times as long and are no better."""
    from sklearn.decomposition import PCA

    return PCA(min(_SHAPES, *thumbs.shape), random_state=0).fit_transform(thumbs)


def trees(
    films: ContrastFilms, source: str, name: str, features: Scores, is_word: Sequence[bool] = ()
) -> Score:
    """Features (films, k) scored by gradient-boosted trees; ``is_word`` marks categorical columns."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    leaf = int(np.clip(len(features) // 20, 2, 20))
    mask = list(is_word) if any(is_word) else None

    def fit(x: Scores, y: NDArray[np.bool_]) -> Any:
        model = HistGradientBoostingClassifier(
            random_state=0, max_iter=_TREES, min_samples_leaf=leaf, categorical_features=mask,
            early_stopping=False,
        )  # fmt: skip
        return model.fit(x, y)

    return _out_of_fold(films, source, name, features, fit, "gradient-boosted trees, out of fold")


def linear(films: ContrastFilms, source: str, name: str, features: Scores) -> Score:
    """Features (films, k) scored by logistic regression."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    def fit(x: Scores, y: NDArray[np.bool_]) -> Any:
        return make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000)).fit(x, y)

    return _out_of_fold(films, source, name, features, fit, "logistic regression, out of fold")


def _out_of_fold(
    films: ContrastFilms,
    source: str,
    name: str,
    features: Scores,
    fit: Callable[[Scores, NDArray[np.bool_]], Any],
    words: str,
) -> Score:
    from threadpoolctl import threadpool_limits

    score = np.zeros(len(features))
    # One thread: OpenMP threads wait actively for each other, which takes a hundred times as
    # long when other work is running.
    with threadpool_limits(1):
        for train, test in films.folds:
            y = films.truth[train]
            model = fit(features[train], y)
            # Minus the fold's prior, so that a model without information ranks nothing.
            score[test] = model.decision_function(features[test]) - logit(y.mean())
    return Score(source, name, auc_of(films, score), words)
