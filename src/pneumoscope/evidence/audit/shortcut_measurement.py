"""Measures how well labels can be predicted without looking at the chest.

Single numbers are scored as they are. Everything that is fitted is scored out of fold, with all films of
a patient, and copies of one picture, in the same fold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope.data.film_statistics import STATISTICS
from pneumoscope.evidence.audit.file_shortcuts import NUMBERS, WORDS, matrices
from pneumoscope.evidence.audit.shortcut_models import linear, shapes, trees
from pneumoscope.evidence.audit.shortcut_scores import ContrastFilms, number_score, word_score
from pneumoscope.evidence.audit.shortcuts import ALL, FILE, PICTURE, THUMBNAIL, Shortcuts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from pneumoscope.evidence.audit.contrasts import Contrast
    from pneumoscope.evidence.audit.films import Reading
    from pneumoscope.evidence.audit.shortcuts import Score

    Scores = NDArray[np.float64]

LEAST_PATIENTS = 5
"""Patients (or films without keys) per group below which nothing is measured."""
FOLDS = 5
STEPS = 4
"""Calls of ``step`` per contrast."""
_THUMB = 16
_OFTEN = 40  # values of a word beyond which it identifies single films


def measure(
    contrast: Contrast,
    reading: Reading,
    patients: Sequence[str],
    groups: Sequence[int],
    step: Callable[[], None] = lambda: None,
) -> Shortcuts:
    """Scores every feature that shows no anatomy.

    Args:
        contrast: The groups to distinguish; its rows are positions among all films.
        reading: Values read from the films that could be read.
        patients: Patient of each film of the reading.
        groups: Group of each film that was read; films of one group share a fold.
        step: Called after each of `STEPS` steps.
    """
    kept = contrast.among(reading.rows)
    at = np.array([i for i, _ in kept], np.intp)
    truth = np.array([t for _, t in kept], bool)
    keys = tuple(patients[i] for i in at)
    film_groups = np.asarray(groups)[at]
    sizes = [len(set(film_groups[truth == side].tolist())) for side in (False, True)]
    scores: tuple[Score, ...] = ()
    silence = ""
    if min(sizes) < LEAST_PATIENTS:
        few = contrast.positive if sizes[1] < sizes[0] else contrast.negative
        silence = f"{few}: fewer than {LEAST_PATIENTS} patients, too few to measure anything"
    else:
        folds = tuple(_folds(truth, film_groups, min(sizes)))
        scores = tuple(_scores(ContrastFilms(contrast, at, truth, keys, folds), reading, step))
    return Shortcuts(
        contrast=contrast.name,
        positive=contrast.positive,
        negative=contrast.negative,
        films=len(at),
        patients=len(set(keys)),
        prevalence=float(truth.mean()) if len(at) else 0.0,
        scores=scores,
        silence=silence,
    )


def _scores(films: ContrastFilms, reading: Reading, step: Callable[[], None]) -> Iterator[Score]:
    numbers, words = matrices([reading.files[i] for i in films.at])
    pictures = reading.statistics[films.at]
    thumbs = reading.thumbs[films.at].reshape(-1, _THUMB, 2, _THUMB, 2).mean(axis=(2, 4))
    thumbs = thumbs.reshape(len(thumbs), -1)
    for i, name in enumerate(WORDS):
        yield word_score(films, name, words[:, i])
    for i, name in enumerate(NUMBERS):
        yield number_score(films, FILE, name, numbers[:, i])
    codes = _codes(words)
    # Numbers are positive, so -1 stands for missing: scikit-learn 1.9 cannot bin a column of NaN.
    header = np.column_stack([np.nan_to_num(numbers, nan=-1.0), codes])
    is_word = [False] * len(NUMBERS) + [True] * codes.shape[1]
    yield trees(films, FILE, "all of them", header, is_word)
    step()
    for i, name in enumerate(STATISTICS):
        yield number_score(films, PICTURE, name, pictures[:, i])
    yield trees(films, PICTURE, "all of them", pictures)
    step()
    yield linear(films, THUMBNAIL, f"{_THUMB} x {_THUMB} pixels", thumbs)
    step()
    features = np.column_stack([header, pictures, shapes(thumbs)])
    others = [False] * (features.shape[1] - len(is_word))
    yield trees(films, ALL, "file, statistics, thumbnail", features, [*is_word, *others])
    step()


def _codes(words: NDArray[np.str_]) -> NDArray[np.float64]:
    """Words as numbers, all rare ones as the same; constant columns are left out."""
    columns = []
    for column in words.T:
        kinds, codes, counts = np.unique(column, return_inverse=True, return_counts=True)
        if len(kinds) == 1:
            continue
        rank = np.empty(len(kinds), np.intp)
        rank[np.argsort(-counts, kind="stable")] = np.arange(len(kinds))
        columns.append(np.minimum(rank[codes], _OFTEN))
    return np.array(columns, np.float64).T.reshape(len(words), -1)


def _folds(
    truth: NDArray[np.bool_], groups: NDArray[Any], least: int
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Folds by group, with classes as balanced as the groups allow."""
    from sklearn.model_selection import StratifiedGroupKFold

    splitter = StratifiedGroupKFold(min(FOLDS, least), shuffle=True, random_state=0)
    for train, test in splitter.split(groups, truth, groups):
        if len(test) and 0 < truth[train].sum() < len(train):
            yield train, test
