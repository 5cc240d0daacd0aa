"""What an archive's status or reason says about an object (PS3.4 B.2.3, PS3.7 C, PS3.18 I)."""

from __future__ import annotations

DUPLICATE = 0x0111
"""Failure: duplicate SOP instance (PS3.7 C.5.8); the archive has the object."""
REFUSED_CLASS = 0x0122
"""Refused: SOP class not supported (PS3.7 C.5.6)."""
PERMANENT = (0xA9, *range(0xC0, 0xD0))
"""First bytes of statuses with which the same object would fail again: the data set does not match its
class, or cannot be understood (PS3.4 B.2.3)."""
WARNING = 0xB
"""First digit of warnings: the object was stored."""


def is_warning(status: int) -> bool:
    """Whether the object was stored, although not as it was sent."""
    return status >> 12 == WARNING


def is_stored(status: int) -> bool:
    """Whether the archive has the object."""
    return status in (0, DUPLICATE) or is_warning(status)


def is_permanent(status: int) -> bool:
    """Whether the same object would fail again."""
    return status == REFUSED_CLASS or status >> 8 in PERMANENT
