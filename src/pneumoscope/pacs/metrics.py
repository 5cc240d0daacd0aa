"""Metrics of a node for Prometheus; they contain no names, UIDs or addresses of senders."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import prometheus_client as prometheus
from prometheus_client.core import GaugeMetricFamily

from pneumoscope.film_metrics import FilmMetrics
from pneumoscope.pacs.figures import Figures, Rate
from pneumoscope.pacs.status import status_json
from pneumoscope.pacs.status_server import StatusServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pneumoscope.jobs.tables import FilmRow
    from pneumoscope.pacs.figures import FigureReader


class NodeMetrics(FilmMetrics):
    """The metrics of one node."""

    def __init__(self) -> None:
        super().__init__()
        self._server: StatusServer | None = None
        self._watched: _Watched | None = None
        self._started = time.monotonic()
        self._numbers: Counter[str] = Counter()
        self._rate = Rate()
        common = self.common
        self._received = prometheus.Counter(
            "node_received", "Answers to C-STORE, by status.", ("status",), **common
        )
        self._bytes = prometheus.Counter("node_received_bytes", "Bytes of stored films.", **common)
        self._rejected = prometheus.Counter(
            "node_rejected",
            "Connections and associations that were refused.",
            ("reason",),
            **common,
        )
        self._restarts = prometheus.Counter(
            "node_receiver_restarts", "Restarts of the receiver.", **common
        )
        self._accepted = prometheus.Counter(
            "node_films_taken", "Films taken from the spool, by what became of them.", ("what",),
            **common,
        )  # fmt: skip
        self._attempts = prometheus.Counter(
            "node_deliveries", "Attempts to deliver results.", ("destination", "outcome"), **common
        )
        self._up = prometheus.Gauge("node_receiver_up", "Whether the receiver runs.", **common)

    def receiver(self, kind: str, details: dict[str, Any]) -> None:
        """Counts a message of the receiver, see `Receiver`."""
        if kind in ("stored", "refused", "restarted"):
            self._numbers[kind] += 1
        if kind == "stored":
            self._received.labels("0000").inc()
            self._bytes.inc(details["bytes"])
        elif kind == "refused":
            self._received.labels(details["status"]).inc()
        elif kind == "rejected":
            self._rejected.labels(details["reason"]).inc()
        elif kind == "restarted":
            self._restarts.inc()

    def film_taken(self, outcome: str) -> None:
        """Counts a film that left the spool."""
        self._accepted.labels(outcome).inc()

    def film(self, row: FilmRow) -> None:
        """Counts a film that has ended."""
        super().film(row)
        self._rate.count()

    def attempt(self, destination: str, outcome: str) -> None:
        """Counts an attempt to deliver a result."""
        self._attempts.labels(destination, outcome.replace(" ", "_")).inc()

    def watch(
        self, figures: FigureReader, alive: Callable[[], bool], destinations: Sequence[str] = ()
    ) -> None:
        """Reads spool, database and sources whenever metrics or status are read.

        Args:
            figures: Reads them.
            alive: Called without arguments: whether the receiver runs.
            destinations: Names of the destinations in the configuration.
        """
        self._up.set_function(lambda: float(alive()))
        self.registry.register(_Waiting(figures))
        self._watched = _Watched(figures, alive, tuple(destinations))

    def status(self) -> dict[str, Any]:
        """What the status page shows; only what was counted until `watch` is called."""
        counted = {
            "running_s": round(time.monotonic() - self._started),
            "receiver_up": False,
            "receiver_restarts": self._numbers["restarted"],
            "received": self._numbers["stored"],
            "refused": self._numbers["refused"],
            "films_per_minute": round(self._rate.films_per_minute(), 2),
        }
        watched = self._watched
        if watched is None:  # the node is starting
            return status_json(Figures(), (), counted)
        counted["receiver_up"] = watched.alive()
        return status_json(watched.figures.read(), watched.destinations, counted)

    def serve(self, port: int) -> int:
        """Serves metrics and status on this machine; returns the TCP port.

        Raises:
            UsageError: It cannot listen there.
        """
        self._server = StatusServer(port, self.registry, self.status)
        return self._server.port

    def stop(self) -> None:
        """Stops serving the metrics."""
        if self._server is not None:
            self._server.stop()


class _Watched(NamedTuple):
    """What the status is read from, see `NodeMetrics.watch`."""

    figures: FigureReader
    alive: Callable[[], bool]
    destinations: Sequence[str]


class _Waiting:
    """What waits, measured when it is asked for."""

    def __init__(self, figures: FigureReader) -> None:
        self._figures = figures

    def describe(self) -> list[Any]:
        """Nothing: the values are measured only when metrics are read."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The measured values."""
        figures = self._figures.read()
        for name, text, value in (
            ("spool_films", "Films that wait in the spool.", figures.spool_films),
            ("spool_oldest_seconds", "Age of the oldest film there.", figures.spool_oldest_s),
            ("disk_bytes", "Size of received films.", figures.disk_bytes),
            ("audit_waiting", "Audit messages that wait for the syslog.", figures.audit_waiting),
        ):
            yield GaugeMetricFamily(f"pneumoscope_node_{name}", text, value)
        family = GaugeMetricFamily(
            "pneumoscope_node_pull_postponed",
            "Objects that sources do not give: tried again, or set aside.",
            labels=["source", "state"],
        )
        for source, (again, set_aside) in figures.postponed.items():
            family.add_metric([source, "again"], again)
            family.add_metric([source, "set_aside"], set_aside)
        yield family
        family = GaugeMetricFamily(
            "pneumoscope_node_pull_failures",
            "Polls of a source that have failed in a row.",
            labels=["source"],
        )
        for source, failures in figures.failed_polls.items():
            family.add_metric([source], failures)
        yield family
        stored = figures.stored
        if stored is None:  # these metrics are missing, the others are not
            return
        family = GaugeMetricFamily(
            "pneumoscope_node_films", "Films in the database.", labels=["state"]
        )
        for state, count in sorted(stored.states.items()):
            family.add_metric([state], count)
        yield family
        yield GaugeMetricFamily(
            "pneumoscope_node_oldest_waiting_seconds",
            "Age of the oldest film in the database that has no result yet.",
            stored.oldest_s or 0.0,
        )
        family = GaugeMetricFamily(
            "pneumoscope_node_deliveries_now",
            "Deliveries in the database.",
            labels=["destination", "state"],
        )
        for (destination, state), count in sorted(stored.deliveries.items()):
            family.add_metric([destination, state.replace(" ", "_")], count)
        yield family
