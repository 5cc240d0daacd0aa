"""A real Orthanc for tests, or a skip with the reason."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import orthanc_loopback
from orthanc_loopback import PASSWORD, USER, Orthanc, free_ports

__all__ = ["PASSWORD", "USER", "Orthanc", "free_ports", "orthanc"]


@contextmanager
def orthanc(folder: Path, **options: Any) -> Iterator[Orthanc]:
    """See `orthanc_loopback.orthanc`."""
    try:
        with orthanc_loopback.orthanc(folder, **options) as running:
            yield running
    except orthanc_loopback.Missing as missing:
        pytest.skip(str(missing))
