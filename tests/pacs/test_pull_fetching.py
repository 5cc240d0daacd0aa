"""One poll of a source: what fails stops nothing else, unless the source does not answer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("pynetdicom", reason="needs the [pacs] extra")

from pneumoscope.errors import QueueFull
from pneumoscope.pacs.destinations.errors import DeliveryFailed
from pneumoscope.pacs.pull.cursor import CursorFile
from pneumoscope.pacs.pull.fetching import Fetching
from pneumoscope.pacs.pull.postponed import Postponed


def fetch(key: str) -> bytes | None:
    if key == "none":
        return None
    if key.startswith("bad"):
        raise DeliveryFailed("answers 500")
    return key.encode()


def fetching(
    folder: Path, accept: Callable[[bytes], None], *, answers: bool = True
) -> tuple[Fetching, Postponed]:
    postponed = Postponed("x", CursorFile(folder / "again" / "x.json", "http://x"))
    return Fetching(postponed, fetch, lambda: answers, accept), postponed


def test_objects_that_fail_are_passed_over(tmp_path: Path) -> None:
    taken: list[bytes] = []
    poll, postponed = fetching(tmp_path, taken.append)
    for key in ("a", "bad", "none", "b"):
        poll.take(key)
    assert (taken, poll.accepted, postponed.counts()) == ([b"a", b"b"], 2, (1, 0))


def test_nothing_is_noted_if_the_source_does_not_answer(tmp_path: Path) -> None:
    poll, postponed = fetching(tmp_path, lambda _film: None, answers=False)
    with pytest.raises(DeliveryFailed, match="answers 500"):
        poll.take("bad")
    assert postponed.counts() == (0, 0)


def test_a_poll_in_which_everything_fails_ends_early(tmp_path: Path) -> None:
    poll, postponed = fetching(tmp_path, lambda _film: None)
    for number in range(5):
        poll.take(f"bad {number}")
    with pytest.raises(DeliveryFailed, match="none of 5 objects"):
        poll.take("good")
    assert postponed.counts() == (5, 0)


def test_objects_that_failed_before_do_not_fail_a_poll(tmp_path: Path) -> None:
    """After a start, all objects that were set aside are due; new films must not wait for that."""
    taken: list[bytes] = []
    _, postponed = fetching(tmp_path, taken.append)
    for number in range(8):
        postponed.note(f"bad {number}", "answers 500", lasting=True)
    later, postponed = fetching(tmp_path, taken.append)
    assert len(postponed.due()) == 8
    later.take_postponed()
    assert len(postponed.due()) == 3
    assert (taken, postponed.counts()) == ([], (0, 8))


def test_a_film_that_the_node_cannot_take_is_not_the_fault_of_the_source(tmp_path: Path) -> None:
    def full(_film: bytes) -> None:
        raise QueueFull(1)

    poll, postponed = fetching(tmp_path, full)
    with pytest.raises(QueueFull):
        poll.take("a")
    assert postponed.counts() == (0, 0)
