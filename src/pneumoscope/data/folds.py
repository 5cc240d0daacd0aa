"""The folds of a cross-validation: every patient is in one of them, classes and sources in all."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.data.unions import united
from pneumoscope.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence


def same_patient(patients: Sequence[str], hashes: Sequence[str]) -> list[str]:
    """A key of each film that films of one patient share, and patients who share an exact duplicate film.

    Args:
        patients: Patient key of each film.
        hashes: Hash of each film's pixels.
    """
    first_with: dict[str, str] = {}
    twins = [
        (patient, first_with.setdefault(digest, patient))
        for patient, digest in zip(patients, hashes, strict=True)
    ]
    group = united(patients, twins)
    return [group[patient] for patient in patients]


def folds_of(
    classes: Sequence[str],
    sources: Sequence[str],
    patients: Sequence[str],
    folds: int,
    seed: int,
) -> list[int]:
    """Deals the patients to folds, class by class, and within a class source by source.

    The numbers of patients of a class, and of those of a class from a source, differ by one at most
    between folds. A patient with films of several classes counts for the one with the fewest patients.

    Args:
        classes: Class of each film.
        sources: Hospital or collection of each film, or ``""``.
        patients: Key of each film, from `same_patient`.
        folds: Number of folds.
        seed: Seed of the order in which the patients of a class and source are dealt.

    Returns:
        Number of each film's fold, from 1.

    Raises:
        DataError: A class has fewer patients than there are folds.
    """
    films = sorted({*zip(patients, classes, sources, strict=True)})
    sizes = Counter(name for _, name in {(patient, name) for patient, name, _ in films})
    if few := [name for name in sizes if sizes[name] < folds]:
        number = sizes[few[0]]
        what = f"of the class {few[0]} " if few[0] else ""
        raise DataError(
            f"films {what}are of {number} patient{'s' if number > 1 else ''}: too few for {folds} folds",
            "Take fewer folds, or add films.",
        )
    stratum: dict[str, tuple[int, str, str]] = {}
    for patient, name, source in films:
        place = (sizes[name], name, source)
        stratum[patient] = min(place, stratum.get(patient, place))
    members: dict[tuple[int, str, str], list[str]] = {}
    for patient, place in sorted(stratum.items()):
        members.setdefault(place, []).append(patient)
    rng = np.random.default_rng(seed)
    # One after the other through all strata, so that the folds' sizes differ by one at most.
    order = [group[i] for _, group in sorted(members.items()) for i in rng.permutation(len(group))]
    fold = {patient: number % folds + 1 for number, patient in enumerate(order)}
    return [fold[patient] for patient in patients]
