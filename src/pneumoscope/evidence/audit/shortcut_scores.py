"""Scores of a single feature: a number as it is, a word out of fold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.decision.probability import logit
from pneumoscope.evidence.audit.shortcuts import FILE, Score, number_text
from pneumoscope.metrics import Interval, patient_bootstrap, roc_auc

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pneumoscope.evidence.audit.contrasts import Contrast

    Scores = NDArray[np.float64]

_DRAWS = 1000
_MOST_WEIGHTS = 2 * 10**7  # films x draws at once: 160 MB


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """One contrast's films in the terms of a reading."""

    contrast: Contrast
    at: NDArray[np.intp]
    truth: NDArray[np.bool_]
    patients: tuple[str, ...]
    folds: tuple[tuple[NDArray[np.intp], NDArray[np.intp]], ...]


def number_score(side: Side, source: str, name: str, values: Scores) -> Score:
    known = values[~np.isnan(values)]
    if not len(known) or ((known == known[0]).all() and len(known) == len(values)):
        what = number_text(known[0]) if len(known) else "unknown"
        return Score(source, name, _HALF, f"the same for all films: {what}", True)
    # What a format does not know ranks in the middle, so that it says nothing.
    filled = np.where(np.isnan(values), np.median(known), values)
    up = float(roc_auc(side.truth, filled, np.ones((1, len(filled))))[0]) >= 0.5
    auc = auc_of(side, filled if up else -filled)
    medians = [np.median(filled[side.truth == s]) for s in (True, False)]
    return Score(
        source,
        name,
        auc,
        f"median {number_text(medians[0])} in {side.contrast.positive}, "
        f"{number_text(medians[1])} in {side.contrast.negative}",
    )


def word_score(side: Side, name: str, values: NDArray[np.str_]) -> Score:
    """A word scored by the share of positive films that have it, smoothed, out of fold."""
    kinds, codes = np.unique(values, return_inverse=True)
    if len(kinds) == 1:
        return Score(FILE, name, _HALF, f"the same for all films: {kinds[0]}", True)
    score = np.zeros(len(values))
    called = np.zeros(len(values), bool)
    for train, test in side.folds:
        prior = side.truth[train].mean()
        hits = np.bincount(codes[train], side.truth[train], len(kinds))
        seen = np.bincount(codes[train], minlength=len(kinds))
        share = (hits + prior) / (seen + 1)
        score[test] = logit(share[codes[test]]) - logit(prior)
        called[test] = share[codes[test]] >= 0.5
    right = int((called == side.truth).sum())
    return Score(FILE, name, auc_of(side, score), _tell(side, kinds, codes, right))


def _tell(side: Side, kinds: NDArray[np.str_], codes: NDArray[np.intp], right: int) -> str:
    """Who has the value that differs most between the groups, and how far knowing it goes."""
    counts = [np.bincount(codes[side.truth == s], minlength=len(kinds)) for s in (True, False)]
    totals = [int(c.sum()) for c in counts]
    apart = counts[0] / totals[0] - counts[1] / totals[1]
    shown = list(np.argsort(-np.abs(apart), kind="stable")[: 2 if len(kinds) > 1 else 1])
    # Who has it more comes first.
    names = (side.contrast.positive, side.contrast.negative)
    parts = []
    for k in shown:
        first, second = (0, 1) if apart[k] >= 0 else (1, 0)
        parts.append(
            f"'{kinds[k]}' in {_of(counts[first][k], totals[first])} {names[first]} films and "
            f"{_of(counts[second][k], totals[second])} {names[second]} films"
        )
    most = max(totals)
    return (
        f"{'; '.join(parts)}. Whoever reads this and no pixel calls {right:,} of "
        f"{sum(totals):,} films right ({right / sum(totals):.1%}; always the larger class: {most / sum(totals):.1%})"
    )


def _of(part: int, whole: int) -> str:
    if part == whole:
        return f"all {whole:,}"
    return f"{part:,} of {whole:,}" if part else f"none of {whole:,}"


def auc_of(side: Side, score: Scores) -> Interval:
    # Rounding errors must not rank films that are alike.
    rounded = np.round(score, 9)
    draws = int(min(_DRAWS, max(200, _MOST_WEIGHTS // len(score))))
    found = patient_bootstrap(
        lambda weights: roc_auc(side.truth, rounded, weights), side.patients, draws
    )
    if found.low < 1.0:
        return found
    # Every draw gives 1: the exact interval, as `ranking` has it (docs/explanation/statistics.md).
    keys = np.asarray(side.patients)
    least = min(len(np.unique(keys[side.truth == kind])) for kind in (True, False))
    return Interval(1.0, float(0.025 ** (1 / least)), 1.0)


_HALF = Interval(0.5, 0.5, 0.5)
