"""Films on the disk that nothing needs are deleted, and no others."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("cryptography", reason="needs the [serve] extra")

from pneumoscope.errors import DecoderFailed, TruncatedImage
from pneumoscope.jobs.deliveries import Deliveries, new_deliveries
from pneumoscope.jobs.film_store import FilmStore
from pneumoscope.jobs.kept_films import drop_orphans, drop_unneeded
from pneumoscope.jobs.keys import Keys
from pneumoscope.jobs.requests import JobRequest, UploadedFile
from pneumoscope.jobs.rows import new_rows, values
from pneumoscope.jobs.store import Store
from pneumoscope.jobs.tables import DONE, FAILED, QUEUED, new_id, now
from pneumoscope.records import Settings

KEYS = Keys(bytes(range(32)))


class Kept:
    """A database, and films on the disk."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(f"sqlite:///{folder / 'x.sqlite'}")
        self.films = FilmStore(0, KEYS, folder / "films")

    def add(self, state: str, error: dict[str, str] | None = None) -> str:
        job = new_id()
        [row] = new_rows(JobRequest("a", Settings()), [UploadedFile("film", b"film")], job, KEYS)
        row.state, row.error = state, error
        self.films.keep(row.id, b"film")
        columns = {"id": job, "owner": "a", "created": now(), "total": 1}
        self.store.accept(columns, [values(row)], new_deliveries([row.id], ["archive"]))
        return row.id


def test_only_what_nothing_needs_is_deleted(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    delivered, pending, queued = kept.add(DONE), kept.add(DONE), kept.add(QUEUED)
    damaged = kept.add(FAILED, TruncatedImage("film").as_dict())
    late = kept.add(FAILED, DecoderFailed("film", "it died").as_dict())
    orphan = "f" * 32
    kept.films.keep(orphan, b"film")
    Deliveries(kept.store).record_success(delivered, "archive")
    drop_unneeded(kept.store, kept.films)
    assert kept.films.ids() == {pending, queued, late, orphan}
    assert damaged not in kept.films.ids()
    drop_orphans(kept.store, kept.films)
    assert kept.films.ids() == {pending, queued, late}
    kept.store.close()
