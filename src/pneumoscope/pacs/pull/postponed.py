"""Objects that a source has not given although it answers: each is tried again, and stops no other."""

from __future__ import annotations

import logging
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from pneumoscope.errors import UsageError
from pneumoscope.files import make_folder
from pneumoscope.pacs.pauses import pause_s

if TYPE_CHECKING:
    from collections.abc import Callable

    from pneumoscope.pacs.pull.cursor import CursorFile

_log = logging.getLogger(__name__)

MOST_ATTEMPTS = 10
"""Attempts after which an object is set aside."""
_FIRST_S, _LONGEST_S = 30.0, 3600.0
"""Pauses between these attempts: two to four hours in all."""
_SET_ASIDE_S = 86400.0
"""Pause between the attempts for an object that is set aside."""
MANY = 5
"""If so many objects fail and no other comes, the whole source is probably at fault."""


@dataclass(slots=True)
class _Entry:
    """What is known about an object.

    Attributes:
        reason: Why the last attempt failed.
        attempts: Attempts that failed.
        next_attempt: Seconds since 1970 of the next one.
        others_fetched: Whether the source has given another object since.
    """

    reason: str
    attempts: int = 0
    next_attempt: float = 0.0
    others_fetched: bool = False


@dataclass(slots=True)
class Postponed:
    """The objects of a source, on the disk. Only one thread may change them.

    An object that fails again and again is set aside: it counts as failed, and is tried once a day and
    after each start, so that nothing is lost when the source works again.

    Attributes:
        name: Name of the source in messages.
        file: Where they are kept. It names objects as the source does, so it is as private as films.
        clock: Seconds since 1970.
    """

    name: str
    file: CursorFile
    clock: Callable[[], float] = time.time
    _entries: dict[str, _Entry] = field(default_factory=dict)
    _loaded: bool = False

    def load(self) -> None:
        """Reads the file, once.

        Raises:
            UsageError: It is damaged.
        """
        if self._loaded:
            return
        try:
            self._entries = {key: _Entry(**values) for key, values in self.file.load().items()}
        except TypeError as error:
            raise UsageError(
                f"{self.file.path}: the list of objects to fetch again is damaged",
                "Delete the file. The objects that it names are not fetched then.",
            ) from error
        for entry in self._entries.values():
            if self._is_set_aside(entry):
                entry.next_attempt = 0.0
        self._loaded = True

    def due(self) -> list[str]:
        """Objects to be tried now."""
        now = self.clock()
        # What would wait longer than the longest pause was entered before the clock was set back.
        return [
            key
            for key, entry in self._entries.items()
            if not now < entry.next_attempt <= now + _SET_ASIDE_S
        ]

    def counts(self) -> tuple[int, int]:
        """The numbers of objects that are tried again soon, and set aside. Any thread may ask."""
        entries = list(self._entries.values())
        aside = sum(self._is_set_aside(entry) for entry in entries)
        return len(entries) - aside, aside

    def note(self, key: str, reason: str, *, lasting: bool = False) -> None:
        """Notes an attempt that failed.

        Args:
            key: The object, as the source names it.
            reason: Why it failed, without the name of the object.
            lasting: Whether another attempt would fail for the same reason.
        """
        entry = self._entries.setdefault(key, _Entry(reason))
        entry.reason = reason
        entry.attempts = max(MOST_ATTEMPTS, entry.attempts) if lasting else entry.attempts + 1
        entry.others_fetched |= lasting
        aside = self._is_set_aside(entry)
        pause = _SET_ASIDE_S if aside else pause_s(entry.attempts, _FIRST_S, _LONGEST_S)
        entry.next_attempt = self.clock() + pause
        words = "set aside" if aside else "tried again later"
        _log.warning("pull: %s: an object is %s: %s", self.name, words, reason)
        self._save()

    def fetched(self, key: str) -> None:
        """Notes that an object was fetched, or is no longer in the source."""
        known = self._entries.pop(key, None)
        news = [entry for entry in self._entries.values() if not entry.others_fetched]
        for entry in news:
            entry.others_fetched = True
        if known is not None or news:
            self._save()

    def _is_set_aside(self, entry: _Entry) -> bool:
        alone = entry.others_fetched or len(self._entries) < MANY
        return alone and entry.attempts >= MOST_ATTEMPTS

    def _save(self) -> None:
        make_folder(self.file.path.parent, 0o700)
        self.file.save({key: asdict(entry) for key, entry in self._entries.items()})
