"""Servers for the tests of the reading room."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pneumoscope.bundle import Bundle

for module in ("fastapi", "uvicorn", "sqlalchemy", "httpx", "prometheus_client"):
    pytest.importorskip(module, reason="needs the [serve] extra")

from kept_decoders import kept_decoders
from live import Live, serving
from pneumoscope.serve.settings import Limits, ServeSettings
from two_populations import children_and_adults


@pytest.fixture(scope="session", autouse=True)
def _kept_decoders() -> Iterator[None]:
    with kept_decoders():
        yield


@pytest.fixture(scope="session")
def live(tiny_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """One server for the tests of all modules; each looks at its own films only."""
    folder = tmp_path_factory.mktemp("state")
    settings = ServeSettings(
        folder=folder,
        bundle=(str(tiny_bundle.path),),
        threads=1,
        sync_limit=3,
        limits=Limits(max_body_bytes=2**20, max_files=6, archive_bytes=2**20),
    )
    with serving(settings) as running:
        yield running


@pytest.fixture(scope="session")
def page_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server of the shipped bundle, for the tests of the page."""
    folder = tmp_path_factory.mktemp("page")
    with serving(ServeSettings(folder=folder, threads=1)) as running:
        yield running


@pytest.fixture(scope="session")
def quick_server(tiny_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server of the tiny bundle, which reads a film in a millisecond; modules delete its films."""
    folder = tmp_path_factory.mktemp("quick")
    with serving(
        ServeSettings(folder=folder, bundle=(str(tiny_bundle.path),), threads=1)
    ) as running:
        yield running


@pytest.fixture
def visit(browser: Any, page_server: Live) -> Iterator[Any]:
    """The page with an empty history; it must report no error and ask no other server for anything."""
    from visit import Visit

    page_server.client.delete("/api/v1/predictions")
    visiting = Visit(browser, page_server.url)
    yield visiting
    visiting.close()
    assert not visiting.complaints
    assert all(url.startswith(page_server.url) for url in visiting.requests)


@pytest.fixture(scope="module")
def bundles_of_both(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Bundle]:
    """Bundles for children and adults, see `two_populations`."""
    return children_and_adults(tmp_path_factory.mktemp("bundles"))


@pytest.fixture(scope="module")
def both(
    bundles_of_both: dict[str, Bundle], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Live]:
    """A server of these bundles."""
    settings = ServeSettings(
        folder=tmp_path_factory.mktemp("state"),
        bundle=tuple(str(bundle.path) for bundle in bundles_of_both.values()),
        threads=1,
    )
    with serving(settings) as running:
        yield running


@pytest.fixture
def small(tiny_bundle: Bundle, tmp_path: Path) -> ServeSettings:
    """Settings for a test that starts its own servers."""
    return ServeSettings(folder=tmp_path / "state", bundle=(str(tiny_bundle.path),), threads=1)
