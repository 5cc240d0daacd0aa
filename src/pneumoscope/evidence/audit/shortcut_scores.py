"""Scores of a single feature: a number as it is, a word out of fold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.decision.probability import logit
from pneumoscope.evidence.audit.shortcuts import FILE, Score, number_text
from pneumoscope.metrics import Interval, largest_share_of_none, patient_bootstrap, roc_auc

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pneumoscope.evidence.audit.contrasts import Contrast

    Scores = NDArray[np.float64]

_DRAWS = 1000
_MOST_WEIGHTS = 2 * 10**7  # films x draws at once: 160 MB


@dataclass(frozen=True, slots=True, eq=False)
class ContrastFilms:
    """The films of a contrast that could be read.

    Attributes:
        contrast: The contrast.
        at: Their positions in the reading, (n,).
        truth: Whether each is in the positive group, bool (n,).
        patients: Key of each film's patient.
        folds: Positions of training and test films in ``at``, one pair per fold.
    """

    contrast: Contrast
    at: NDArray[np.intp]
    truth: NDArray[np.bool_]
    patients: tuple[str, ...]
    folds: tuple[tuple[NDArray[np.intp], NDArray[np.intp]], ...]


def number_score(films: ContrastFilms, source: str, name: str, values: Scores) -> Score:
    """A number scored by its AUC in whichever direction is higher; NaN where a film has none."""
    known = values[~np.isnan(values)]
    if not len(known) or ((known == known[0]).all() and len(known) == len(values)):
        what = number_text(known[0]) if len(known) else "unknown"
        return Score(source, name, _HALF, f"the same for all films: {what}", constant=True)
    # Missing numbers rank in the middle, so that they carry no information.
    filled = np.where(np.isnan(values), np.median(known), values)
    up = float(roc_auc(films.truth, filled, np.ones((1, len(filled))))[0]) >= 0.5
    auc = auc_of(films, filled if up else -filled)
    medians = [np.median(filled[films.truth == s]) for s in (True, False)]
    return Score(
        source,
        name,
        auc,
        f"median {number_text(medians[0])} in {films.contrast.positive}, "
        f"{number_text(medians[1])} in {films.contrast.negative}",
    )


def word_score(films: ContrastFilms, name: str, values: NDArray[np.str_]) -> Score:
    """A word scored by the share of positive films that have it, smoothed, out of fold."""
    kinds, codes = np.unique(values, return_inverse=True)
    if len(kinds) == 1:
        return Score(FILE, name, _HALF, f"the same for all films: {kinds[0]}", constant=True)
    score = np.zeros(len(values))
    called = np.zeros(len(values), bool)
    for train, test in films.folds:
        prior = films.truth[train].mean()
        hits = np.bincount(codes[train], films.truth[train], len(kinds))
        seen = np.bincount(codes[train], minlength=len(kinds))
        share = (hits + prior) / (seen + 1)
        score[test] = logit(share[codes[test]]) - logit(prior)
        called[test] = share[codes[test]] >= 0.5
    right = int((called == films.truth).sum())
    return Score(FILE, name, auc_of(films, score), _frequencies(films, kinds, codes, right))


def _frequencies(
    films: ContrastFilms, kinds: NDArray[np.str_], codes: NDArray[np.intp], right: int
) -> str:
    """The frequencies of the most different values, and the accuracy of a guess from the word alone."""
    counts = [np.bincount(codes[films.truth == s], minlength=len(kinds)) for s in (True, False)]
    totals = [int(c.sum()) for c in counts]
    apart = counts[0] / totals[0] - counts[1] / totals[1]
    shown = list(np.argsort(-np.abs(apart), kind="stable")[: 2 if len(kinds) > 1 else 1])
    # The group with the higher share comes first.
    names = (films.contrast.positive, films.contrast.negative)
    parts = []
    for k in shown:
        first, second = (0, 1) if apart[k] >= 0 else (1, 0)
        parts.append(
            f"'{kinds[k]}' in {_of(counts[first][k], totals[first])} {names[first]} films and "
            f"{_of(counts[second][k], totals[second])} {names[second]} films"
        )
    most = max(totals)
    return (
        f"{'; '.join(parts)}. A guess from this entry, without any pixel, calls {right:,} of "
        f"{sum(totals):,} films right ({right / sum(totals):.1%}; always the larger class: {most / sum(totals):.1%})"
    )


def _of(part: int, total: int) -> str:
    if part == total:
        return f"all {total:,}"
    return f"{part:,} of {total:,}" if part else f"none of {total:,}"


def auc_of(films: ContrastFilms, score: Scores) -> Interval:
    """AUC of a score, (films,), with its patient-clustered interval."""
    # Rounding errors must not rank equal films.
    rounded = np.round(score, 9)
    draws = int(min(_DRAWS, max(200, _MOST_WEIGHTS // len(score))))
    auc = patient_bootstrap(
        lambda weights: roc_auc(films.truth, rounded, weights), films.patients, draws
    )
    if auc.low < 1.0:
        return auc
    # Every draw gives 1: the exact interval, as in `ranking` (docs/explanation/statistics.md).
    keys = np.asarray(films.patients)
    least = min(len(np.unique(keys[films.truth == kind])) for kind in (True, False))
    return Interval(1.0, 1 - largest_share_of_none(least), 1.0)


_HALF = Interval(0.5, 0.5, 0.5)
