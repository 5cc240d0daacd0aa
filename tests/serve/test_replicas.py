"""Two servers behind HAProxy, as docs/how-to/serve.md says: each with a database, clients stay with theirs."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from databases import created, postgresql
from grey_films import BRIGHT, DARK
from live import serving
from pneumoscope.bundle import Bundle
from pneumoscope.serve.settings import ServeSettings
from test_restart import process, wait_ready

pytestmark = [pytest.mark.server, pytest.mark.slow]

GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "serve.md"
PREDICTIONS = "/api/v1/predictions"
AWAY = {502, 503}
"""What HAProxy says of a server that it does not reach."""


@contextmanager
def balanced(folder: Path, *servers: str) -> Iterator[str]:
    """The address of HAProxy with the configuration of the guide, without TLS, before servers."""
    program = shutil.which("haproxy", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.skip("haproxy is not installed")
    block = re.search(r"```haproxy\n(.+?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    lines = re.sub(r"bind .+", f"bind 127.0.0.1:{port}", block[1])
    for name, server in zip(("10.0.0.11:8000", "10.0.0.12:8000"), servers, strict=True):
        assert name in lines
        lines = lines.replace(name, server.removeprefix("http://"))
    lines = lines.replace("films.hospital.example", "127.0.0.1")
    lines = lines.replace(" ssl verify required ca-file /etc/ssl/hospital-ca.pem", "")
    configuration = folder / "haproxy.cfg"
    configuration.write_text(lines)
    proxy = subprocess.Popen([program, "-db", "-f", str(configuration)], stderr=subprocess.PIPE)
    try:
        end = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                assert time.monotonic() < end, proxy.poll()
                time.sleep(0.02)
        yield f"http://127.0.0.1:{port}"
    finally:
        proxy.terminate()
        proxy.communicate(timeout=60)


class Sender(threading.Thread):
    """A client that sends jobs of two films until it is stopped.

    Attributes:
        server: Name of its server, from HAProxy's cookie.
        jobs: Ids of the jobs that were accepted.
        statuses: Of all answers.
        broken: Connections that ended without an answer.
    """

    def __init__(self, url: str) -> None:
        super().__init__()
        self.client = httpx.Client(base_url=url, timeout=60)
        assert self.client.get("/readyz").status_code == 200
        self.server = self.client.cookies["replica"]
        self.jobs: list[str] = []
        self.statuses: Counter[int] = Counter()
        self.broken: list[str] = []
        self.stopped = threading.Event()

    def send(self) -> None:
        films = [("files", film) for film in (BRIGHT, DARK)]
        headers = {"Prefer": "respond-async"}
        try:
            answer = self.client.post(PREDICTIONS, files=films, headers=headers)
        except httpx.TransportError as error:
            self.broken.append(repr(error))
            return
        self.statuses[answer.status_code] += 1
        if answer.status_code == 202:
            self.jobs.append(answer.json()["job"]["id"])

    def run(self) -> None:
        while not self.stopped.wait(0.25):
            self.send()

    def stop(self) -> None:
        self.stopped.set()
        if self.ident is not None:
            self.join()
        self.client.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def databases(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """The URLs of two databases: SQLite files, or on one server of PostgreSQL."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'first.sqlite'}", f"sqlite:///{tmp_path / 'second.sqlite'}"
        return
    with postgresql() as url:
        yield url, created(url, "second")


def until(condition: object, sending: list[Sender]) -> None:
    """Waits until a condition holds for each sender."""
    end = time.monotonic() + 60
    while not all(condition(sender) for sender in sending):  # type: ignore[operator]
        assert time.monotonic() < end, [(s.statuses, s.broken) for s in sending]
        time.sleep(0.02)


def test_one_of_two_servers_is_killed_under_load_and_no_accepted_film_is_lost(
    tiny_bundle: Bundle, tmp_path: Path, databases: tuple[str, str]
) -> None:
    bundle = (str(tiny_bundle.path),)
    first, second = (
        ServeSettings(
            folder=tmp_path / name, database=url, bundle=bundle, threads=1, keep_films=True
        )
        for name, url in zip(("first", "second"), databases, strict=True)
    )
    (tmp_path / "first").mkdir()
    with serving(second) as other:
        options = ("--keep-films", "--database", databases[0])
        with process(tmp_path / "first", tiny_bundle, *options) as (url, server):
            wait_ready(url)
            with balanced(tmp_path, url, other.url) as address:
                sending = [Sender(address) for _ in range(2)]
                assert {sender.server for sender in sending} == {"a", "b"}
                for sender in sending:
                    sender.start()
                until(lambda sender: len(sender.jobs) >= 3, sending)
                server.send_signal(signal.SIGKILL)
                server.wait(30)
                before = {sender: sender.statuses[202] for sender in sending}
                on_first = [sender for sender in sending if sender.server == "a"]
                on_second = [sender for sender in sending if sender.server == "b"]
                until(lambda sender: AWAY & sender.statuses.keys(), on_first)
                until(lambda sender: sender.statuses[202] > before[sender] + 2, on_second)
                # Results of the server that is away are away, and are not said to be unknown.
                cookies = {"replica": "a"}
                job = httpx.get(f"{address}/api/v1/jobs/{on_first[0].jobs[0]}", cookies=cookies)
                assert job.status_code in AWAY
                newcomer = Sender(address)
                newcomer.send()
                for sender in (*sending, newcomer):
                    sender.stop()
                assert (newcomer.server, newcomer.statuses) == ("b", {202: 1})
        for sender in on_second:
            assert set(sender.statuses) <= {202, 429}
            assert not sender.broken
        for sender in on_first:
            assert set(sender.statuses) <= {202, 429, *AWAY}
            assert len(sender.broken) <= 1  # what was under way
        with serving(first) as again:
            for sender, live in [(s, again) for s in on_first] + [(s, other) for s in on_second]:
                for job in sender.jobs:
                    ended = live.finished(job)
                    assert (ended["state"], ended["done"]) == ("done", 2)
                    labels = [film["result"]["label"] for film in ended["predictions"]]
                    assert labels == ["PNEUMONIA", "NORMAL"]
