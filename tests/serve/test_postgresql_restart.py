"""A server whose PostgreSQL is restarted."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from databases import PostgreSQL, postgresql_server
from grey_films import BRIGHT, DARK
from live import Live, serving
from pneumoscope.bundle import Bundle
from pneumoscope.errors import UsageError
from pneumoscope.jobs.database import open_engine
from pneumoscope.jobs.database_lock import DatabaseLock
from pneumoscope.serve.settings import ServeSettings

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def database() -> Iterator[PostgreSQL]:
    with postgresql_server() as server:
        yield server


@pytest.fixture(scope="module")
def live(
    database: PostgreSQL, tiny_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Live]:
    settings = ServeSettings(
        folder=tmp_path_factory.mktemp("state"), database=database.url,
        bundle=(str(tiny_bundle.path),), threads=1,
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as changed:
        changed.setattr("pneumoscope.serve.app._LOCK_S", 0.05)
        with serving(settings) as running:
            yield running


def wait(reached: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not reached():
        assert time.monotonic() < end
        time.sleep(0.02)


@contextmanager
def other_server(url: str) -> Iterator[None]:
    """Another server that takes the database's lock as soon as it can."""
    engine = open_engine(url)
    try:
        lock = DatabaseLock(engine)
        yield
        lock.release()
    finally:
        engine.dispose()


def test_the_lock_and_the_results_survive_a_restart(database: PostgreSQL, live: Live) -> None:
    before = live.read(BRIGHT)[0]
    database.stop()
    assert live.client.get("/api/v1/predictions").status_code == 503
    assert live.send(DARK).status_code == 503
    assert not live.services.lock.held()
    database.start()
    wait(lambda: live.send(DARK).status_code == 200)
    assert live.services.lock.held()
    with pytest.raises(UsageError, match="another server"), other_server(database.url):
        pass
    ids = [row["id"] for row in live.client.get("/api/v1/predictions").json()["predictions"]]
    assert before["id"] in ids


def test_a_server_that_was_slower_than_another_takes_no_films(
    database: PostgreSQL, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(DatabaseLock, "held", lambda _lock: True)  # it does not look meanwhile
        database.stop()
        database.start()
        other = other_server(database.url)
        other.__enter__()
    wait(lambda: live.send(DARK).status_code == 503)
    assert live.send(DARK).json()["code"] == "DatabaseInUse"
    other.__exit__(None, None, None)
    wait(lambda: live.send(DARK).status_code == 200)
