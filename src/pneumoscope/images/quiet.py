"""Keeps the warnings and logged errors of foreign decoders from leaking out of ``read``.

Real films break the letter of their standard all the time, and Pillow and pydicom warn of it. What
matters we turn into errors ourselves; the rest would only scare a user, or stop a program that runs
with ``-W error``.

``warnings.catch_warnings`` swaps the process-wide filter list and is not safe in threads (before
Python 3.14), and pydicom's settings are process-wide too and cover a part of its warnings only. So
one filter, which matches nothing but the decoders' modules, stands in the list while at least one
thread decodes. The price: in that time another thread's own use of these libraries is silent too.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
import warnings
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from types import TracebackType

# importlib._bootstrap: SWIG modules such as gdcm raise DeprecationWarning while they are imported.
_DECODERS = r"(PIL|pydicom|gdcm|openjpeg|_openjpeg|jpeg_ls|CharLS|importlib\._bootstrap)(\.|$)"
_FILTER = ("ignore", None, Warning, re.compile(_DECODERS), 0)
_lock = threading.Lock()
_depth = 0
_decoding = threading.local()


def _is_not_decoding(_record: logging.LogRecord) -> bool:
    return not getattr(_decoding, "depth", 0)


# pydicom logs the traceback of a decoder that failed, also if the next one reads the film.
for _name in ("pydicom", "pydicom.pixels.decoders.base", "pydicom.pixels.utils"):
    logging.getLogger(_name).addFilter(_is_not_decoding)


def _filters() -> list[object]:
    return cast("list[object]", warnings.filters)


class quiet:
    """Context manager: no warning and no log of a decoder leaves it. Re-entrant and safe in threads."""

    def __init__(self) -> None:
        self._of_context: warnings.catch_warnings[None] | None = None

    def __enter__(self) -> None:
        global _depth
        _decoding.depth = getattr(_decoding, "depth", 0) + 1
        if getattr(sys.flags, "context_aware_warnings", False):  # 3.14: filters are per context
            self._of_context = warnings.catch_warnings()
            self._of_context.__enter__()
            _filters().insert(0, _FILTER)
            return
        with _lock:
            _depth += 1
            if _FILTER not in warnings.filters:  # someone may have swapped the list meanwhile
                _filters().insert(0, _FILTER)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        global _depth
        _decoding.depth -= 1
        if self._of_context is not None:
            self._of_context.__exit__(kind, error, trace)
            return
        with _lock:
            _depth -= 1
            while not _depth and _FILTER in warnings.filters:
                _filters().remove(_FILTER)
