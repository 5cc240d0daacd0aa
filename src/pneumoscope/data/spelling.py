"""Makes one class of the spellings of a class, and names the negative class."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pneumoscope.data.class_names import (
    denying_besides,
    healthy_besides,
    is_negative,
    is_unknown,
    kept_spellings,
    negative_first,
    plain_name,
)
from pneumoscope.data.column_roles import FACTS, RESERVED, may_be_finding
from pneumoscope.data.film_files import is_mask_folder
from pneumoscope.data.listing import KERMANY
from pneumoscope.data.table_files import MISSING
from pneumoscope.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pneumoscope.data.listing import Entry, Listing, Targets

_SIGNS = {"-", "--", "–", "—", "_", ".", "/", "*"}
"""Signs in place of a class."""


def with_one_spelling(listing: Listing) -> Listing:
    """The listing with one name for each class, whose spellings a warning names.

    ``NORMAL`` beside ``Normal``, or ``healthy`` beside ``No_Finding``, are one class. A listing without
    such names is returned unchanged.
    """
    counts = {
        name: sum(entry.values[i] == 1.0 for entry in listing.entries)
        for i, name in enumerate(listing.names)
    }
    kept = kept_spellings(counts)
    if all(name == spelling for name, spelling in kept.items()):
        return listing
    names = tuple(name for name in listing.names if kept[name] == name)
    places = [[i for i, n in enumerate(listing.names) if kept[n] == name] for name in names]
    entries = tuple(
        replace(entry, values=tuple(_merged(entry, group) for group in places))
        for entry in listing.entries
    )
    merged = [
        f"{', '.join(listing.names[i] for i in group)} (as {name})"
        for name, group in zip(names, places, strict=True)
        if len(group) > 1
    ]
    warning = f"names of one class: {'; '.join(merged)}"
    return replace(
        listing,
        names=negative_first(names),
        entries=_reordered(entries, names, negative_first(names)),
        warnings=(*listing.warnings, warning),
    )


def without_unknown(listing: Listing, negative: str = "") -> Listing:
    """The listing without names that tell no class; films with no other label have none.

    Such as a class ``unknown`` or ``unlabeled``, whose films would be taken for ill.

    Args:
        listing: The films.
        negative: What the negative class is said to be, whatever its words say; ``""`` for nothing.
    """
    signs = set() if listing.negative is None else _SIGNS  # else "-" may be the negative class
    unknown = [
        n
        for n in listing.names
        if (is_unknown(n, finding=listing.findings) or n in signs)
        and not (negative and plain_name(n) == plain_name(negative))
    ]
    kept = [i for i, name in enumerate(listing.names) if name not in unknown]
    if not unknown or not kept:
        return listing
    nothing: Targets = (None,) * len(kept)

    def values(entry: Entry) -> Targets:
        rest = tuple(entry.values[i] for i in kept)
        return nothing if 1.0 in entry.values and 1.0 not in rest else rest

    warning = f"names that tell no class, left out: {', '.join(unknown)}"
    return replace(
        listing,
        names=tuple(listing.names[i] for i in kept),
        entries=tuple(replace(entry, values=values(entry)) for entry in listing.entries),
        warnings=(*listing.warnings, warning),
    )


def checked_classes(listing: Listing) -> Listing:
    """The listing, with a warning of classes that deny another one: beside the healthy films, theirs are ill.

    Raises:
        DataError: Beside the class of healthy films, another one speaks of healthy films by its name, such
            as ``NORMAL_augmented``: they would be taken for ill. Or a class is called like a column of a
            manifest, so that the split of a training could not be written.
    """
    if taken := [n for n in listing.names if n.lower() in (*RESERVED, *FACTS)]:
        raise DataError(
            f"a class is called {taken[0]}, which in a table is a column about the film",
            "Give the class another name.",
        )
    if listing.findings:
        return listing
    if others := healthy_besides(listing.names):
        raise DataError(
            f"the class {others[0]} may have healthy films by its name, beside the class {listing.negative}",
            f"If they are healthy, put them into {listing.negative}; else rename the class, so that no word of it is "
            "'normal' or 'healthy', or may deny something.",
        )
    if denying := denying_besides(listing.names):
        warning = (
            f"classes that count as positive, as there is {listing.negative}: {', '.join(denying)}"
        )
        return replace(listing, warnings=(*listing.warnings, warning))
    return listing


def with_negative(listing: Listing, negative: str) -> Listing:
    """The listing whose negative class has a given name, such as ``"0"``.

    Args:
        listing: The films.
        negative: Name of the class, in any capitals; ``""`` changes nothing.

    Raises:
        DataError: There is no such class, or another class means "nothing found" by its name.
    """
    if not negative:
        return listing
    chosen = next((n for n in listing.names if n == negative), None) or next(
        (n for n in listing.names if plain_name(n) == plain_name(negative)), None
    )
    if chosen is None:
        raise DataError(
            f"the negative class {negative!r} is not among the classes {', '.join(listing.names)}",
            _why_absent(negative, listing.layout),
        )
    if others := [n for n in listing.names if n != chosen and is_negative(n)]:
        raise DataError(
            f"the negative class is said to be {chosen}, but there are also films of the class {others[0]}",
            f"Give `negative` the name {others[0]}, or leave it out.",
        )
    if listing.layout == KERMANY:  # its classes have fixed names
        return listing
    names = negative_first(listing.names, chosen)
    return replace(
        listing,
        names=names,
        entries=_reordered(listing.entries, listing.names, names),
        negative_name=chosen,
    )


def _why_absent(name: str, layout: str) -> str:
    """What to do if there is no class of this name."""
    if layout == "manifest":
        # A column of 1 and 0, or a cell.
        if name.lower() in (*RESERVED, *FACTS):
            return f"In a table, {name!r} is a column about the film: call the class of healthy films normal."
        if name in MISSING:
            return f"In a table, {name!r} stands for an empty cell: call the class of healthy films normal."
        if not may_be_finding(name):
            return f"A column called {name!r} is not taken for a class: call that of healthy films normal."
    elif is_mask_folder(name):
        return f"A folder called {name!r} is taken for one of masks, not of films: call it normal."
    return "Give `negative` the name of the class of healthy films."


def _merged(entry: Entry, places: Sequence[int]) -> float | None:
    """The value of several columns that mean the same: present if one says so, unknown if none says anything."""
    known = [value for i in places if (value := entry.values[i]) is not None]
    return max(known) if known else None


def _reordered(
    entries: Sequence[Entry], before: Sequence[str], after: Sequence[str]
) -> tuple[Entry, ...]:
    order = [before.index(name) for name in after]

    def values(entry: Entry) -> Targets:
        return tuple(entry.values[i] for i in order)

    return tuple(replace(entry, values=values(entry)) for entry in entries)
