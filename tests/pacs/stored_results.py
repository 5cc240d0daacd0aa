"""Results in a database, and destinations that fail as often as a test wants."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pneumoscope.jobs.deliveries import Deliveries, new_deliveries
from pneumoscope.jobs.film_store import FilmStore
from pneumoscope.jobs.keys import Keys
from pneumoscope.jobs.requests import JobRequest, UploadedFile
from pneumoscope.jobs.rows import new_rows, values
from pneumoscope.jobs.store import Store
from pneumoscope.jobs.tables import DONE, Delivery, FilmRow, new_id, now
from pneumoscope.pacs.config import DeliveryLimits
from pneumoscope.pacs.delivery import DeliveryLoop
from pneumoscope.pacs.destinations.base import Check, StoredFilm
from pneumoscope.records import Settings

KEYS = Keys(bytes(range(32)))
FAST = DeliveryLimits(attempts=4, first_pause_s=0.01, longest_pause_s=0.02)
PATIENCE_S = 30.0


@dataclass
class Target:
    """A destination that fails as often as a test wants."""

    name: str
    fails: Callable[[int], Exception | None] = lambda _call: None
    got: list[str] = field(default_factory=list)
    calls: int = 0
    prepared: list[str] = field(default_factory=list)
    rounds: list[int] = field(default_factory=list)

    def prepare(self, film: StoredFilm) -> None:
        self.prepared.append(film.id)

    @contextmanager
    def sending(self) -> Iterator[Callable[[StoredFilm], None]]:
        self.rounds.append(0)
        yield self._send_in_round

    def _send_in_round(self, film: StoredFilm) -> None:
        self.rounds[-1] += 1
        self.send(film)

    def send(self, film: StoredFilm) -> None:
        self.calls += 1
        if (error := self.fails(self.calls)) is not None:
            raise error
        assert film.film == b"film"
        assert film.result == {"label": "NORMAL"}
        self.got.append(film.id)

    def check(self) -> Check:
        return Check(ok=True, text="")


class Results:
    """A database with results that are done."""

    def __init__(self, folder: Path, database: str = "x.sqlite") -> None:
        self.store = Store(f"sqlite:///{folder / database}")
        self.films = FilmStore(0, KEYS, folder / "films")
        self.deliveries = Deliveries(self.store)
        self.counted: list[tuple[str, str]] = []
        self.ended = threading.Condition()

    def add(self, *destinations: str, priority: int = 0, keep: bool = True) -> str:
        request = JobRequest("node", Settings(), priority=priority)
        job = new_id()
        (row,) = new_rows(request, [UploadedFile("film", b"film")], job, KEYS)
        row.state, row.result = DONE, {"label": "NORMAL"}
        if keep:
            self.films.keep(row.id, b"film")
        job_row = {"id": job, "owner": "node", "created": now(), "total": 1}
        self.store.accept(job_row, [values(row)], new_deliveries([row.id], destinations))
        return row.id

    def count(self, destination: str, outcome: str) -> None:
        with self.ended:
            self.counted.append((destination, outcome))
            self.ended.notify_all()

    def wait(self, number: int, outcome: str) -> None:
        with self.ended:
            assert self.ended.wait_for(
                lambda: [o for _, o in self.counted].count(outcome) >= number, PATIENCE_S
            )

    def of(self, film: str) -> dict[str, Delivery]:
        return {each.destination: each for each in self.deliveries.of_film("node", film)}

    @contextmanager
    def loop(
        self,
        *targets: Target,
        limits: DeliveryLimits = FAST,
        record: Callable[[Delivery, FilmRow, str], object] = lambda *_: None,
        keep: bool = False,
    ) -> Iterator[DeliveryLoop]:
        named = {target.name: target for target in targets}
        loop = DeliveryLoop(
            self.deliveries,
            self.films,
            named,
            limits,
            self.count,
            record=record,
            keep_films=keep,
        )
        try:
            yield loop
        finally:
            assert loop.stop(PATIENCE_S)
