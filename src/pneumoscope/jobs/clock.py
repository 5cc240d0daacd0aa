"""A clock that does not jump: what is deleted by age is deleted by this one.

The system's clock may jump, by a wrong setting or a flat battery. Then everything would seem to be old.
This clock begins with the system's time, if that follows the last known time closely enough, and then
goes on by the time since the machine's start, which never jumps.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from pneumoscope.jobs.database import changed_rows
from pneumoscope.jobs.tables import Base, FilmRow, now

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine

MOST_OFF_S = 7 * 86400.0
"""A system's clock that is further ahead of the last known time than this is not believed."""
TOLERANCE_S = 600.0
"""Differences up to this come from setting the clock by the network."""
_ID = 1


class ClockRow(Base):
    """The last known time; one row at most."""

    __tablename__ = "clock"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    time: Mapped[float]


def steady_s() -> float:
    """Seconds since the machine was started, where possible including the time in which it slept."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


def system_s() -> float:
    """Seconds since 1970 by the system's clock."""
    return now().timestamp()


class SteadyClock:
    """The clock.

    Args:
        engine: The database; its tables exist.
        last_known: A time that is known from elsewhere, such as of the last line of the audit log; used
            only before this clock has stored a time, because the system's clock may have been wrong
            when that line was written.
        system: Seconds since 1970.
        steady: Seconds of a clock that never jumps.
    """

    def __init__(
        self,
        engine: Engine,
        last_known: float | None = None,
        system: Callable[[], float] = system_s,
        steady: Callable[[], float] = steady_s,
    ) -> None:
        self._engine = engine
        self._system = system
        self._steady = steady
        known = self._stored()
        if known is None:
            others = [time for time in (last_known, self._newest()) if time is not None]
            # Every film has left a line, unless the log is elsewhere.
            known = max(others) if last_known is not None else None
        self._since = steady()
        self._base = system()
        # A system's clock behind the known time is believed: less seems to be old.
        if known is not None and self._base - known > MOST_OFF_S:
            self._base = known

    def now(self) -> float:
        """Seconds since 1970 by this clock."""
        steady = self._base + self._steady() - self._since
        system = self._system()
        if abs(system - steady) <= TOLERANCE_S:  # follows small corrections
            self._base, self._since = system, self._steady()
            return system
        stored = self._stored()  # somebody may have declared the system's clock right
        if stored is not None and abs(system - stored) <= TOLERANCE_S:
            self._base, self._since = system, self._steady()
            return system
        return steady

    def ahead_s(self) -> float:
        """Seconds by which the system's clock is ahead of this one; 0 within the tolerance.

        Negative if it is behind this one or behind the last known time.
        """
        system = self._system()
        ahead = system - self.now()
        if abs(ahead) > TOLERANCE_S:
            return ahead
        stored = self._stored()
        return system - stored if stored is not None and system < stored - TOLERANCE_S else 0.0

    def keep(self) -> None:
        """Stores this time as the last known one, unless that is later."""
        time, stored = self.now(), self._stored()
        if stored is None or time > stored:
            self._store(time)

    def believe_system(self) -> None:
        """Declares the system's clock right, for this process and for a running server."""
        self._base, self._since = self._system(), self._steady()
        self._store(self._base)

    def _stored(self) -> float | None:
        with Session(self._engine) as db:
            return db.scalar(select(ClockRow.time).where(ClockRow.id == _ID))

    def _newest(self) -> float | None:
        with Session(self._engine) as db:
            newest = db.scalar(select(func.max(FilmRow.created)))
        return None if newest is None else newest.timestamp()

    def _store(self, value: float) -> None:
        with Session(self._engine) as db, db.begin():
            statement = update(ClockRow).where(ClockRow.id == _ID).values(time=value)
            if not changed_rows(db, statement):
                db.execute(insert(ClockRow).values(id=_ID, time=value))
