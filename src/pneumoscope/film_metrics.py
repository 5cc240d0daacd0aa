"""Metrics for Prometheus that every program with a queue has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Counter, Histogram

if TYPE_CHECKING:
    from pneumoscope.jobs.tables import FilmRow

SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60)
"""Limits of the classes of times."""
_FILMS = (1, 2, 4, 8, 16, 32)


class FilmMetrics:
    """Counts films and runs of the network.

    Attributes:
        registry: With every metric.
        common: Arguments of every metric.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.common: dict[str, Any] = {"registry": self.registry, "namespace": "pneumoscope"}
        self._films = Counter(
            "films", "Films that were read, by verdict.", ("label",), **self.common
        )
        self._failed = Counter(
            "films_failed", "Films without a result, by code.", ("code",), **self.common
        )
        self._batch = Histogram("batch_films", "Films in a run.", buckets=_FILMS, **self.common)
        self._batch_s = Histogram("batch_seconds", "Time of a run.", buckets=SECONDS, **self.common)

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
