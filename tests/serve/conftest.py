"""Servers for the tests of the reading room."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pneumoscope.bundle import Bundle

for module in ("fastapi", "uvicorn", "sqlalchemy", "httpx", "prometheus_client"):
    pytest.importorskip(module, reason="needs the [serve] extra")

from live import Live, serving
from pneumoscope.serve.settings import Limits, ServeSettings


@pytest.fixture(scope="module")
def live(tiny_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """One server for the tests of a module; each looks at its own films only."""
    folder = tmp_path_factory.mktemp("state")
    settings = ServeSettings(
        folder=folder,
        bundle=tiny_bundle.path,
        threads=1,
        sync_limit=3,
        limits=Limits(max_body_bytes=2**20, max_files=6, archive_bytes=2**20),
    )
    with serving(settings) as running:
        yield running


@pytest.fixture
def small(tiny_bundle: Bundle, tmp_path: Path) -> ServeSettings:
    """Settings for a test that starts servers of its own."""
    return ServeSettings(folder=tmp_path / "state", bundle=tiny_bundle.path, threads=1)
