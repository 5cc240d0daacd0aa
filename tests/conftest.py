"""Fixtures for the whole suite."""

from __future__ import annotations

import asyncio
import os

# Before NumPy is imported. Several test processes share the cores: a thread of linear algebra would
# wait until the other one gets its turn, for each of thousands of small products. So would those of
# scikit-learn (OpenMP) and TensorFlow.
for _threads in (
    "OPENBLAS_NUM_THREADS",
    "OMP_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
):
    os.environ.setdefault(_threads, "1")

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from drawn import drawn_set
from pneumoscope.bundle import Bundle, write_bundle
from tiny import findings_meta, tiny_files, tiny_meta

pytest_plugins = ["marks"]
ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def films_dir() -> Path:
    """The folder of real films, or a skip with the reason."""
    path = Path(os.environ.get("PNEUMOSCOPE_DATA") or ROOT.parent / "shared" / "data")
    if not path.is_dir():
        pytest.skip("no real films: PNEUMOSCOPE_DATA is not set")
    return path


@pytest.fixture(scope="session", autouse=True)
def _copied_tables() -> Iterator[None]:
    """See `new_tables`; where no test uses a database, nothing loads SQLAlchemy."""
    if "pneumoscope.jobs.migrations" not in sys.modules:
        yield
        return
    from new_tables import copied_tables

    with copied_tables():
        yield


@pytest.fixture(scope="session")
def _chromium() -> Iterator[Any]:
    """Chromium through Playwright, and Playwright's event loop; or a skip with the reason."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    # Without windows Chromium needs half of the processor time.
    names = ("chromium-headless-shell", "chromium", "google-chrome")
    program = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if not program:
        pytest.skip("no chromium: CHROMIUM is not set")
    with playwright.sync_playwright() as started:
        running = started.chromium.launch(executable_path=program, args=["--no-sandbox"])
        loop = asyncio.get_running_loop()
        asyncio._set_running_loop(None)
        yield running, loop
        asyncio._set_running_loop(loop)
        running.close()


@pytest.fixture(scope="module")
def browser(_chromium: Any) -> Iterator[Any]:
    """Chromium, which starts each module without a page, cookies or files that it has kept.

    Between its calls Playwright's event loop counts as running in this thread, and `asyncio.run` would
    refuse to start another: so not between modules.
    """
    running, loop = _chromium
    asyncio._set_running_loop(loop)
    yield running
    for context in running.contexts:
        context.close()
    asyncio._set_running_loop(None)


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    folder = tmp_path_factory.mktemp("tiny")
    return write_bundle(folder / "bundle", tiny_meta(), tiny_files(folder / "parts"))


@pytest.fixture(scope="session")
def lungs_bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The tiny bundle with a lung field: bright cells are lungs."""
    folder = tmp_path_factory.mktemp("lungs")
    return write_bundle(folder / "bundle", tiny_meta(), tiny_files(folder / "parts", lungs=True))


@pytest.fixture(scope="session")
def findings_bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The tiny network with three findings in place of three classes."""
    folder = tmp_path_factory.mktemp("findings")
    return write_bundle(
        folder / "bundle", findings_meta(), tiny_files(folder / "parts", last="Sigmoid")
    )


@pytest.fixture
def film_files(tmp_path: Path) -> Path:
    """A folder with a dark film (NORMAL for the tiny bundle) and a bright one (PNEUMONIA)."""
    folder = tmp_path / "films"
    folder.mkdir()
    Image.fromarray(np.full((240, 260), 51, np.uint8)).save(folder / "dark.png")
    Image.fromarray(np.full((300, 224), 204, np.uint8)).save(folder / "bright.png")
    return folder


@pytest.fixture(scope="session")
def _drawn_films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return drawn_set(tmp_path_factory.mktemp("drawn") / "films")


@pytest.fixture
def films_folder(_drawn_films: Path, tmp_path: Path) -> Path:
    """A data folder in the Kermany layout with 64 drawn films, which the test may change."""
    return shutil.copytree(_drawn_films, tmp_path / "films")
