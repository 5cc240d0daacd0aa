"""How well labels can be told without looking at a chest.

A number alone is scored as it is; everything that needs fitting is scored out of fold, with all
films of a patient, and copies of one picture, in one fold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import special

from pneumoscope.data.film_statistics import STATISTICS
from pneumoscope.evidence.audit.file_shortcuts import NUMBERS, WORDS, matrices
from pneumoscope.metrics import Interval, patient_bootstrap, roc_auc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from pneumoscope.evidence.audit.films import Reading
    from pneumoscope.evidence.audit.listing import Contrast

    Scores = NDArray[np.float64]

FILE, PICTURE, THUMBNAIL, ALL = "file", "image statistics", "thumbnail", "all of these"
LEAST_PATIENTS = 5
"""Patients (or films without keys) per side below which nothing is measured."""
FOLDS = 5
NOTABLE = 0.6
"""AUC that the lower end of an interval must exceed to be worth a word."""

_DRAWS = 1000
_MOST_WEIGHTS = 2 * 10**7  # films x draws at once: 160 MB
_THUMB = 16
_SHAPES = 32  # principal components of thumbnails
_OFTEN = 40  # values of a word beyond which it names films, not kinds of films


@dataclass(frozen=True, slots=True)
class Score:
    """What one kind of knowledge tells.

    Attributes:
        source: `FILE`, `PICTURE`, `THUMBNAIL` or `ALL`.
        feature: Name, or ``"all of them"``.
        auc: With its patient-clustered interval; of a number at least 0.5, since it may count either way.
        words: What the films have, in a sentence.
        constant: Whether all films have the same; ``auc`` is 0.5 then.
    """

    source: str
    feature: str
    auc: Interval
    words: str
    constant: bool = False

    @property
    def notable(self) -> bool:
        """Whether it tells the label apart beyond `NOTABLE`."""
        return self.auc.low > NOTABLE


@dataclass(frozen=True, slots=True)
class Shortcuts:
    """All scores of one contrast.

    Attributes:
        contrast: Its name.
        positive: Its positive group.
        negative: Its negative group.
        films: Number of films.
        patients: Number of patients, or of films where patients are not known.
        prevalence: Share of the positive group.
        scores: The scores; empty if too few films.
        silence: Why there are none, or ``""``.
    """

    contrast: str
    positive: str
    negative: str
    films: int
    patients: int
    prevalence: float
    scores: tuple[Score, ...]
    silence: str = ""

    def best(self, source: str) -> Score | None:
        """The score of a source with the highest lower end of its interval."""
        own = [s for s in self.scores if s.source == source and not s.constant]
        return max(own, key=lambda s: s.auc.low, default=None)


@dataclass(frozen=True, slots=True, eq=False)
class _Side:
    """One contrast's films in the terms of a reading."""

    contrast: Contrast
    at: NDArray[np.intp]
    truth: NDArray[np.bool_]
    patients: tuple[str, ...]
    folds: tuple[tuple[NDArray[np.intp], NDArray[np.intp]], ...]


def measure(
    contrast: Contrast,
    reading: Reading,
    patients: Sequence[str],
    groups: Sequence[int],
    step: Callable[[], None] = lambda: None,
) -> Shortcuts:
    """Scores everything that is known without anatomy.

    Args:
        contrast: What to tell apart; its rows are positions among all films.
        reading: Of the films that could be read.
        patients: Patient of each film of the reading.
        groups: Of each film of the reading; films of one group share a fold.
        step: Called after each of `STEPS` steps.
    """
    kept = contrast.among(reading.rows)
    at = np.array([i for i, _ in kept], np.intp)
    truth = np.array([t for _, t in kept], bool)
    own = tuple(patients[i] for i in at)
    held = np.asarray(groups)[at]
    sides = [len(set(held[truth == side].tolist())) for side in (False, True)]
    films, count = len(at), len(set(own))
    names = (contrast.name, contrast.positive, contrast.negative)
    if min(sides) < LEAST_PATIENTS:
        few = contrast.positive if sides[1] < sides[0] else contrast.negative
        return Shortcuts(
            *names,
            films,
            count,
            float(truth.mean()) if films else 0.0,
            (),
            f"{few}: fewer than {LEAST_PATIENTS} patients, too few to measure anything",
        )
    side = _Side(contrast, at, truth, own, tuple(_folds(truth, held, min(sides))))
    scores = tuple(_scores(side, reading, step))
    return Shortcuts(*names, films, count, float(truth.mean()), scores)


STEPS = 4


def _scores(side: _Side, reading: Reading, step: Callable[[], None]) -> Iterator[Score]:
    numbers, words = matrices([reading.files[i] for i in side.at])
    pictures = reading.statistics[side.at]
    thumbs = reading.thumbs[side.at].reshape(-1, _THUMB, 2, _THUMB, 2).mean(axis=(2, 4))
    thumbs = thumbs.reshape(len(thumbs), -1)
    for i, name in enumerate(WORDS):
        yield _word(side, name, words[:, i])
    for i, name in enumerate(NUMBERS):
        yield _number(side, FILE, name, numbers[:, i])
    codes = _codes(words)
    # Numbers are positive. scikit-learn 1.9 cannot bin a column that no film knows.
    header = np.column_stack([np.nan_to_num(numbers, nan=-1.0), codes])
    is_word = [False] * len(NUMBERS) + [True] * codes.shape[1]
    yield _fitted(side, FILE, "all of them", header, is_word)
    step()
    for i, name in enumerate(STATISTICS):
        yield _number(side, PICTURE, name, pictures[:, i])
    yield _fitted(side, PICTURE, "all of them", pictures)
    step()
    yield _linear(side, THUMBNAIL, f"{_THUMB} x {_THUMB} pixels", thumbs)
    step()
    everything = np.column_stack([header, pictures, _shapes(thumbs)])
    rest = [False] * (everything.shape[1] - len(is_word))
    yield _fitted(side, ALL, "file, statistics, thumbnail", everything, [*is_word, *rest])
    step()


def _shapes(thumbs: Scores) -> Scores:
    """Thumbnails as few numbers: trees on each pixel take ten times as long and tell no more."""
    from sklearn.decomposition import PCA

    return PCA(min(_SHAPES, *thumbs.shape), random_state=0).fit_transform(thumbs)


def _number(side: _Side, source: str, name: str, values: Scores) -> Score:
    known = values[~np.isnan(values)]
    if not len(known) or ((known == known[0]).all() and len(known) == len(values)):
        what = number_text(known[0]) if len(known) else "unknown"
        return Score(source, name, _HALF, f"the same for all films: {what}", True)
    # What a format does not know ranks in the middle, so that it says nothing.
    filled = np.where(np.isnan(values), np.median(known), values)
    up = float(roc_auc(side.truth, filled, np.ones((1, len(filled))))[0]) >= 0.5
    auc = _auc(side, filled if up else -filled)
    medians = [np.median(filled[side.truth == s]) for s in (True, False)]
    return Score(
        source,
        name,
        auc,
        f"median {number_text(medians[0])} in {side.contrast.positive}, "
        f"{number_text(medians[1])} in {side.contrast.negative}",
    )


def _word(side: _Side, name: str, values: NDArray[np.str_]) -> Score:
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
        score[test] = special.logit(share[codes[test]]) - special.logit(prior)
        called[test] = share[codes[test]] >= 0.5
    right = int((called == side.truth).sum())
    return Score(FILE, name, _auc(side, score), _tell(side, kinds, codes, right))


def _tell(side: _Side, kinds: NDArray[np.str_], codes: NDArray[np.intp], right: int) -> str:
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


def _codes(words: NDArray[np.str_]) -> NDArray[np.float64]:
    """Words as numbers, the rare ones as one; constant columns are left out."""
    columns = []
    for column in words.T:
        kinds, codes, counts = np.unique(column, return_inverse=True, return_counts=True)
        if len(kinds) == 1:
            continue
        rank = np.empty(len(kinds), np.intp)
        rank[np.argsort(-counts, kind="stable")] = np.arange(len(kinds))
        columns.append(np.minimum(rank[codes], _OFTEN))
    return np.array(columns, np.float64).T.reshape(len(words), -1)


def _fitted(
    side: _Side, source: str, name: str, features: Scores, is_word: Sequence[bool] = ()
) -> Score:
    from sklearn.ensemble import HistGradientBoostingClassifier

    leaf = int(np.clip(len(features) // 20, 2, 20))
    mask = list(is_word) if any(is_word) else None

    def fit(x: Scores, y: NDArray[np.bool_]) -> Any:
        model = HistGradientBoostingClassifier(
            random_state=0, max_iter=100, min_samples_leaf=leaf, categorical_features=mask,
            early_stopping=False,
        )  # fmt: skip
        return model.fit(x, y)

    return _out_of_fold(side, source, name, features, fit, "gradient-boosted trees, out of fold")


def _linear(side: _Side, source: str, name: str, features: Scores) -> Score:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    def fit(x: Scores, y: NDArray[np.bool_]) -> Any:
        return make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000)).fit(x, y)

    return _out_of_fold(side, source, name, features, fit, "logistic regression, out of fold")


def _out_of_fold(
    side: _Side,
    source: str,
    name: str,
    features: Scores,
    fit: Callable[[Scores, NDArray[np.bool_]], Any],
    words: str,
) -> Score:
    from threadpoolctl import threadpool_limits

    score = np.zeros(len(features))
    for train, test in side.folds:
        y = side.truth[train]
        # Less the fold's own prior, so that a model that knows nothing ranks nothing.
        # One thread: OpenMP's threads wait for each other actively, which beside other work takes
        # a hundred times as long.
        with threadpool_limits(1):
            model = fit(features[train], y)
            score[test] = model.decision_function(features[test]) - special.logit(y.mean())
    return Score(source, name, _auc(side, score), words)


def _auc(side: _Side, score: Scores) -> Interval:
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


def _folds(
    truth: NDArray[np.bool_], groups: NDArray[Any], least: int
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Folds by group whose classes are balanced as far as groups allow."""
    from sklearn.model_selection import StratifiedGroupKFold

    splitter = StratifiedGroupKFold(min(FOLDS, least), shuffle=True, random_state=0)
    for train, test in splitter.split(groups, truth, groups):
        if len(test) and 0 < truth[train].sum() < len(train):
            yield train, test


def number_text(value: float) -> str:
    """A number for people: four digits that count, large ones without powers of ten."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


_HALF = Interval(0.5, 0.5, 0.5)
