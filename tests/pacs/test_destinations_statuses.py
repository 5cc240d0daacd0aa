"""What the statuses of an archive mean for a delivery."""

from __future__ import annotations

import pytest

from pneumoscope.pacs.destinations.statuses import is_permanent, is_stored, is_warning


@pytest.mark.parametrize(
    ("status", "stored", "warning", "permanent"),
    [
        (0x0000, True, False, False),
        (0x0111, True, False, False),  # duplicate
        (0xB000, True, True, False),
        (0xB007, True, True, False),
        (0x0110, False, False, False),  # processing failure
        (0x0124, False, False, False),  # not authorised
        (0xA700, False, False, False),  # out of resources
        (0x0122, False, False, True),
        (0xA900, False, False, True),
        (0xC000, False, False, True),
        (0xCFFF, False, False, True),
        (0xD000, False, False, False),
    ],
)
def test_statuses(status: int, stored: bool, warning: bool, permanent: bool) -> None:
    assert (is_stored(status), is_warning(status), is_permanent(status)) == (
        stored,
        warning,
        permanent,
    )
