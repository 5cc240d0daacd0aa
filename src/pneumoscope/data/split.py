"""Which films are held out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from pneumoscope.data.folds import folds_of, same_patient
from pneumoscope.errors import DataError
from pneumoscope.records import fold_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pneumoscope.data.listing import Labelled

MODES = ("patient", "film", "given")


class _Placed(Protocol):
    @property
    def patient(self) -> str: ...
    @property
    def split(self) -> str | None: ...


def split_patients(
    labels: Sequence[int], patients: Sequence[str], hashes: Sequence[str], share: float, seed: int
) -> list[str]:
    """Draws the validation patients, class by class.

    Patients who share an exact duplicate film count as one, so that no film occurs in both splits.

    Args:
        labels: Class of each film.
        patients: Patient key of each film.
        hashes: Hash of each film's pixels.
        share: Share of the patients of each class for validation, in (0, 1).
        seed: Seed of the draw.

    Returns:
        ``"train"`` or ``"validation"`` for each film.
    """
    keys = same_patient(patients, hashes)
    rng = np.random.default_rng(seed)
    held: set[str] = set()
    for label in sorted(set(labels)):
        patients_of_class = sorted(
            {key for key, y in zip(keys, labels, strict=True) if y == label} - held
        )
        count = max(1, round(share * len(patients_of_class))) if len(patients_of_class) > 1 else 0
        held |= {patients_of_class[i] for i in rng.permutation(len(patients_of_class))[:count]}
    return ["validation" if key in held else "train" for key in keys]


def split_films(labels: Sequence[int], share: float, seed: int) -> list[str]:
    """Draws validation films, class by class, regardless of patients.

    Args:
        labels: Class of each film.
        share: Share of the films of each class for validation, in (0, 1).
        seed: Seed of the draw.

    Returns:
        ``"train"`` or ``"validation"`` for each film.
    """
    # Every film counts as a patient; equal widths keep the order of the films.
    keys = [f"{i:09d}" for i in range(len(labels))]
    return split_patients(labels, keys, keys, share, seed)


def straddling(films: Iterable[_Placed]) -> list[str]:
    """Keys of the patients whose films are in two splits, sorted."""
    first: dict[str, str | None] = {}
    return sorted({f.patient for f in films if first.setdefault(f.patient, f.split) != f.split})


def check_split(films: Iterable[_Placed]) -> None:
    """Checks that no patient is in two splits.

    Args:
        films: Anything with a ``patient`` and a ``split``, such as `Film`.

    Raises:
        DataError: At least one is; up to three are named.
    """
    if both := straddling(films):
        more = f" and {len(both) - 3} more" if len(both) > 3 else ""
        raise DataError(
            f"patients stand in two splits: {', '.join(both[:3])}{more}",
            "Give each patient's films one split; or train with the split 'given', which takes "
            "them as they are and flatters the figures.",
        )


def splits_of(
    labelled: Labelled,
    hashes: Sequence[str],
    split: str,
    share: float,
    seed: int,
    *,
    population: Sequence[str],
) -> list[str]:
    """Split of each film.

    Args:
        labelled: The films.
        hashes: SHA-256 of each film's pixels.
        split: One of `MODES`, or ``"fold:2/5"``; ``"given"`` takes the layout's own split.
        share: Share of the patients or films of each class for validation, in (0, 1).
        seed: Seed of the draw.
        population: Sources whose films are split; films of others are for training. Empty for all.

    Raises:
        DataError: No film is of a source of the population, or see `folds_of`.
    """
    sources = {entry.source for entry in labelled.entries}
    if missing := sorted(set(population) - sources):
        known = ", ".join(sorted(sources - {""})) or "none"
        raise DataError(f"no film is from {', '.join(missing)}", f"Sources of the films: {known}.")
    members = [
        i
        for i, entry in enumerate(labelled.entries)
        if not population or entry.source in population
    ]
    tested: list[int] = []
    if fold := fold_of(split):
        tested = _films_of_fold(labelled, hashes, members, *fold, seed)
        members = sorted({*members} - {*tested})
    entries = [labelled.entries[i] for i in members]
    strata = [labelled.strata[i] for i in members]
    if split == "given":
        drawn = [entry.split or "train" for entry in entries]
    elif split == "film":
        drawn = split_films(strata, share, seed)
    else:
        patients = [entry.patient for entry in entries]
        drawn = split_patients(strata, patients, [hashes[i] for i in members], share, seed)
    inside = dict(zip(members, drawn, strict=True)) | dict.fromkeys(tested, "test")
    return [inside.get(i, "train") for i in range(len(labelled.entries))]


def _films_of_fold(
    labelled: Labelled,
    hashes: Sequence[str],
    members: Sequence[int],
    number: int,
    folds: int,
    seed: int,
) -> list[int]:
    """Which of the films are in a fold."""
    entries = [labelled.entries[i] for i in members]
    several = len({*labelled.strata}) == 1  # several findings on a film: no class to deal by
    # A class of the task may have several kinds: these are spread over the folds, too, but need not
    # have a patient for each.
    drawn = folds_of(
        ["" if several else labelled.names[labelled.targets[i].index(1.0)] for i in members],
        [f"{labelled.entries[i].source} {labelled.strata[i]}" for i in members],
        same_patient([entry.patient for entry in entries], [hashes[i] for i in members]),
        folds,
        seed,
    )
    return [i for i, fold in zip(members, drawn, strict=True) if fold == number]
