"""The hospitals or collections that films are from, and what they say of the films' classes."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

UNNAMED = "(no source)"
"""Stands for the source of films that name none."""


def counts_by_source(films: Iterable[tuple[str, str]]) -> dict[str, dict[str, int]]:
    """Films by source and class.

    Args:
        films: Source and class of each film; ``""`` for a source that is not named.

    Returns:
        Source to class to number of films, in alphabetical order; empty if no film names a source.
    """
    counts = Counter(films)
    if not any(source for source, _ in counts):
        return {}
    by_source: dict[str, dict[str, int]] = {}
    for (source, name), number in sorted(counts.items()):
        by_source.setdefault(source or UNNAMED, {})[name] = number
    return by_source


def unsupported(
    counts: Mapping[str, Mapping[str, int]], names: Sequence[str]
) -> tuple[tuple[str, str], ...]:
    """Pairs of classes that no source holds on both sides.

    Whatever distinguishes two of these classes also distinguishes hospitals, so these films cannot show
    that a network distinguishes the classes.

    Args:
        counts: From `counts_by_source`.
        names: The classes.
    """
    present = [name for name in names if any(films.get(name) for films in counts.values())]
    return tuple(
        (first, second)
        for first, second in combinations(present, 2)
        if not any(films.get(first) and films.get(second) for films in counts.values())
    )


def unsupported_words(pairs: Sequence[tuple[str, str]]) -> str:
    """The pairs as a sentence without its full stop; ``""`` if there are none."""
    if not pairs:
        return ""
    listed = ", ".join(f"{first} and {second}" for first, second in pairs)
    return (
        f"no source holds both sides of {listed}: what distinguishes them may be the source, so nothing "
        "is claimed about it"
    )
