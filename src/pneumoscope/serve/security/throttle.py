"""Limits on guessing passwords and on the rate of requests. In memory only."""

from __future__ import annotations

import ipaddress
import math
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache
from heapq import nlargest
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST_KEYS = 10_000
"""Keys that are remembered; the least recently used are forgotten first."""
FORGET_S = 15 * 60
"""The longest wait; after this time without a failure, earlier failures are forgotten."""

V = TypeVar("V")


@lru_cache(maxsize=_MOST_KEYS)
def network_of(address: str) -> str:
    """What counts as one client: an IPv4 address, or the /64 of an IPv6 address, all of which one machine may use."""
    try:
        known = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(known, ipaddress.IPv4Address):
        return str(known)
    return str(known.ipv4_mapped or ipaddress.ip_network((known, 64), strict=False))


class _Recent(Generic[V]):
    """Values of the most recently used keys."""

    def __init__(self) -> None:
        self._all: OrderedDict[str, V] = OrderedDict()

    def get(self, key: str) -> V | None:
        return self._all.get(key)

    def put(self, key: str, value: V) -> None:
        self._all[key] = value
        self._all.move_to_end(key)
        while len(self._all) > _MOST_KEYS:
            self._all.popitem(last=False)


@dataclass(frozen=True, slots=True)
class _Failures:
    count: int
    last: float


class Throttle:
    """Counts failures by key; after some free ones, each doubles the wait, up to `FORGET_S`.

    Args:
        clock: Seconds of a monotonic clock.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._failures: dict[str, _Failures] = {}
        self._lock = threading.Lock()

    def attempt(self, *limits: tuple[str, int]) -> int:
        """Starts an attempt; it counts as a failure unless `succeeded` is called.

        Args:
            limits: Keys, each with its number of free failures.

        Returns:
            0; or whole seconds to wait, and then nothing was counted.
        """
        now = self.clock()
        with self._lock:
            wait = max((self._wait(key, free, now) for key, free in limits), default=0)
            if not wait:
                for key, _ in limits:
                    self._count(key, now)
            return wait

    def _wait(self, key: str, free: int, now: float) -> int:
        known = self._failures.get(key)
        if known is None or known.count < free or now - known.last >= FORGET_S:
            return 0
        wait = min(2.0 ** min(known.count - free, 20), FORGET_S)
        return max(0, math.ceil(known.last + wait - now))

    def _count(self, key: str, now: float) -> None:
        known = self._failures.get(key)
        fresh = known is None or now - known.last >= FORGET_S
        self._failures[key] = _Failures(1 if known is None or fresh else known.count + 1, now)
        if len(self._failures) > _MOST_KEYS:
            self._forget_few(now)

    def _forget_few(self, now: float) -> None:
        """Keeps the half of the keys that have failed most: an attacker with many addresses could otherwise make
        the failures with a name forgotten, by failing with ten thousand other keys."""
        counting = [item for item in self._failures.items() if now - item[1].last < FORGET_S]
        most = nlargest(_MOST_KEYS // 2, counting, key=lambda item: (item[1].count, item[1].last))
        self._failures = dict(most)

    def succeeded(self, *keys: str) -> None:
        """Removes the failure that `attempt` counted under these keys; earlier ones stay."""
        with self._lock:
            for key in keys:
                known = self._failures.get(key)
                if known is not None and known.count > 1:
                    self._failures[key] = _Failures(known.count - 1, known.last)
                else:
                    self._failures.pop(key, None)

    def forget(self, key: str) -> None:
        """Removes all failures under this key."""
        with self._lock:
            self._failures.pop(key, None)


@dataclass(frozen=True, slots=True)
class _Bucket:
    left: float
    at: float


class Rate:
    """A token bucket per key.

    Args:
        per_minute: Requests per minute of a key in the long run; 0 for no limit.
        burst: Requests at once.
        clock: Seconds of a monotonic clock.
    """

    def __init__(
        self, per_minute: int, burst: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.per_second = per_minute / 60
        self.burst = burst
        self.clock = clock
        self._buckets: _Recent[_Bucket] = _Recent()
        self._lock = threading.Lock()

    def wait_s(self, key: str, cost: int = 1) -> int:
        """Counts a request; returns 0, or whole seconds to wait if the limit is reached.

        Args:
            key: Of the client.
            cost: How much it counts.
        """
        if not self.per_second:
            return 0
        now = self.clock()
        with self._lock:
            known = self._buckets.get(key) or _Bucket(self.burst, now)
            left = min(self.burst, known.left + (now - known.at) * self.per_second)
            enough = left >= cost
            self._buckets.put(key, _Bucket(left - cost * enough, now))
        return 0 if enough else max(1, math.ceil((cost - left) / self.per_second))
