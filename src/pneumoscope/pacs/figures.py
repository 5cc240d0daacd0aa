"""What a node has, and what waits: read from spool, database and sources when somebody asks."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from pneumoscope.jobs.deliveries import Deliveries
from pneumoscope.jobs.tables import DONE, FAILED, OPEN, PENDING, Delivery, FilmRow
from pneumoscope.jobs.worklist import UNREAD, group_of
from pneumoscope.pacs.intake import OWNER

if TYPE_CHECKING:
    from pneumoscope.jobs.store import Store
    from pneumoscope.pacs.audit.node_log import NodeAuditLog
    from pneumoscope.pacs.audit.sender import SyslogSender
    from pneumoscope.pacs.pull.polling import Polling
    from pneumoscope.pacs.spool import Spool


@dataclass(frozen=True, slots=True)
class StoredFigures:
    """What the database says.

    Attributes:
        states: Films by state.
        labels: Films that are done, by verdict.
        oldest_s: Age of the oldest film that waits or is being read; None if there is none.
        deliveries: Deliveries by destination and state.
        oldest_results_s: Age of the oldest film whose result waits, by destination.
        failing: Results that wait after an attempt that failed, by destination.
        worklist: Films that have ended, by the group in which people should look at them, see `worklist`.
    """

    states: dict[str, int]
    labels: dict[str, int]
    oldest_s: float | None
    deliveries: dict[tuple[str, str], int]
    oldest_results_s: dict[str, float]
    failing: dict[str, int] = field(default_factory=dict)
    worklist: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Figures:
    """What a node has at one moment.

    Attributes:
        spool_films: Films that were received and are not in the database yet.
        spool_oldest_s: Age of the oldest of them, 0 if there is none.
        disk_bytes: Size of all films.
        stored: What the database says; None if it does not answer.
        postponed: Objects that a source does not give: tried again, and set aside; by source.
        failed_polls: Polls that have failed in a row, by source.
        has_room: Whether another film would be taken.
        audit_waiting: Audit messages that the syslog has not taken yet.
        audit_lost: Audit messages that are lost because too many waited.
        log_writable: Whether the last line of the audit log was written.
    """

    spool_films: int = 0
    spool_oldest_s: float = 0.0
    disk_bytes: int = 0
    stored: StoredFigures | None = None
    postponed: dict[str, tuple[int, int]] = field(default_factory=dict)
    failed_polls: dict[str, int] = field(default_factory=dict)
    has_room: bool = True
    audit_waiting: int = 0
    audit_lost: int = 0
    log_writable: bool = True


@dataclass(frozen=True, slots=True)
class FigureReader:
    """Reads figures.

    Attributes:
        spool: The spool.
        store: The database.
        polling: Fetches films; None if there are no sources.
        audit: Sends audit messages; None if the node makes none.
        log: The audit log; None if there is none.
    """

    spool: Spool
    store: Store
    polling: Polling | None = None
    audit: SyslogSender | None = None
    log: NodeAuditLog | None = None

    def read(self) -> Figures:
        """The figures now."""
        films = self.spool.films()
        oldest_s = 0.0
        if films:
            try:
                oldest_s = max(0.0, time.time() - films[0].stat().st_mtime)
            except FileNotFoundError:  # taken out meanwhile
                oldest_s = 0.0
        try:
            stored = self._stored()
        except SQLAlchemyError:
            stored = None
        polling, audit = self.polling, self.audit
        sources = () if polling is None else polling.sources
        return Figures(
            spool_films=len(films),
            spool_oldest_s=oldest_s,
            disk_bytes=self.spool.used_bytes(),
            stored=stored,
            postponed={each.settings.name: each.postponed.counts() for each in sources},
            failed_polls={} if polling is None else dict(polling.failures),
            has_room=self.spool.has_room(),
            audit_waiting=0 if audit is None else audit.waiting,
            audit_lost=0 if audit is None else audit.lost,
            log_writable=self.log is None or self.log.writable,
        )

    def _stored(self) -> StoredFigures:
        labels = (
            select(FilmRow.label, func.count())
            .where(FilmRow.owner == OWNER, FilmRow.label.is_not(None))
            .group_by(FilmRow.label)
        )
        oldest = select(func.min(FilmRow.created)).where(
            FilmRow.owner == OWNER, FilmRow.state.in_(OPEN)
        )
        results = (
            select(Delivery.destination, func.min(FilmRow.created))
            .join(FilmRow, FilmRow.id == Delivery.film)
            .where(Delivery.state == PENDING, FilmRow.state == DONE)
            .group_by(Delivery.destination)
        )
        failing = (
            select(Delivery.destination, func.count())
            .where(Delivery.state == PENDING, Delivery.attempts > 0)
            .group_by(Delivery.destination)
        )
        with Session(self.store.engine) as session:
            verdicts = {str(label): int(count) for label, count in session.execute(labels)}
            created = session.scalar(oldest)
            again = {str(name): int(count) for name, count in session.execute(failing)}
            waiting = {str(name): _age_s(first) for name, first in session.execute(results)}
            groups = {label: _group_of(session, label) for label in verdicts}
        states = self.store.counts(OWNER)
        worklist = Counter({UNREAD: states[FAILED]} if FAILED in states else {})
        for label, count in verdicts.items():
            worklist[groups[label]] += count
        return StoredFigures(
            states=states,
            labels=verdicts,
            oldest_s=None if created is None else _age_s(created),
            deliveries=Deliveries(self.store).counts(),
            oldest_results_s=waiting,
            failing=again,
            worklist=dict(worklist),
        )


class Rate:
    """How many films have ended lately. Safe to share between threads."""

    _WINDOW_S = 600.0

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._minutes: Counter[int] = Counter()
        self._lock = threading.Lock()

    def count(self) -> None:
        """Counts a film."""
        minute = int((time.monotonic() - self._started) // 60)
        with self._lock:
            self._minutes[minute] += 1
            for old in [each for each in self._minutes if each < minute - self._WINDOW_S / 60]:
                del self._minutes[old]

    def films_per_minute(self) -> float:
        """Films a minute in the last ten minutes, or since the start if that is later."""
        run_s = time.monotonic() - self._started
        first = int(max(0.0, run_s - self._WINDOW_S) // 60)
        with self._lock:
            films = sum(count for minute, count in self._minutes.items() if minute >= first)
        return films * 60.0 / max(60.0, run_s - 60.0 * first)


def _group_of(session: Session, label: str) -> str:
    """The group of the films with this verdict, by one of them: its bundle says what is positive."""
    query = select(FilmRow.result).where(FilmRow.owner == OWNER, FilmRow.label == label).limit(1)
    result = session.scalar(query) or {}
    return group_of({"label": label, "positive": result.get("positive")})


def _age_s(created: datetime) -> float:
    return max(0.0, (datetime.now(UTC) - created).total_seconds())
