"""The order in which people should look at films that were read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pneumoscope.records import REFUSED, UNDETERMINED
from pneumoscope.render.serialise import NOTICE, p_positive_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

POSITIVE, UNCERTAIN, UNREAD, ROUTINE = "positive", "undetermined", "not read", "routine"
GROUPS = (POSITIVE, UNCERTAIN, UNREAD, ROUTINE)
"""The most urgent first."""


def worklist(films: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The films as a list: by priority, by group, then the most probable and the oldest first.

    Films that were refused or could not be read come before negative ones: nobody has looked at them.

    Args:
        films: Of each film ``id``, ``name``, ``created``, ``priority``, ``result`` and ``error``.
    """
    entries = [_entry(film) for film in films]
    entries.sort(
        key=lambda e: (
            -e["priority"],
            GROUPS.index(e["group"]),
            -(e["probability"] or 0.0),
            e["created"],
        )
    )
    return {
        "notice": NOTICE,
        "films": [{"position": n, **entry} for n, entry in enumerate(entries, 1)],
    }


def _entry(film: Mapping[str, Any]) -> dict[str, Any]:
    result, error = film["result"], film["error"]
    return {
        **{key: film[key] for key in ("id", "name", "created", "priority")},
        "group": group_of(result),
        "label": None if result is None else result["label"],
        "probability": None if result is None else p_positive_of(result),
        "error": error,
    }


def group_of(result: Mapping[str, Any] | None) -> str:
    """The group of a film by its result; None if it could not be read."""
    if result is None or result["label"] == REFUSED:
        return UNREAD
    if result["label"] == UNDETERMINED:
        return UNCERTAIN
    return POSITIVE if result["label"] == result["positive"] else ROUTINE
