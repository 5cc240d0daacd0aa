"""Films are counted by verdict or error, and runs of the network by size and time."""

from __future__ import annotations

import pytest

pytest.importorskip("prometheus_client", reason="needs the [serve] or [pacs] extra")

from prometheus_client import generate_latest

from pneumoscope.film_metrics import FilmMetrics
from pneumoscope.jobs.tables import FilmRow


def test_what_is_read_is_counted() -> None:
    metrics = FilmMetrics()
    for label in ("NORMAL", "NORMAL", "PNEUMONIA"):
        metrics.film(FilmRow(label=label))
    metrics.film(FilmRow(error={"code": "TruncatedImage"}))
    metrics.batch(3, 0.03)
    lines = generate_latest(metrics.registry).decode().splitlines()
    for line in (
        'pneumoscope_films_total{label="NORMAL"} 2.0',
        'pneumoscope_films_total{label="PNEUMONIA"} 1.0',
        'pneumoscope_films_failed_total{code="TruncatedImage"} 1.0',
        'pneumoscope_batch_films_bucket{le="2.0"} 0.0',
        'pneumoscope_batch_films_bucket{le="4.0"} 1.0',
        'pneumoscope_batch_seconds_bucket{le="0.05"} 1.0',
    ):
        assert line in lines
