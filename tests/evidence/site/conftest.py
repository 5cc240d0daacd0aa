from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """30 dark normal films and 30 bright ones with pneumonia."""
    pytest.importorskip("scipy", reason="needs the [evidence] extra")
    from site_films import levels, site_data

    return site_data(tmp_path / "ward", levels(30, 90, 1), levels(30, 170, 2))
