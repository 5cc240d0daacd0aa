"""Metrics of a node for Prometheus; they contain no names, UIDs or addresses of senders."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from prometheus_client import Counter, Gauge, start_http_server
from prometheus_client.core import GaugeMetricFamily
from sqlalchemy.exc import SQLAlchemyError

from pneumoscope.errors import UsageError
from pneumoscope.files import cause
from pneumoscope.film_metrics import FilmMetrics
from pneumoscope.jobs.deliveries import Deliveries
from pneumoscope.pacs.intake import OWNER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from threading import Thread
    from wsgiref.simple_server import WSGIServer

    from pneumoscope.jobs.store import Store
    from pneumoscope.pacs.pull.sources import Source
    from pneumoscope.pacs.spool import Spool

HOST = "127.0.0.1"


class NodeMetrics(FilmMetrics):
    """The metrics of one node."""

    def __init__(self) -> None:
        super().__init__()
        self._server: tuple[WSGIServer, Thread] | None = None
        common = self.common
        self._received = Counter(
            "node_received", "Answers to C-STORE, by status.", ("status",), **common
        )
        self._bytes = Counter("node_received_bytes", "Bytes of stored films.", **common)
        self._rejected = Counter(
            "node_rejected",
            "Connections and associations that were refused.",
            ("reason",),
            **common,
        )
        self._restarts = Counter("node_receiver_restarts", "Restarts of the receiver.", **common)
        self._accepted = Counter(
            "node_films_taken", "Films taken from the spool, by what became of them.", ("what",),
            **common,
        )  # fmt: skip
        self._attempts = Counter(
            "node_deliveries", "Attempts to deliver results.", ("destination", "outcome"), **common
        )
        self._up = Gauge("node_receiver_up", "Whether the receiver runs.", **common)

    def receiver(self, what: str, details: dict[str, Any]) -> None:
        """Counts a message of the receiver, see `Receiver`."""
        if what == "stored":
            self._received.labels("0000").inc()
            self._bytes.inc(details["bytes"])
        elif what == "refused":
            self._received.labels(details["status"]).inc()
        elif what == "rejected":
            self._rejected.labels(details["reason"]).inc()
        elif what == "restarted":
            self._restarts.inc()

    def taken(self, what: str) -> None:
        """Counts a film that left the spool."""
        self._accepted.labels(what).inc()

    def attempt(self, destination: str, outcome: str) -> None:
        """Counts an attempt to deliver a result."""
        self._attempts.labels(destination, outcome.replace(" ", "_")).inc()

    def watch(
        self,
        spool: Spool,
        store: Store,
        alive: Callable[[], bool],
        sources: Sequence[Source] = (),
    ) -> None:
        """Reads spool, database and sources whenever the metrics are read.

        Args:
            spool: The spool.
            store: The database.
            alive: Called without arguments: whether the receiver runs.
            sources: Servers that films are fetched from.
        """
        self._up.set_function(lambda: float(alive()))
        self.registry.register(_Waiting(spool, store, sources))

    def serve(self, port: int) -> int:
        """Serves the metrics on this machine; returns the TCP port.

        Raises:
            UsageError: It cannot listen there.
        """
        try:
            self._server = start_http_server(port, HOST, self.registry)
        except OSError as error:
            raise UsageError(
                f"cannot listen on {HOST} port {port} for the metrics: {cause(error)}",
                "Choose another metrics_port.",
            ) from None
        return int(self._server[0].server_port)

    def stop(self) -> None:
        """Stops serving the metrics."""
        if self._server is not None:
            server, thread = self._server
            server.shutdown()
            server.server_close()
            thread.join()


class _Waiting:
    """What waits, measured when it is asked for."""

    def __init__(self, spool: Spool, store: Store, sources: Sequence[Source]) -> None:
        self._spool = spool
        self._store = store
        self._sources = sources

    def describe(self) -> list[Any]:
        """Nothing: the values are measured only when metrics are read."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The measured values."""
        films = self._spool.films()
        yield GaugeMetricFamily(
            "pneumoscope_node_spool_films", "Films that wait in the spool.", len(films)
        )
        oldest_s = 0.0
        if films:
            try:
                oldest_s = max(0.0, time.time() - films[0].stat().st_mtime)
            except FileNotFoundError:
                oldest_s = 0.0
        yield GaugeMetricFamily(
            "pneumoscope_node_spool_oldest_seconds", "Age of the oldest film there.", oldest_s
        )
        yield GaugeMetricFamily(
            "pneumoscope_node_disk_bytes", "Size of received films.", self._spool.used_bytes()
        )
        family = GaugeMetricFamily(
            "pneumoscope_node_pull_postponed",
            "Objects that sources do not give: tried again, or set aside.",
            labels=["source", "state"],
        )
        for source in self._sources:
            again, set_aside = source.postponed.counts()
            family.add_metric([source.settings.name, "again"], again)
            family.add_metric([source.settings.name, "set_aside"], set_aside)
        yield family
        try:
            states = self._store.counts(OWNER)
            counts = Deliveries(self._store).counts()
        except SQLAlchemyError:  # these metrics are missing, the others are not
            return
        family = GaugeMetricFamily(
            "pneumoscope_node_films", "Films in the database.", labels=["state"]
        )
        for state, count in sorted(states.items()):
            family.add_metric([state], count)
        yield family
        family = GaugeMetricFamily(
            "pneumoscope_node_deliveries_now",
            "Deliveries in the database.",
            labels=["destination", "state"],
        )
        for (destination, state), count in sorted(counts.items()):
            family.add_metric([destination, state.replace(" ", "_")], count)
        yield family
