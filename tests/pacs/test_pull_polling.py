"""Sources are asked again and again."""

from __future__ import annotations

import threading

import pytest

from pneumoscope.pacs.destinations.connection_settings import HttpSettings
from pneumoscope.pacs.destinations.errors import DeliveryFailed
from pneumoscope.pacs.pull.polling import Polling, pause_s
from pneumoscope.pacs.pull.settings import PullSettings


class Films:
    """A source that fails twice, and then has a film."""

    def __init__(self) -> None:
        self.settings = PullSettings("films", "orthanc", HttpSettings("http://x"), interval_s=0.0)
        self.polls = 0

    def poll(self, accept) -> int:
        self.polls += 1
        if self.polls == 1:
            raise DeliveryFailed("films: cannot be reached")
        if self.polls == 2:
            raise ValueError("a defect")
        accept(b"film")
        return 1


def test_a_failure_does_not_end_the_polling() -> None:
    films, taken = [], threading.Event()
    source = Films()
    polling = Polling([source], lambda film: (films.append(film), taken.set()))
    polling.start()
    assert taken.wait(60)
    polling.stop()
    assert set(films) == {b"film"}
    polls = source.polls
    assert polls >= 3


@pytest.mark.parametrize(
    ("failures", "least", "most"), [(0, 30, 30), (1, 30, 60), (3, 120, 240), (99, 300, 600)]
)
def test_pauses_grow_up_to_ten_minutes(failures: int, least: float, most: float) -> None:
    assert all(least <= pause_s(30.0, failures) <= most for _ in range(20))


def test_a_long_interval_is_kept() -> None:
    assert 1800 <= pause_s(3600.0, 5) <= 3600
