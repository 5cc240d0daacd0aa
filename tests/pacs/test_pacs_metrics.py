"""Metrics of a node: what came in, what waits, what went out; nothing that identifies anybody."""

from __future__ import annotations

import urllib.request
from pathlib import Path

import pytest

pytest.importorskip("pynetdicom", reason="needs the [pacs] extra")

from prometheus_client import generate_latest

from pneumoscope.errors import UsageError
from pneumoscope.pacs.config import DiskLimits
from pneumoscope.pacs.destinations.connection_settings import HttpSettings
from pneumoscope.pacs.destinations.errors import DeliveryFailed
from pneumoscope.pacs.figures import FigureReader
from pneumoscope.pacs.metrics import NodeMetrics
from pneumoscope.pacs.pull.polling import Polling
from pneumoscope.pacs.pull.settings import PullSettings
from pneumoscope.pacs.pull.sources import open_sources
from pneumoscope.pacs.spool import Spool
from stored_results import Results


def lines(metrics: NodeMetrics) -> list[str]:
    text = generate_latest(metrics.registry).decode()
    return [line for line in text.splitlines() if not line.startswith("#")]


def test_what_happens_is_counted(tmp_path: Path) -> None:
    results, spool = Results(tmp_path), Spool(tmp_path / "spool", DiskLimits())
    metrics = NodeMetrics()
    (source,) = open_sources(
        [PullSettings("ward", "orthanc", HttpSettings("http://127.0.0.1"))], tmp_path
    )
    source.postponed.note("an id", "answers 406")
    source.postponed.note("PLANTED", "too large", lasting=True)
    metrics.watch(
        FigureReader(spool, results.store, Polling([source], lambda _film: None)), lambda: True
    )
    metrics.receiver("stored", {"bytes": 1000})
    metrics.receiver("refused", {"status": "A700", "ae_title": "PLANTED", "address": "10.9.8.7"})
    metrics.receiver("rejected", {"reason": "association", "ae_title": "PLANTED"})
    metrics.receiver("restarted", {})
    metrics.receiver("committed", {"transaction": "1.2"})
    metrics.film_taken("duplicate")
    metrics.attempt("archive", "given up")
    metrics.batch(3, 0.2)
    for row in results.store.history("node", 1):
        metrics.film(row)
    spool.put("1.2.3", [b"waiting film"])
    results.deliveries.record_failure(results.add("archive"), "archive", DeliveryFailed("x"), None)
    results.add("archive")
    shown = lines(metrics)
    for line in (
        'pneumoscope_node_received_total{status="0000"} 1.0',
        'pneumoscope_node_received_total{status="A700"} 1.0',
        "pneumoscope_node_received_bytes_total 1000.0",
        'pneumoscope_node_rejected_total{reason="association"} 1.0',
        "pneumoscope_node_receiver_restarts_total 1.0",
        'pneumoscope_node_films_taken_total{what="duplicate"} 1.0',
        'pneumoscope_node_deliveries_total{destination="archive",outcome="given_up"} 1.0',
        "pneumoscope_node_receiver_up 1.0",
        "pneumoscope_node_spool_films 1.0",
        "pneumoscope_node_disk_bytes 12.0",
        'pneumoscope_node_pull_postponed{source="ward",state="again"} 1.0',
        'pneumoscope_node_pull_failures{source="ward"} 0.0',
        'pneumoscope_node_pull_postponed{source="ward",state="set_aside"} 1.0',
        'pneumoscope_node_films{state="done"} 2.0',
        'pneumoscope_node_deliveries_now{destination="archive",state="given_up"} 1.0',
        'pneumoscope_node_deliveries_now{destination="archive",state="pending"} 1.0',
    ):
        assert line in shown
    assert not any("PLANTED" in line or "10.9.8.7" in line for line in shown)
    results.store.close()


def test_metrics_are_served_on_this_machine(tmp_path: Path) -> None:
    metrics = NodeMetrics()
    port = metrics.serve(0)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        assert b"pneumoscope_node_receiver_up" in answer.read()
    with pytest.raises(UsageError, match=f"port {port} for the metrics"):
        NodeMetrics().serve(port)
    metrics.stop()
