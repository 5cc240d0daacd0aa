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

JOIN = "+"
"""Between the sources of a group, such as ``"rsna+covid"``."""
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


def left_out_by(split: str) -> tuple[str, ...]:
    """The sources that a split such as ``"leave-out:north+south"`` leaves out; ``()`` for other splits."""
    if not split.startswith(LEAVE_OUT):
        return ()
    return tuple(split.removeprefix(LEAVE_OUT).split(JOIN))


def leave_out(listing: Listing, split: str) -> Listing:
    """The listing for a split that leaves sources out: their films are for testing.

    Films that the data reserve for testing are not in it, whatever their source: a comparison of
    recipes by the sources left out must not use them up. Other splits change nothing.

    Args:
        listing: The films.
        split: Such as ``"leave-out:north"``.

    Raises:
        DataError: No film for training is from one of the sources, or all are, or a patient is in one of
            them and elsewhere; or the name of a source looks like a group.
    """
    sources = {*left_out_by(split)}
    if not sources:
        return listing
    title = split.removeprefix(LEAVE_OUT)
    entries = [entry for entry in listing.entries if entry.split != "test"]
    known = sorted({entry.source for entry in entries} - {""})
    if JOIN in title and title in known:
        raise DataError(
            f"the source {title!r} has a {JOIN} in its name, which stands between the sources of a group",
            "Rename it in the manifest's column source.",
        )
    if missing := sorted(sources - {*known}):
        raise DataError(
            f"no training film is from the source {missing[0]!r}",
            f"Known sources: {', '.join(known)}."
            if known
            else "Name the films' sources in a manifest's column source.",
        )
    inside = {entry.patient for entry in entries if entry.source in sources}
    outside = {entry.patient for entry in entries if entry.source not in sources}
    if not outside:
        raise DataError(
            f"all training films are from the source {title!r}", "Leave out one source of several."
        )
    if both := sorted(inside & outside):
        raise DataError(
            f"patients are in {title} and in another source: {', '.join(both[:3])}",
            "Give patients of different hospitals different keys.",
        )
    return replace(
        listing,
        entries=tuple(replace(e, split="test") if e.source in sources else e for e in entries),
    )
