from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import short_networks
from drawn import drawn_set

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@pytest.fixture(scope="session")
def few_films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """32 drawn films in the Kermany layout, for trainings that need not learn anything."""
    return drawn_set(tmp_path_factory.mktemp("few") / "films", normal=12, pneumonia=20)


@pytest.fixture(scope="module")
def few_blocks() -> Iterator[None]:
    """See `short_networks`."""
    with short_networks.few_blocks():
        yield
