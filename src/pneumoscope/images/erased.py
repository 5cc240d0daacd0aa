"""Parts of uncompressed pixels that were erased: runs of zeros, or of bits that are all 1.

A copy that breaks off leaves zeros in a file that had its full size before, and a failed sector reads
as zeros or ones. Such a run knows nothing of rows, so it mostly begins and ends within them. The borders
of films, which shutters and padding make, run along rows, or cross several of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope.errors import UnreadableImage

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LEAST_PIXELS = 4
"""Pixels of a row on either side of the place where the film breaks off, at least: fewer show nothing."""
_JUMP = 4.0
"""How many usual steps between two rows the step into the run is, at least."""
_LEAST_SHARE = 0.1
"""Share of the rows in a run that begins with a row, at least. None of 6,000 films had such a border below it alone."""
_STEP = 8
"""One row in so many is probed; where it is blank, those around it are looked at."""
_ROWS = 16
"""Rows before the run that show where the film lies in a row."""
_MOST_SLANTED = 0.98
"""Share of their pixels that the film has in all of them, at least."""
_MOST_BLANK = 0.02
"""Share of the pixels before the place where the film breaks off that may have the run's value."""


def missing_rows(stored: NDArray[Any], name: str) -> int | None:
    """How many rows at the end were erased, counted as in `erased_rows`; None if none was.

    Args:
        stored: As for `erased_rows`.
        name: What to call the film in messages.

    Raises:
        UnreadableImage: Rows between others were erased.
    """
    run = erased_rows(stored)
    if run is None:
        return None
    first, last = run
    if last < len(stored):
        raise UnreadableImage(name, "a part of its pixels is blank")
    return last - first


def erased_rows(stored: NDArray[Any]) -> tuple[int, int] | None:
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
    middle = stored[::_STEP, columns // 2]
    for blank in (0, greatest):
        probed = middle == blank
        if not probed.any():
            continue
        for column in (columns // 4, -1 - columns // 4):
            probed &= stored[::_STEP, column] == blank
        for begin, end in _runs(probed):
            run = max((begin - 1) * _STEP + 1, 0), min(end * _STEP, rows)
            first, last = _whole_rows(stored, *run, blank)
            if first == last:
                continue
            is_long = last - first >= _LEAST_SHARE * rows
            before = stored[max(first - _ROWS, 0) : first]
            # Behind the run everything is as before it, from the other end.
            behind = stored[last : last + _ROWS][::-1, ::-1]
            if _breaks_off(before, blank, is_long) and (
                last == rows or _breaks_off(behind, blank, is_long)
            ):
                return first - int(stored[first - 1, -1] == blank), last
    return None


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First index of each run of True, and the first one behind it."""
    changes = np.flatnonzero(np.diff(flags.astype(np.int8), prepend=0, append=0))
    return list(zip(changes[::2].tolist(), changes[1::2].tolist(), strict=True))


def _whole_rows(stored: NDArray[Any], first: int, last: int, blank: int) -> tuple[int, int]:
    """A run of rows without those at its ends that are blank in parts."""
    while first < last and not (stored[first] == blank).all():
        first += 1
    while first < last and not (stored[last - 1] == blank).all():
        last -= 1
    return first, last


def _breaks_off(rows: NDArray[Any], blank: int, is_long: bool) -> bool:
    """Whether a run begins behind some rows that the film does not end with."""
    return len(rows) > 2 and (_is_cut(rows, blank) or (is_long and _ends(rows, blank)))


def _is_cut(rows: NDArray[Any], blank: int) -> bool:
    """Whether the last of some rows stops within the film, where those above it go on."""
    is_film = (rows[:-1] != blank).all(axis=0)
    if is_film.sum() < _MOST_SLANTED * (rows[0] != blank).sum():
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


def _ends(rows: NDArray[Any], blank: int) -> bool:
    """Whether a film that has the whole width ends all at once behind some rows."""
    if (rows != blank).all(axis=0).mean() < _MOST_SLANTED:
        return False
    return _is_jump(rows[-1].astype(np.float64), rows[-2].astype(np.float64), blank)


def _is_jump(last: NDArray[np.float64], before: NDArray[np.float64], blank: int) -> bool:
    """Whether the step from the film's last pixels to the run is larger than the usual one between its rows."""
    return bool(np.median(np.abs(last - blank)) > _JUMP * np.median(np.abs(last - before)))
