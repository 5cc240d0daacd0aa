"""Metrics for Prometheus; they contain no names, ids or addresses."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from pneumoscope.jobs.queue import FilmQueue
    from pneumoscope.jobs.tables import FilmRow

_SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60)
_FILMS = (1, 2, 4, 8, 16, 32)
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class Metrics:
    """The metrics of one server."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        common: dict[str, Any] = {"registry": self._registry, "namespace": "pneumoscope"}
        self._requests = Counter(
            "http_requests", "Requests.", ("method", "route", "status"), **common
        )
        self._seconds = Histogram(
            "http_request_seconds", "Time to the answer's first byte.", ("method", "route"),
            buckets=_SECONDS, **common,
        )  # fmt: skip
        self._films = Counter("films", "Films that were read, by verdict.", ("label",), **common)
        self._failed = Counter(
            "films_failed", "Films without a result, by code.", ("code",), **common
        )
        self._batch = Histogram("batch_films", "Films in a run.", buckets=_FILMS, **common)
        self._batch_s = Histogram("batch_seconds", "Time of a run.", buckets=_SECONDS, **common)
        self._outstanding = Gauge("queue_films", "Films accepted and not finished.", **common)

    def film(self, row: FilmRow) -> None:
        """Counts a film that has ended."""
        if row.error is not None:
            self._failed.labels(row.error["code"]).inc()
        else:
            self._films.labels(row.label).inc()

    def batch(self, films: int, seconds: float) -> None:
        """Counts a run of the network."""
        self._batch.observe(films)
        self._batch_s.observe(seconds)

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
        return generate_latest(self._registry), CONTENT_TYPE_LATEST


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
