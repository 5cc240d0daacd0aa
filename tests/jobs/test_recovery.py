"""Films that an earlier run left open, without a server; tests/serve/test_restart.py kills one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from grey_films import BRIGHT, DARK
from pneumoscope.jobs.recovery import Recovered, recover
from pneumoscope.jobs.requests import JobRequest, UploadedFile
from pneumoscope.jobs.tables import FAILED, RUNNING
from pneumoscope.records import Settings
from queue_parts import KEYS, Parts

REQUEST = JobRequest("ann", Settings("screen", profile=Path("site.toml")), bundle="second")


def interrupted(folder: Path, *, keep_films: bool) -> tuple[str, str]:
    """Two jobs of a run that ended before it read their films; the second is urgent."""
    parts = Parts(folder, keep_films=keep_films)
    key = KEYS.idempotency_key("1.2.3", "0" * 64)
    routine = parts.jobs.accept(REQUEST, [UploadedFile(*DARK, idempotency_key=key)])
    urgent = parts.jobs.accept(replace(REQUEST, priority=1), [UploadedFile(*BRIGHT)])
    begun = parts.store.of_job("ann", routine)[0].id
    parts.store.change([{"id": begun, "state": RUNNING}])
    parts.store.close()
    return routine, urgent


def test_films_that_were_kept_are_read_again_urgent_ones_first(tmp_path: Path) -> None:
    routine, urgent = interrupted(tmp_path, keep_films=True)
    parts = Parts(tmp_path, keep_films=True)
    assert recover(parts.jobs, parts.store, parts.film_store) == Recovered(2, 0)
    assert parts.queue.outstanding == 2
    films = [film for film, _ in parts.queue.take(8, 0)]
    assert [film.tag.job for film in films] == [urgent, routine]
    assert [film.data for film in films] == [BRIGHT[1], DARK[1]]
    assert {film.settings for film in films} == {REQUEST.settings}
    assert {film.bundle for film in films} == {"second"}
    parts.store.close()


def test_films_that_were_not_kept_are_reported_and_can_be_sent_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    jobs = interrupted(tmp_path, keep_films=False)
    parts = Parts(tmp_path)
    assert recover(parts.jobs, parts.store, parts.film_store) == Recovered(0, 2)
    assert parts.queue.outstanding == 0
    rows = [row for job in jobs for row in parts.store.of_job("ann", job)]
    assert {(row.state, row.error["code"]) for row in rows if row.error} == {
        (FAILED, "Interrupted")
    }
    assert [row.idempotency_key for row in rows] == [None, None]
    assert "0 films are read again, 2 are lost" in caplog.text
    parts.store.close()


def test_after_an_orderly_end_there_is_nothing_to_do(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    parts = Parts(tmp_path)
    assert recover(parts.jobs, parts.store, parts.film_store) == Recovered(0, 0)
    assert caplog.text == ""
    parts.store.close()
