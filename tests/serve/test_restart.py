"""A server that is killed, or ended by a signal, while films wait."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from grey_films import BRIGHT, DARK, film
from live import serving
from pneumoscope.bundle import Bundle
from pneumoscope.errors import UsageError
from pneumoscope.jobs.keys import open_keys
from pneumoscope.jobs.tables import FilmRow
from pneumoscope.serve.services import open_services
from pneumoscope.serve.settings import ServeSettings

pytestmark = pytest.mark.server


@contextmanager
def process(
    folder: Path, bundle: Bundle, *options: str
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """`pneumoscope serve` as a user starts it, and its address."""
    command = [sys.executable, "-m", "pneumoscope", "serve", "--port", "0", "--threads", "1"]
    command += ["--folder", str(folder), "--bundle", str(bundle.path), *options]
    if "--keep-films" in options:
        open_keys(folder)  # makes a key; films are kept only with a named one
        command += ["--key", str(folder / "key")]
    started = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        assert started.stderr is not None
        line = started.stderr.readline()
        address = re.search(r"http://127\.0\.0\.1:\d+", line)
        assert address, line + started.stderr.read()
        yield address[0], started
    finally:
        if started.poll() is None:
            started.kill()
        started.communicate(timeout=30)


def freeze_decoders(server: subprocess.Popen[str]) -> list[int]:
    """Stops the children of a server, so that no film ends before the server is killed."""
    frozen = []
    for task in Path(f"/proc/{server.pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            os.kill(int(child), signal.SIGSTOP)
            frozen.append(int(child))
    return frozen


needs_proc = pytest.mark.skipif(
    not Path(f"/proc/self/task/{os.getpid()}/children").exists(), reason="needs Linux's /proc"
)


@needs_proc
@pytest.mark.parametrize("keep", [False, True])
def test_every_accepted_film_is_finished_or_reported_after_kill_9(
    tiny_bundle: Bundle, tmp_path: Path, keep: bool
) -> None:
    options = ["--keep-films"] if keep else []
    films = [("files", film) for film in (BRIGHT, DARK) * 10]
    with process(tmp_path, tiny_bundle, *options) as (url, server):
        wait_ready(url)
        frozen = freeze_decoders(server)
        answer = httpx.post(
            f"{url}/api/v1/predictions",
            files=films,
            headers={"Prefer": "respond-async"},
            timeout=60,
        )
        assert answer.status_code == 202
        job = answer.json()["job"]["id"]
        server.send_signal(signal.SIGKILL)
        server.wait(30)
        for child in frozen:
            os.kill(child, signal.SIGCONT)
    settings = ServeSettings(
        folder=tmp_path, bundle=(str(tiny_bundle.path),), threads=1, keep_films=keep
    )
    with serving(settings) as live:
        ended = live.finished(job)
        assert (ended["state"], ended["done"]) == ("done", 20)
        if keep:
            labels = [film["result"]["label"] for film in ended["predictions"]]
            assert labels == ["PNEUMONIA", "NORMAL"] * 10
        else:
            assert {film["error"]["code"] for film in ended["predictions"]} == {"Interrupted"}


def wait_ready(url: str) -> None:
    # The socket listens before the model is loaded: the first request waits for the start.
    assert httpx.get(f"{url}/readyz", timeout=60).json() == {"status": "ready"}


@pytest.mark.parametrize("end", [os.kill, os.killpg], ids=["process", "group"])
def test_a_server_that_is_told_to_end_finishes_its_jobs(
    tiny_bundle: Bundle, tmp_path: Path, end: Callable[[int, int], None]
) -> None:
    films = [("files", ("large.png", film(51, 2000, 2000)))] * 16  # decoding takes a while
    with process(tmp_path, tiny_bundle) as (url, server):
        wait_ready(url)
        answer = httpx.post(
            f"{url}/api/v1/predictions",
            files=films,
            headers={"Prefer": "respond-async"},
            timeout=60,
        )
        job = answer.json()["job"]["id"]
        end(server.pid, signal.SIGTERM)  # service managers signal every process of the group
        assert server.wait(60) == 0
    with serving(
        ServeSettings(folder=tmp_path, bundle=(str(tiny_bundle.path),), threads=1)
    ) as live:
        ended = live.client.get(f"/api/v1/jobs/{job}").json()
        assert {film["state"] for film in ended["predictions"]} == {"done"}


def test_a_second_server_leaves_the_jobs_of_the_first_alone(small: ServeSettings) -> None:
    with serving(small) as live:
        with pytest.raises(UsageError, match="another server"):
            open_services(small)
        assert live.send(DARK).status_code == 200


def test_films_are_kept_sealed_and_go_with_their_results(small: ServeSettings) -> None:
    with serving(replace(small, keep_films=True)) as live:
        record = live.read(BRIGHT)[0]
    stored = small.folder / "films" / record["id"]
    assert BRIGHT[1][:8] not in stored.read_bytes()
    with serving(replace(small, keep_films=True)) as live:
        assert live.client.get(record["links"]["film"]).status_code == 200
        live.client.delete(record["links"]["self"])
    assert not stored.exists()


def test_what_a_kill_left_half_written_is_swept_on_the_start(small: ServeSettings) -> None:
    part = small.folder / "films" / f".{'a' * 32}.1.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"half of a film")
    with serving(replace(small, keep_films=True)):
        assert not part.exists()


def test_without_kept_films_a_restart_keeps_results_only(small: ServeSettings) -> None:
    with serving(small) as live:
        record = live.read(BRIGHT)[0]
    with serving(small) as live:
        again = live.client.get(record["links"]["self"]).json()
        assert again == record
        answer = live.client.get(record["links"]["film"])
        assert (answer.status_code, answer.json()["code"]) == (404, "FilmNotHeld")
        assert live.client.get(record["links"]["heatmap"]).status_code == 200
        assert live.client.get(record["links"]["pdf"]).content[:5] == b"%PDF-"


def test_cancelling_a_job_ends_what_has_not_begun(small: ServeSettings) -> None:
    with serving(replace(small, max_batch_size=1)) as live:
        jobs, batcher = live.services.jobs, live.services.batcher
        begun, go = threading.Event(), threading.Event()
        begin = jobs.begin

        def held(films: object) -> None:
            begin(films)  # type: ignore[arg-type]
            begun.set()
            assert go.wait(30)

        batcher._hooks = type(batcher._hooks)(held, jobs.finish)
        answer = live.send(BRIGHT, DARK, DARK, headers={"Prefer": "respond-async"})
        job = answer.json()["job"]["links"]["self"]
        assert begun.wait(30)
        cancelled = live.client.delete(job).json()
        assert (cancelled["total"], cancelled["done"], cancelled["failed"]) == (3, 2, 2)
        go.set()
        films = live.finished(job.rsplit("/", 1)[1])["predictions"]
        assert [film["state"] for film in films] == ["done", "failed", "failed"]
        assert films[1]["error"]["code"] == "Cancelled"


def test_a_film_that_ends_while_somebody_looks_is_told(
    small: ServeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(small) as live:
        jobs, store, go = live.services.jobs, live.services.store, threading.Event()
        begin, of_job, batcher = jobs.begin, store.of_job, live.services.batcher
        queue = live.services.queue

        def held(films: object) -> None:
            assert go.wait(30)
            begin(films)  # type: ignore[arg-type]

        def stale(owner: str, job: str) -> list[FilmRow]:
            rows = of_job(owner, job)
            go.set()
            with queue._changed:
                assert queue._changed.wait_for(lambda: queue.outstanding == 0, 30)
            return rows

        batcher._hooks = type(batcher._hooks)(held, jobs.finish)
        answer = live.send(BRIGHT, DARK, headers={"Prefer": "respond-async"})
        monkeypatch.setattr(store, "of_job", stale)
        names = [name for name, _ in live.events(answer.json()["job"]["id"])]
        assert names == ["progress", "progress", "end"]


def test_a_full_queue_answers_429(small: ServeSettings) -> None:
    with serving(replace(small, queue=2)) as live:
        queue = live.services.queue
        queue.reserve(2, 0)
        answer = live.send(DARK)
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) >= 1
        assert answer.json()["code"] == "Busy"
        assert live.send(DARK, headers={"Prefer": "respond-async"}).status_code == 429
        queue.release(2, 0)
        assert live.send(DARK).status_code == 200
        queue.drain()
        answer = live.client.get("/readyz")
        assert (answer.status_code, answer.json()["code"]) == (503, "ShuttingDown")
        assert answer.headers["retry-after"]
