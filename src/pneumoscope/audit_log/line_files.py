"""Reads the end of a file of lines, and writes to it."""

from __future__ import annotations

import os
from pathlib import Path

_CHUNK = 65536


def last_line(path: Path) -> bytes:
    """The last whole line of a file, with its end; empty if there is none."""
    with path.open("rb") as stream:
        data = last_lines(stream.fileno(), stream.seek(0, os.SEEK_END))
    whole = data.rpartition(b"\n")[0]
    return whole.rpartition(b"\n")[2] + b"\n" if whole else b""


def last_lines(file: int, end: int) -> bytes:
    """The end of a file with at least one whole line, if it has one, and what a crash cut off."""
    data, start = b"", end
    while start and data.count(b"\n") < 2:
        start = max(0, start - _CHUNK)
        data = os.pread(file, end - start, start)
    return data


def write_all(file: int, data: bytes) -> None:
    """Writes all of the data to a file descriptor."""
    while data:
        data = data[os.write(file, data) :]
