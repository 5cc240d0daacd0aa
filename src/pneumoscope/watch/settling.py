"""Which files are complete: a file that is still being written is not a film yet."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pneumoscope.watch.places import PlaceFile

_CLOSED_S = 0.2
"""Seconds without a change after the system has said that a file was closed or renamed: a writer may
open it again at once."""
_EMPTY_S = 60.0
"""Seconds after which an empty file counts as complete: many writers begin with one."""
_FIRST_PAUSE_S, LONGEST_PAUSE_S = 15.0, 1800.0


@dataclass(slots=True)
class Waiting:
    """A file that has not been received.

    Attributes:
        file: The file as it was last seen.
        since: Time of a clock that never jumps, since when it has not changed.
        closed: Whether the system has said that its writer has finished.
        not_before: Earliest time of the next attempt.
        attempts: Attempts to read it that failed.
    """

    file: PlaceFile
    since: float
    closed: bool = False
    not_before: float = 0.0
    attempts: int = 0

    def seen(self, file: PlaceFile, now: float, *, closed: bool = False) -> None:
        """Takes note of how the file looks now."""
        if file.version != self.file.version:
            self.file, self.since, self.closed = file, now, False
            self.not_before, self.attempts = 0.0, 0
        self.closed |= closed

    def ready_at(self, settle_s: float, *, atomic: bool) -> float:
        """The time from which the file counts as complete if it does not change.

        Args:
            settle_s: Seconds without a change.
            atomic: Whether files of this place appear only when they are complete.
        """
        if atomic:
            return max(self.since, self.not_before)
        wait_s = min(_CLOSED_S, settle_s) if self.closed else settle_s
        if not self.file.size and settle_s:
            wait_s = max(_EMPTY_S, settle_s)
        return max(self.since + wait_s, self.not_before)

    def put_off(self, now: float) -> None:
        """Puts the next attempt off: each pause is about twice as long as the one before."""
        pause = pause_s(self.attempts)
        self.attempts += 1
        self.not_before = now + pause


def pause_s(attempts: int) -> float:
    """Seconds before the next attempt, with jitter so that not everything comes back at once.

    Args:
        attempts: Attempts that have failed before this one.
    """
    longest = min(LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2.0 ** min(attempts, 20))
    return longest * random.uniform(0.8, 1.0)
