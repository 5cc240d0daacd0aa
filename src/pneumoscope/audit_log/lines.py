"""Lines of the audit log, as values and as bytes: strict JSON with a keyed hash."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

START = "0" * 64
"""The HMAC before the first line."""
SUCCESS, MINOR, SERIOUS, MAJOR = 0, 4, 8, 12
"""Event outcome indicator: done; refused; the server failed; unavailable (PS3.15, A.5.2.1)."""


class Actor(Protocol):
    """Who does something: a user of the server, or whoever runs a command."""

    @property
    def id(self) -> str:
        """Never reused."""

    @property
    def name(self) -> str:
        """Name for signing in, or in the operating system."""

    @property
    def role(self) -> str:
        """What they may do."""

    @property
    def via(self) -> str:
        """How they have come, such as ``"session"`` or ``"command"``."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event.

    Attributes:
        what: Method and route, or a name such as ``"user add"``. Never the name of a film.
        outcome: `SUCCESS`, `MINOR`, `SERIOUS` or `MAJOR`.
        who: The user; None if nobody was signed in.
        where: Network address, AE title, name of a destination, or ``"command"``.
        objects: Ids of the objects concerned.
        patient: Keyed hash of a patient's key.
        status: Status of HTTP or DICOM.
    """

    what: str
    outcome: int = SUCCESS
    who: Actor | None = None
    where: str = "command"
    objects: tuple[str, ...] = ()
    patient: str | None = None
    status: int | None = None


@dataclass(frozen=True, slots=True)
class Tail:
    """The end of the chain: number and HMAC of its last line; 0 and `START` if it is empty."""

    seq: int
    mac: str


def entry_of(event: Event, tail: Tail, now: float) -> dict[str, Any]:
    """The line of an event after a tail, without its HMAC."""
    who = event.who
    return {
        "seq": tail.seq + 1,
        "time": datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds"),
        "what": event.what,
        "outcome": event.outcome,
        "who": None
        if who is None
        else {"id": who.id, "name": who.name, "role": who.role, "via": who.via},
        "where": event.where,
        "objects": list(event.objects),
        "patient": event.patient,
        "status": event.status,
        "prev": tail.mac,
    }


def canonical(entry: dict[str, Any]) -> bytes:
    """The only form in which a line is written: keys sorted, no spaces, ASCII."""
    return json.dumps(entry, sort_keys=True, separators=(",", ":")).encode()


def parsed(line: bytes) -> dict[str, Any] | None:
    """A line of the log; None if it is not exactly as `canonical` writes it.

    Therefore no key occurs twice, and nothing is between the values.
    """
    try:
        entry = json.loads(line)
        whole = isinstance(entry, dict) and canonical(entry) + b"\n" == line
    except (ValueError, RecursionError):
        return None
    return entry if whole else None
