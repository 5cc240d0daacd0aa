from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture
def quick() -> Iterator[None]:
    """Plots are drawn, but not turned into pixels."""
    from report_pages import cheap

    with cheap():
        yield
