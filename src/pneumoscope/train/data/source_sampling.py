"""Epochs in which no source of films says anything about their class.

Where most films of one hospital are ill and most of another are not, the hospital's way of making
films becomes evidence. So groups of sources are drawn by fixed shares, and within each group healthy
and ill films equally often.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.data.sources import JOIN
from pneumoscope.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Films of one group of sources.

    Attributes:
        share: Of an epoch, in (0, 1].
        healthy: Positions of its healthy films.
        ill: Positions of its ill films.
    """

    share: float
    healthy: NDArray[np.intp]
    ill: NDArray[np.intp]


def shares_without(
    shares: Sequence[tuple[str, float]], left_out: Sequence[str]
) -> tuple[tuple[str, float], ...]:
    """The groups and their shares without some sources; a group that loses all its sources is left out.

    Args:
        shares: See `Recipe.source_shares`.
        left_out: The sources.
    """
    kept = []
    for names, share in shares:
        rest = [name for name in names.split(JOIN) if name not in left_out]
        if rest:
            kept.append((JOIN.join(rest), share))
    return tuple(kept)


def groups_of(
    rows: NDArray[np.intp],
    sources: Sequence[str],
    ill: NDArray[np.bool_],
    shares: Sequence[tuple[str, float]],
) -> tuple[Group, ...]:
    """The groups of the training films.

    Args:
        rows: Positions of the training films, (n,).
        sources: Source of each of them.
        ill: Whether each is ill, bool (n,).
        shares: Groups of sources and their shares, see `Recipe.source_shares`.

    Raises:
        DataError: A film's source is in no group or in several, no film has a source that is named,
            or a group has healthy or ill films only.
    """
    group_of = {}
    for i, (names, _) in enumerate(shares):
        for name in names.split(JOIN):
            if name in group_of:
                raise DataError(f"source {name} is in two groups of source_shares", "Name it once.")
            group_of[name] = i
    known = ", ".join(sorted(set(sources)))
    if missing := sorted(set(group_of) - set(sources)):
        raise DataError(f"no training film is from {', '.join(missing)}", f"Sources: {known}.")
    if missing := sorted(set(sources) - set(group_of)):
        raise DataError(
            f"source_shares does not name {', '.join(repr(m) for m in missing)}",
            f"Sources of the training films: {known}.",
        )
    place = np.array([group_of[source] for source in sources])
    total = sum(share for _, share in shares)
    groups = []
    for i, (names, share) in enumerate(shares):
        healthy, diseased = rows[(place == i) & ~ill], rows[(place == i) & ill]
        if not len(healthy) or not len(diseased):
            raise DataError(
                f"all training films of {names} are {'ill' if len(diseased) else 'healthy'}",
                f"Join it with another source: '{names}{JOIN}...'.",
            )
        groups.append(Group(share / total, healthy, diseased))
    return tuple(groups)


def order(groups: Sequence[Group], count: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """The films of one epoch, (count,); films of small groups occur several times."""
    drawn = []
    for group in groups:
        for films in (group.healthy, group.ill):
            wanted = -(-round(count * group.share) // 2)
            rounds = -(-wanted // len(films))
            drawn.append(np.concatenate([rng.permutation(films) for _ in range(rounds)])[:wanted])
    return rng.permutation(np.concatenate(drawn))[:count]
