"""Metrics and status are served on this machine, and only read."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator

import pytest

pytest.importorskip("pynetdicom", reason="needs the [pacs] extra")

from pneumoscope.errors import UsageError
from pneumoscope.pacs import status_server
from pneumoscope.pacs.metrics import NodeMetrics
from pneumoscope.pacs.status_server import StatusServer


@pytest.fixture(scope="module")
def server() -> Iterator[StatusServer]:
    metrics = NodeMetrics()
    running = StatusServer(0, metrics.registry, metrics.status)
    yield running
    running.stop()


def answer(server: StatusServer, path: str, method: str = "GET") -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request(method, path)
    return connection.getresponse()


def test_page_json_and_metrics(server: StatusServer) -> None:
    page = answer(server, "/")
    assert page.status == 200
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert page.headers["Cache-Control"] == "no-store"
    assert b"<h1>pneumoscope node</h1>" in page.read()
    status = json.load(answer(server, "/status.json"))
    assert (status["received"], status["receiver_up"]) == (0, False)
    assert b"pneumoscope_node_receiver_up 0.0" in answer(server, "/metrics").read()


def test_a_metric_alone_is_read_without_the_others() -> None:
    metrics = NodeMetrics()
    metrics.attempt("archive", "delivered")

    class Unreadable:
        def read(self) -> None:
            raise AssertionError("the database is read")

    metrics.watch(Unreadable(), lambda: True)  # type: ignore[arg-type]
    running = StatusServer(0, metrics.registry, metrics.status)
    try:
        body = answer(running, "/metrics?name[]=pneumoscope_node_deliveries_total").read()
    finally:
        running.stop()
    values = [line for line in body.decode().splitlines() if not line.startswith("#")]
    assert values == [
        'pneumoscope_node_deliveries_total{destination="archive",outcome="delivered"} 1.0'
    ]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("POST", "/", 405), ("DELETE", "/metrics", 405), ("GET", "/x", 404), ("HEAD", "/", 200)],
)
def test_nothing_else(server: StatusServer, method: str, path: str, status: int) -> None:
    assert answer(server, path, method).status == status


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:9104", 200), ("localhost", 200), ("[::1]:9104", 200),
        ("evil.example:9104", 421), ("127.0.0.1.evil.example", 421), ("[", 421), ("", 421),
    ],
)  # fmt: skip
def test_a_name_that_another_site_has_pointed_here_is_refused(
    server: StatusServer, host: str, status: int
) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request("GET", "/status.json", headers={"Host": host})
    answer = connection.getresponse()
    assert answer.status == status
    assert (b"received" in answer.read()) == (status == 200)


def test_a_visitor_that_says_nothing_stops_no_other(server: StatusServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port)):
        assert answer(server, "/").status == 200


def test_a_port_that_is_taken_is_named(server: StatusServer) -> None:
    with pytest.raises(UsageError, match=f"port {server.port} for the metrics"):
        StatusServer(server.port, NodeMetrics().registry, dict)


@pytest.fixture
def of_one(monkeypatch: pytest.MonkeyPatch) -> Iterator[StatusServer]:
    """A server of one connection, which lasts half a second."""
    monkeypatch.setattr(status_server, "_MOST_CONNECTIONS", 1)
    monkeypatch.setattr(status_server, "_TIMEOUT_S", 0.5)
    metrics = NodeMetrics()
    running = StatusServer(0, metrics.registry, metrics.status)
    yield running
    running.stop()


@pytest.mark.parametrize("sent", [b"", b"GET / HT"])
def test_a_program_that_says_nothing_occupies_a_thread_for_a_while_only(
    of_one: StatusServer, sent: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.create_connection(("127.0.0.1", of_one.port), 20) as silent:
        silent.sendall(sent)
        with socket.create_connection(("127.0.0.1", of_one.port), 20) as second:
            assert second.recv(1) == b""  # there is one already
        assert silent.recv(1) == b""
    free = of_one._server._free  # type: ignore[attr-defined]
    assert free.acquire(timeout=20)
    free.release()
    assert answer(of_one, "/").status == 200
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("without", ["process_request_thread", "_shut_down"])
def test_a_connection_without_a_thread_leaves_its_place(
    of_one: StatusServer, without: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, refused = threading.Thread.start, list[threading.Thread]()

    def start_all_but_one(thread: threading.Thread) -> None:
        act = getattr(thread, "function", None) or thread._target
        if not refused and getattr(act, "__name__", "") == without:
            refused.append(thread)
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_all_but_one)
    with socket.create_connection(("127.0.0.1", of_one.port), 20) as line:
        assert line.recv(1) == b""
    free = of_one._server._free  # type: ignore[attr-defined]
    assert free.acquire(timeout=20)
    free.release()
    assert refused
    assert answer(of_one, "/").status == 200
