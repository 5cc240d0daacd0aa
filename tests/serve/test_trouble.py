"""Failures outside the films: the database refuses, the disk is full, results are deleted."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from grey_films import BRIGHT, DARK
from live import Live, serving
from pneumoscope.bundle import Bundle
from pneumoscope.errors import DiskFull
from pneumoscope.serve.settings import ServeSettings

LATER = {"Prefer": "respond-async"}


@pytest.fixture(scope="module")
def live(tiny_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server that keeps films, reads one at a time and takes four."""
    settings = ServeSettings(
        folder=tmp_path_factory.mktemp("state"), bundle=(str(tiny_bundle.path),), threads=1,
        keep_films=True, max_batch_size=1, queue=4,
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as changed:
        changed.setattr("pneumoscope.serve.app._RETRY_S", 0.05)
        with serving(settings) as running:
            yield running


@pytest.fixture(autouse=True)
def empty(live: Live) -> None:
    live.client.delete("/api/v1/predictions")


@contextmanager
def held_back(live: Live) -> Iterator[threading.Event]:
    """No film is started before the event is set; it is set at the end of the block."""
    go, batcher = threading.Event(), live.services.batcher
    hooks = batcher._hooks

    def held(films: Any) -> None:
        assert go.wait(30)
        hooks.begin(films)

    batcher._hooks = replace(hooks, begin=held)
    try:
        yield go
    finally:
        go.set()
        batcher._hooks = hooks


def refusing(times: int, does: Callable[..., Any]) -> Callable[..., Any]:
    left = [None] * times

    def refuses(*given: Any) -> Any:
        if left:
            left.pop()
            raise OperationalError("UPDATE", {}, Exception("database is locked"))
        return does(*given)

    return refuses


def test_a_job_ends_when_the_database_can_be_written_again(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    with held_back(live) as go:
        job = live.send(BRIGHT, DARK, headers=LATER).json()["job"]["id"]
        store = live.services.store
        monkeypatch.setattr(store, "change", refusing(4, store.change))
        go.set()
        labels = [film["result"]["label"] for film in live.finished(job)["predictions"]]
        assert labels == ["PNEUMONIA", "NORMAL"]


def test_a_job_whose_run_fails_unforeseen_is_reported(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("unforeseen")

    monkeypatch.setattr("pneumoscope.jobs.service.enter_outcome", broken)
    job = live.send(BRIGHT, headers=LATER).json()["job"]["id"]
    films = live.finished(job)["predictions"]
    assert [film["error"]["code"] for film in films] == ["ServerFault"]


def test_results_that_cannot_be_stored_are_not_given_out(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = live.services.store
    monkeypatch.setattr(store, "add", refusing(1, store.add))
    answer = live.send(BRIGHT)
    assert (answer.status_code, answer.json()["code"]) == (503, "NotStored")
    assert answer.headers["retry-after"]
    assert live.services.renderer.film_store.ids() == set()
    assert live.send(BRIGHT).status_code == 200
    monkeypatch.setattr(store, "accept", refusing(1, store.accept))
    answer = live.send(BRIGHT, headers=LATER)
    assert (answer.status_code, answer.json()["code"]) == (503, "NotStored")
    assert live.services.queue.outstanding == 0


def test_a_full_disk_takes_no_job_and_keeps_no_half(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    film_store, folder = live.services.renderer.film_store, live.services.settings.folder
    keep, kept = film_store.keep, list[str]()

    def full(id_: str, film: bytes) -> None:
        if kept:
            raise DiskFull(str(folder / "films" / id_))
        kept.append(id_)
        keep(id_, film)

    monkeypatch.setattr(film_store, "keep", full)
    answer = live.send(BRIGHT, DARK, headers=LATER)
    assert (answer.status_code, answer.json()["code"]) == (507, "NoRoom")
    assert str(folder) not in answer.text
    assert list((folder / "films").iterdir()) == []
    # A film that is answered at once is shown nevertheless, and held in memory.
    record = live.read(BRIGHT)[0]
    assert live.client.get(record["links"]["film"]).status_code == 200


def test_results_deleted_while_their_job_runs(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    subscribed, events = threading.Event(), live.services.events
    subscribe = events.subscribed

    @contextmanager
    def announced(job: str) -> Iterator[asyncio.Queue[str]]:
        with subscribe(job) as queue:
            subscribed.set()
            yield queue

    monkeypatch.setattr(events, "subscribed", announced)

    def counted() -> float:
        text = live.client.get("/metrics").text
        match = re.search(r'pneumoscope_films_total\{label="PNEUMONIA"\} (\S+)', text)
        return float(match[1]) if match else 0

    before = counted()
    with held_back(live) as go:
        answer = live.send(*[BRIGHT] * 4, headers=LATER)
        job = answer.json()["job"]["id"]
        names: list[tuple[str, Any]] = []
        listening = threading.Thread(target=lambda: names.extend(live.events(job)))
        listening.start()
        assert subscribed.wait(30)
        assert live.client.delete("/api/v1/predictions").json() == {"deleted": 4}
        listening.join(30)  # although the first film is still being read
        assert [name for name, _ in names] == ["end"]
        assert names[0][1]["job"] == answer.json()["job"] | {"state": "done", "done": 4}
        go.set()
        with live.services.queue._changed:
            assert live.services.queue._changed.wait_for(
                lambda: live.services.queue.outstanding == 0, 30
            )
        assert live.services.renderer.film_store.ids() == set()
        assert counted() <= before + 1  # the rest were not read


def test_nobody_cancels_anothers_job(live: Live) -> None:
    with held_back(live) as go:
        job = live.send(BRIGHT, headers=LATER).json()["job"]["id"]
        live.services.jobs.cancel("somebody else", job)
        go.set()
        assert live.finished(job)["predictions"][0]["state"] == "done"


def test_a_request_larger_than_the_queue_passes_alone(live: Live) -> None:
    assert live.send(*[DARK] * 5).status_code == 200
