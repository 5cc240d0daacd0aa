"""Parts of uncompressed pixels that were erased: runs of zeros, or of bits that are all 1.

A copy that breaks off leaves zeros in a file that had its full size before, and a failed sector reads
as zeros or ones. Such a run knows nothing of rows, so it mostly begins and ends within them. The borders
of films, which shutters and padding make, run along rows, or cross several of them: a run that begins
with a row is never called erased. False alarms are worse than misses here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope.errors import UnreadableImage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_LEAST_PIXELS = 4
"""Pixels of a row on either side of the place where the film breaks off, at least: fewer show nothing."""
_JUMP = 4.0
"""How many usual steps between two rows the step into the run is, at least."""
_STEP = 8
"""One row in so many is probed; where it is blank, those around it are looked at."""
_ROWS = 16
"""Rows before the run that show where the film lies in a row."""
_MOST_SLANTED = 0.98
"""Share of their pixels that the film has in all of them, at least."""
_MOST_BLANK = 0.02
"""Share of the pixels before the place where the film breaks off that may have the run's value."""


def missing_rows(stored: NDArray[Any], name: str) -> int | None:
    """How many rows at the end were erased, counting the one of which a part was; None if none was.

    Args:
        stored: As for `erased_run`.
        name: What to call the film in messages.

    Raises:
        UnreadableImage: Rows between others were erased.
    """
    run = erased_run(stored)
    if run is None:
        return None
    first, last = run
    if last < len(stored):
        raise UnreadableImage(name, "a part of its pixels is blank")
    return last - first


def erased_run(stored: NDArray[Any]) -> tuple[int, int] | None:
    """The first run of erased pixels that covers a whole row or more.

    Args:
        stored: Pixels (rows, columns) in the order in which the file has them; unsigned, or floats in
            [0, 1]. Samples of colour count as columns.

    Returns:
        The first row of which a part is erased, and the first one behind the run of which a part is
        not; None if no pixels are erased.
    """
    rows, columns = stored.shape
    if rows < 3 or columns < 2 * _LEAST_PIXELS:
        return None
    greatest = 1 if stored.dtype.kind == "f" else np.iinfo(stored.dtype).max
    for blank in (0, greatest):
        for first, last in _blank_rows(stored, blank):
            before = stored[max(first - _ROWS, 0) : first]
            # Behind the run everything is as before it, from the other end.
            behind = stored[last : last + _ROWS][::-1, ::-1]
            # A border above makes one below likely; it may slant by less than a row.
            is_end = last == rows and not (stored[0] == blank).all()
            if _is_cut(before, blank) and (is_end or _is_cut(behind, blank)):
                return first - 1, last
    return None


def _blank_rows(stored: NDArray[Any], blank: int) -> Iterator[tuple[int, int]]:
    """Runs of wholly blank rows that a probed row is in: the first, and the one behind the last."""
    columns = stored.shape[1]
    probed = stored[::_STEP, columns // 2] == blank
    if not probed.any():
        return
    for column in (columns // 4, -1 - columns // 4):
        probed &= stored[::_STEP, column] == blank
    for begin, end in _runs(probed):
        start = max((begin - 1) * _STEP + 1, 0)
        for first, last in _runs((stored[start : end * _STEP] == blank).all(axis=1)):
            if -(start + first) % _STEP < last - first:
                yield start + first, start + last


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First index of each run of True, and the first one behind it."""
    changes = np.flatnonzero(np.diff(flags.astype(np.int8), prepend=0, append=0))
    return list(zip(changes[::2].tolist(), changes[1::2].tolist(), strict=True))


def _is_cut(rows: NDArray[Any], blank: int) -> bool:
    """Whether the last of some rows stops within the film, where those above it go on."""
    if len(rows) < 3 or rows[-1, -1] != blank:  # a run goes on to the end of its row
        return False
    is_film = (rows[:-1] != blank).all(axis=0)
    if not is_film.any() or is_film.sum() < _MOST_SLANTED * (rows[0] != blank).sum():
        return False  # a border that is not level
    wide = rows[-3:, is_film].astype(np.float64)
    width = wide.shape[1]
    is_blank = wide[2] == blank
    kept = width - int((~is_blank[::-1]).argmax())
    if is_blank.all() or not _LEAST_PIXELS <= kept <= width - _LEAST_PIXELS:
        return False
    if is_blank[:kept].mean() > _MOST_BLANK:
        return False
    last = np.append(wide[2, :kept], wide[1, kept:])
    return _is_jump(last, np.append(wide[1, :kept], wide[0, kept:]), blank)


def _is_jump(last: NDArray[np.float64], before: NDArray[np.float64], blank: int) -> bool:
    """Whether the step from the film's last pixels to the run is larger than the usual one between its rows."""
    return bool(np.median(np.abs(last - blank)) > _JUMP * np.median(np.abs(last - before)))
