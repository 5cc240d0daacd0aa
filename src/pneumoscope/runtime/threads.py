"""Work on many items in threads, in order and with bounded memory."""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def usable_cores() -> int:
    """Cores that this process may use."""
    # A container may be allowed fewer cores than the machine has.
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def in_chunks(
    work: Callable[[list[_Item]], list[_Result]],
    items: Iterable[_Item],
    *,
    size: int,
    threads: int,
) -> Iterator[_Result]:
    """Works on chunks of items in threads; gives the results in the order of the items.

    Args:
        work: Gives one result per item of a chunk.
        items: Read only as far as there are threads to work on them.
        size: Items in a chunk, except the last one.
        threads: Chunks that are worked on at once.
    """
    remaining = iter(items)
    waiting: deque[Future[list[_Result]]] = deque()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="pneumoscope")
    try:
        while chunk := list(islice(remaining, size)):
            waiting.append(pool.submit(work, chunk))
            if len(waiting) > threads:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
