"""What global film statistics alone can predict: the shortcut that films offer to a network."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope.data.film_statistics import statistics
from pneumoscope.evidence.statistics.intervals import Bootstrap
from pneumoscope.evidence.statistics.named_figures import AUC, named_figure
from pneumoscope.metrics import roc_auc

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pneumoscope.data import FilmSet


def statistics_baseline(films: FilmSet, draws: int = 2000) -> dict[str, Any]:
    """AUC of gradient-boosted trees on nine global statistics, without any anatomy.

    Args:
        films: All films; the trees learn from the training films and are measured on the
            validation films.
        draws: Number of draws of the patient bootstrap.

    Returns:
        AUC with interval of ``positive`` (any class but the first) and, if the data sheet names two
        kinds, of one against the other, such as ``bacterial_against_viral``. For several findings,
        the AUC of each finding that both splits have films with and without.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    features = np.stack([statistics(film) for film in films.pixels])
    patients = np.array([film.patient for film in films.films])
    aucs: dict[str, Any] = {}
    for name, target in _questions(films).items():
        known = ~np.isnan(target)
        train, held_out = (
            rows[known[rows]] for rows in (films.rows("train"), films.rows("validation"))
        )
        positive = target == 1
        if any(len(np.unique(positive[rows])) < 2 for rows in (train, held_out)):
            continue
        model = HistGradientBoostingClassifier(random_state=0, max_iter=150)
        model.fit(features[train], positive[train])
        score = model.predict_proba(features[held_out])[:, 1]
        auc = partial(roc_auc, positive[held_out], score)
        boot = Bootstrap.of(patients[held_out].tolist(), draws)
        aucs[name] = asdict(named_figure(AUC, auc, positive[held_out], boot))
    return aucs


def _questions(films: FilmSet) -> dict[str, NDArray[np.float64]]:
    """Name of each question to targets (n,) of every film, NaN where the film does not count."""
    if films.task == "multilabel":
        targets = films.targets.astype(np.float64)
        return {name: targets[:, i] for i, name in enumerate(films.names)}
    labels = films.labels
    questions = {"positive": (labels > 0).astype(np.float64)}
    kinds = films.names[1:]
    if len(kinds) == 2 and set(kinds) == set(films.sheet.kinds):
        first = np.where(labels == 0, np.nan, (labels == 1).astype(np.float64))
        questions["_against_".join(kinds)] = first
    return questions
