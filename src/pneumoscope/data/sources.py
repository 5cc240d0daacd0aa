"""The hospitals or collections that films are from, and what they say of the films' classes."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING

from pneumoscope.errors import DataError
from pneumoscope.records import LEAVE_OUT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pneumoscope.data.listing import Listing

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


def leave_out(listing: Listing, split: str) -> Listing:
    """The listing in which the source that a split leaves out is for testing; other splits change nothing.

    Args:
        listing: The films.
        split: Such as ``"leave-out:north"``.

    Raises:
        DataError: No film is from that source, or all are, or a patient is in this and in another source.
    """
    if not split.startswith(LEAVE_OUT):
        return listing
    source = split.removeprefix(LEAVE_OUT)
    known = sorted({entry.source for entry in listing.entries} - {""})
    if source not in known:
        raise DataError(
            f"no film is from the source {source!r}",
            f"Known sources: {', '.join(known)}."
            if known
            else "Name the films' sources in a manifest's column source.",
        )
    if all(entry.source == source for entry in listing.entries):
        raise DataError(
            f"all films are from the source {source!r}", "Leave out one source of several."
        )
    inside = {entry.patient for entry in listing.entries if entry.source == source}
    outside = {entry.patient for entry in listing.entries if entry.source != source}
    if both := sorted(inside & outside):
        raise DataError(
            f"patients are in {source} and in another source: {', '.join(both[:3])}",
            "Give patients of different hospitals different keys.",
        )
    entries = (
        replace(entry, split="test") if entry.source == source else entry
        for entry in listing.entries
    )
    return replace(listing, entries=tuple(entries))
