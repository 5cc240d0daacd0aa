"""Metrics for Prometheus; they contain no names, ids or addresses."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from prometheus_client import Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from pneumoscope.film_metrics import SECONDS, FilmMetrics

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from pneumoscope.jobs.queue import FilmQueue

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class Metrics(FilmMetrics):
    """The metrics of one server."""

    def __init__(self) -> None:
        super().__init__()
        common = self.common
        self._requests = Counter(
            "http_requests", "Requests.", ("method", "route", "status"), **common
        )
        self._seconds = Histogram(
            "http_request_seconds", "Time to the answer's first byte.", ("method", "route"),
            buckets=SECONDS, **common,
        )  # fmt: skip
        self._outstanding = Gauge("queue_films", "Films accepted and not finished.", **common)

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Counts a request by the template of its route."""
        method = method if method in _METHODS else "other"
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)

    def watch(self, queue: FilmQueue) -> None:
        """Reads the length of the queue whenever the metrics are read."""
        self._outstanding.set_function(lambda: queue.outstanding)

    def text(self) -> tuple[bytes, str]:
        """All metrics, and their media type."""
        return generate_latest(self.registry), CONTENT_TYPE_LATEST


class RequestMetrics:
    """Middleware that counts requests."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()

        async def counting_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                # The template, not the path: a path contains ids, or anything a client sends.
                route = getattr(scope.get("route"), "path", "other")
                seconds = time.perf_counter() - started
                self._metrics.request(scope["method"], route, message["status"], seconds)
            await send(message)

        await self._app(scope, receive, counting_send)
