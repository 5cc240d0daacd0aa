"""A reserve on the server's disk, so that results can be deleted although it is full.

To delete needs some room first: for a line of the audit log, and for the database's own log.
"""

from __future__ import annotations

import shutil
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from pneumoscope.files import claim

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME = "reserve"
SIZE_BYTES = 16 * 2**20
"""Far more than the deletion of a portion of results writes, see `PORTION`."""
PORTION = 200
"""Results that are deleted at a time: each has some 20 kB, which SQLite overwrites through its log."""


def keep_reserve(folder: Path) -> None:
    """Makes the reserve if it is missing and there is room enough."""
    path = folder / NAME
    with suppress(OSError):
        if not path.exists() and shutil.disk_usage(folder).free > 2 * SIZE_BYTES:
            path.touch(mode=0o600)
            claim(path, SIZE_BYTES)


@contextmanager
def room_to_delete(folder: Path) -> Iterator[None]:
    """Gives up the reserve for this block if the disk is almost full, and makes it again afterwards."""
    path = folder / NAME
    if path.exists() and shutil.disk_usage(folder).free < SIZE_BYTES:
        path.unlink(missing_ok=True)  # another deletion may do the same
        try:
            yield
        finally:
            keep_reserve(folder)
    else:
        yield
