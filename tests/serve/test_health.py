"""Whether a server runs, and its metrics."""

from __future__ import annotations

from grey_films import BRIGHT
from live import Live


def test_health_and_metrics_name_nobody(live: Live) -> None:
    assert live.client.get("/healthz").json() == {"status": "ok"}
    assert live.client.get("/readyz").json() == {"status": "ready"}
    record = live.read(("Doe^Jane.png", BRIGHT[1]), patient="MRN-PAT-4711-XYZ")[0]
    text = live.client.get("/metrics").text
    assert 'pneumoscope_films_total{label="PNEUMONIA"}' in text
    assert 'route="/api/v1/predictions"' in text
    for secret in ("Doe", "PAT-4711-XYZ", record["id"], "127.0.0.1"):
        assert secret not in text
