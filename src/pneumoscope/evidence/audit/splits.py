"""Patients in several splits or classes, and differences of class shares between splits."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.evidence.audit.listing import class_of, without_subtype
from pneumoscope.metrics import Interval, largest_share_of_none, patient_bootstrap, share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pneumoscope.data.listing import Entry, Listing
    from pneumoscope.evidence.audit.contrasts import Contrast

AS_KEYED = "patient keys as given"
WITHOUT_SUBTYPE = "without sub-type and prefix"


@dataclass(frozen=True, slots=True)
class Grouping:
    """Patients in several splits or classes, by one interpretation of the keys.

    Attributes:
        name: `AS_KEYED` or `WITHOUT_SUBTYPE`.
        patients: Number of patients.
        films: Number of films that have a key.
        in_two_splits: Patients in more than one split, sorted.
        films_in_two_splits: Number of their films.
        in_two_classes: Patients whose films have different labels, sorted.
    """

    name: str
    patients: int
    films: int
    in_two_splits: tuple[str, ...]
    films_in_two_splits: int
    in_two_classes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shift:
    """How a label's share differs between two splits.

    Attributes:
        contrast: What is compared.
        splits: The two.
        shares: Share of the positive group in each, in [0, 1].
        films: Films in each.
        difference: First minus second, with its patient-clustered interval. A split of one group only
            adds the exact bound of its share, as its films do not vary between draws.
        p: P-value of Fisher's exact test, which assumes independent films.
    """

    contrast: str
    splits: tuple[str, str]
    shares: tuple[float, float]
    films: tuple[int, int]
    difference: Interval
    p: float

    @property
    def clear(self) -> bool:
        """Whether the interval excludes 0."""
        return self.difference.low > 0 or self.difference.high < 0


def groupings(films: Listing) -> tuple[Grouping, ...]:
    """Patients by the keys of the layout, and by Kermany keys without sub-type and prefix.

    Films without a patient's key are left out.
    """
    keyed = [entry for entry in films.entries if entry.keyed]
    if not keyed:
        return ()
    made = [_grouping(AS_KEYED, keyed, [e.patient for e in keyed], films.names)]
    bare = [without_subtype(entry.patient) for entry in keyed]
    if any(bare):
        keys = [b or e.patient for b, e in zip(bare, keyed, strict=True)]
        made.append(_grouping(WITHOUT_SUBTYPE, keyed, keys, films.names))
    return tuple(made)


def _grouping(
    name: str, entries: Sequence[Entry], keys: Sequence[str], names: Sequence[str]
) -> Grouping:
    splits: dict[str, set[str | None]] = {}
    classes: dict[str, set[str]] = {}
    for entry, key in zip(entries, keys, strict=True):
        splits.setdefault(key, set()).add(entry.split)
        classes.setdefault(key, set()).add(class_of(entry, names))
    several_splits = {key for key, own_splits in splits.items() if len(own_splits) > 1}
    several_classes = {key for key, labels in classes.items() if len(labels - {""}) > 1}
    return Grouping(
        name=name,
        patients=len(splits),
        films=len(entries),
        in_two_splits=tuple(sorted(several_splits)),
        films_in_two_splits=sum(key in several_splits for key in keys),
        in_two_classes=tuple(sorted(several_classes)),
    )


def shifts(films: Listing, contrast: Contrast) -> tuple[Shift, ...]:
    """Compares the share of the positive group between every two splits."""
    entries = [films.entries[int(row)] for row in contrast.rows]
    splits = np.array([entry.split or "" for entry in entries])
    patients = [entry.patient for entry in entries]
    names = [name for name in ("train", "validation", "test") if (splits == name).any()]
    return tuple(_shift(contrast, splits, patients, pair) for pair in combinations(names, 2))


def _shift(
    contrast: Contrast, splits: NDArray[np.str_], patients: Sequence[str], pair: tuple[str, str]
) -> Shift:
    from scipy.stats import fisher_exact

    inside = [splits == name for name in pair]
    both = inside[0] | inside[1]
    truth = contrast.truth[both]
    first, second = (mask[both] for mask in inside)
    table = [[int((m & truth).sum()), int((m & ~truth).sum())] for m in (first, second)]

    def difference(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        return share(truth, first, weights) - share(truth, second, weights)

    keys = [key for key, kept in zip(patients, both, strict=True) if kept]
    drawn = patient_bootstrap(difference, keys, 1000)
    up, down = _beyond_draws(truth[first], np.array(keys)[first])
    up_two, down_two = _beyond_draws(truth[second], np.array(keys)[second])
    return Shift(
        contrast=contrast.name,
        splits=pair,
        shares=(table[0][0] / sum(table[0]), table[1][0] / sum(table[1])),
        films=(sum(table[0]), sum(table[1])),
        difference=Interval(
            drawn.value, max(drawn.low - down - up_two, -1.0), min(drawn.high + up + down_two, 1.0)
        ),
        p=float(fisher_exact(table).pvalue),
    )


def _beyond_draws(truth: NDArray[np.bool_], patients: NDArray[np.str_]) -> tuple[float, float]:
    """How much higher and lower a share of 0 or 1 may be, although every draw gives the same; else 0."""
    bound = largest_share_of_none(len(np.unique(patients)))
    return (0.0 if truth.any() else bound), (bound if truth.all() else 0.0)
