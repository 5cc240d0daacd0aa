from __future__ import annotations

import os
from pathlib import Path

import pytest

from drawn import drawn_set

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@pytest.fixture
def films_folder(tmp_path: Path) -> Path:
    return drawn_set(tmp_path / "films")
