"""What is deleted by age is deleted by a clock that does not jump."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pneumoscope.jobs.clock import MOST_OFF_S, SteadyClock
from pneumoscope.jobs.store import Store

DAY = 86400.0
NOW = 1_800_000_000.0


class Clocks:
    """The system's clock and the steady one; only the first can be set."""

    def __init__(self, system: float = NOW) -> None:
        self.system_s, self.steady_s = system, 500.0

    def system(self) -> float:
        return self.system_s

    def steady(self) -> float:
        return self.steady_s

    def pass_by(self, seconds: float) -> None:
        self.system_s += seconds
        self.steady_s += seconds


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(f"sqlite:///{tmp_path / 'db.sqlite'}")
    yield store
    store.close()


def clock_of(store: Store, clocks: Clocks, last_known: float | None = None) -> SteadyClock:
    return SteadyClock(store.engine, last_known, clocks.system, clocks.steady)


def test_without_anything_known_the_system_is_believed(store: Store) -> None:
    clocks = Clocks()
    clock = clock_of(store, clocks)
    assert clock.now() == NOW
    clocks.pass_by(3600)
    assert (clock.now(), clock.ahead_s()) == (NOW + 3600, 0)


@pytest.mark.parametrize("jump", [400 * DAY, 2 * 3600, -400 * DAY])
def test_a_jump_while_it_runs_changes_nothing(store: Store, jump: float) -> None:
    clocks = Clocks()
    clock = clock_of(store, clocks)
    clocks.system_s += jump
    clocks.pass_by(60)
    assert clock.now() == NOW + 60
    assert clock.ahead_s() == jump
    clocks.system_s -= jump  # somebody sets it right
    assert clock.ahead_s() == 0


@pytest.mark.parametrize("jump", [400 * DAY, MOST_OFF_S + DAY])
def test_a_jump_while_it_was_off_is_not_believed(store: Store, jump: float) -> None:
    clock_of(store, Clocks()).keep()
    clocks = Clocks(NOW + jump)
    clock = clock_of(store, clocks)
    assert clock.now() == NOW
    clocks.pass_by(60)
    assert clock.now() == NOW + 60
    clock.keep()
    assert clock_of(store, clocks).now() == NOW + 60  # nor after another restart


def test_a_clock_that_was_set_back_makes_nothing_older(store: Store) -> None:
    clock_of(store, Clocks()).keep()
    clock = clock_of(store, Clocks(NOW - 400 * DAY))
    assert clock.now() == NOW - 400 * DAY
    assert clock.ahead_s() == -400 * DAY  # noted in the log
    clock.keep()
    # What is known does not become earlier: the right time is believed after the next start.
    again = clock_of(store, Clocks(NOW + DAY))
    assert (again.now(), again.ahead_s()) == (NOW + DAY, 0)


def test_a_line_written_while_the_clock_was_wrong_is_not_believed(store: Store) -> None:
    """A sign-in leaves a line with the system's time."""
    clock_of(store, Clocks()).keep()
    wrong = NOW + 365 * DAY
    assert clock_of(store, Clocks(wrong), last_known=wrong).now() == NOW
    assert clock_of(store, Clocks(NOW + 60), last_known=wrong).now() == NOW + 60


def test_a_known_time_in_the_future_makes_nothing_older(store: Store) -> None:
    clock = clock_of(store, Clocks(), last_known=NOW + 365 * DAY)
    assert clock.now() == NOW


def test_a_weekend_off_is_believed(store: Store) -> None:
    clock_of(store, Clocks()).keep()
    assert clock_of(store, Clocks(NOW + 3 * DAY)).now() == NOW + 3 * DAY


def test_a_time_known_from_elsewhere_counts(store: Store) -> None:
    assert clock_of(store, Clocks(NOW + 400 * DAY), last_known=NOW).now() == NOW


def test_small_corrections_are_followed(store: Store) -> None:
    clocks = Clocks()
    clock = clock_of(store, clocks)
    for _ in range(10):
        clocks.pass_by(DAY)
        clocks.system_s += 300
        assert clock.now() == clocks.system_s


def test_a_clock_that_is_declared_right_is_believed_by_all(store: Store) -> None:
    clocks = Clocks()
    running = clock_of(store, clocks)
    running.keep()
    clocks.system_s += 400 * DAY
    clock_of(store, clocks).believe_system()
    assert running.ahead_s() == 0
    assert running.now() == NOW + 400 * DAY
