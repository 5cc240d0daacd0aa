"""The status of a DICOM node in the reading room: for administrators, from nowhere but the node."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest

from dripping import again_and_again
from in_process import Served, running_for
from pneumoscope.audit_log.log import LOG
from pneumoscope.bundle import Bundle
from pneumoscope.errors import UsageError
from pneumoscope.serve import node_status
from pneumoscope.serve.node_status import NodeNotReachable, NodeStatus
from pneumoscope.serve.settings import ServeSettings

STATUS = {"receiver_up": True, "destinations": {"archive": {"waiting": 3}}, "problems": []}
PATH = "/api/v1/node"


@contextmanager
def node(answer: bytes = json.dumps(STATUS).encode(), status: int = 200) -> Iterator[str]:
    """A node's status server with one answer; gives its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/status.json" else 404)
            self.send_header("Location", "/status.json")
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("end", ["", "/"])
def test_the_status_is_that_of_the_node(end: str) -> None:
    with node() as url:
        status = NodeStatus(f"{url}{end}")
        assert status.read() == STATUS
    with pytest.raises(NodeNotReachable, match="Connection refused"):
        status.read()


@pytest.mark.parametrize(
    ("answer", "status", "why"),
    [
        (b"", 302, "HTTP status 302"),
        (b"", 500, "HTTP status 500"),
        (b"<html>", 200, "no JSON"),
        (b"[" * 100_000, 200, "no JSON"),
        (b'{"status": "ok"}', 200, "no status of a node"),
        (b"[]", 200, "no status of a node"),
        (b" " * (2**20 + 1), 200, "too long"),
    ],
)
def test_what_is_no_status(answer: bytes, status: int, why: str) -> None:
    with node(answer, status) as url, pytest.raises(NodeNotReachable, match=why) as caught:
        NodeStatus(url).read()
    assert caught.value.hint


def test_a_node_that_does_not_answer_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(_: Any) -> None:
        raise TimeoutError("timed out")

    monkeypatch.setattr(HTTPConnection, "connect", connect)
    with pytest.raises(NodeNotReachable, match="its answer takes too long"):
        NodeStatus("http://127.0.0.1:9108").read()


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://10.1.2.3:9108", "without encryption"),
        ("file:///etc/passwd", "is not the URL"),
        ("127.0.0.1:9108", "is not the URL"),
        ("http://127.0.0.1:x", "is not the URL"),
        ("http://127.0.0.1:0", "is not the URL"),
        ("http://me:secret@127.0.0.1", "is not the URL"),
        ("http://[::1", "is not the URL"),
        ("", "is not the URL"),
    ],
)
def test_a_url_that_is_none_or_is_not_safe(url: str, why: str) -> None:
    with pytest.raises(UsageError, match=why) as caught:
        NodeStatus(url)
    assert caught.value.hint


def test_urls_of_this_machine_and_encrypted_ones() -> None:
    for url in ("http://localhost:9108", "http://[::1]:9108/", "https://node.example/status/"):
        NodeStatus(url)


@contextmanager
def with_accounts(folder: Path, bundle: Bundle, url: str) -> Iterator[Served]:
    """A server with an administrator and an operator."""
    settings = ServeSettings(folder=folder, bundle=(str(bundle.path),), threads=1, node=url)
    with running_for({"ada": "admin", "otto": "operator"}, settings) as server:
        yield server


def test_administrators_see_it_and_nobody_else(tiny_bundle: Bundle, tmp_path: Path) -> None:
    with ExitStack() as node_runs:
        url = node_runs.enter_context(node())
        with with_accounts(tmp_path, tiny_bundle, url) as server:
            ada, otto = server.cookie("ada"), server.cookie("otto")
            assert server("GET", PATH).status_code == 401
            assert server("GET", PATH, cookie=otto).status_code == 403
            assert server("GET", PATH, cookie=ada).json() == STATUS
            assert server("GET", "/api/v1/settings", cookie=otto).json()["node"] is True
            node_runs.close()
            answer = server("GET", PATH, cookie=ada)
            german = server("GET", PATH, cookie=ada, headers={"Accept-Language": "de"})
    assert answer.status_code == 502
    assert "does not answer" in answer.text
    assert "der DICOM-Knoten antwortet nicht: die Verbindung wurde abgelehnt" in german.text
    lines = [json.loads(line) for line in (tmp_path / LOG).read_text().splitlines()]
    # It concerns no patient; that somebody was refused is noted.
    assert [(e["what"], e["status"]) for e in lines if "node" in e["what"]] == [
        ("GET /api/v1/node", 403)
    ]


HEAD = b"HTTP/1.1 200 OK\r\n\r\n{"


@pytest.mark.parametrize("begins", [b"", HEAD], ids=["head", "body"])
def test_a_status_that_drips_is_given_up(monkeypatch: pytest.MonkeyPatch, begins: bytes) -> None:
    """Each page of an administrator would occupy a thread of the server without end."""
    monkeypatch.setattr(node_status, "_LONGEST_S", 0.3)
    server = again_and_again(lambda line: line.sendall(begins), lambda line: line.sendall(b" "))
    with server as url, pytest.raises(NodeNotReachable, match="its answer takes too long"):
        NodeStatus(url).read()


def test_the_time_of_a_status_begins_before_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    connect, now = http.client.HTTPConnection.connect, 0.0

    def connect_slowly(self: http.client.HTTPConnection) -> None:
        nonlocal now
        connect(self)
        now = node_status._LONGEST_S

    monkeypatch.setattr(http.client.HTTPConnection, "connect", connect_slowly)
    monkeypatch.setattr(node_status, "time", SimpleNamespace(monotonic=lambda: now))
    server = again_and_again(lambda line: None, lambda line: None)
    with server as url, pytest.raises(NodeNotReachable, match="its answer takes too long"):
        NodeStatus(url).read()
