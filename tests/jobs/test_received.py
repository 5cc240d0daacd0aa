"""What a source has handed over is remembered, in both kinds of databases."""

from __future__ import annotations

from pneumoscope.jobs.received import ReceivedFiles
from pneumoscope.jobs.store import Store


def test_a_file_is_remembered_with_its_last_version(empty_url: str) -> None:
    store = Store(empty_url)
    received = ReceivedFiles(store)
    received.enter("p1", "1", "job")
    received.enter("p1", "2", "job2")
    received.enter("p2", "1")
    known = received.of_places(["p1", "p2", "p3"])
    assert {place: (file.version, file.job) for place, file in known.items()} == {
        "p1": ("2", "job2"),
        "p2": ("1", None),
    }
    store.close()


def test_the_files_of_a_job_can_be_asked_for_again(empty_url: str) -> None:
    store = Store(empty_url)
    received = ReceivedFiles(store)
    received.enter("p1", "1", "job")
    received.enter("p2", "1", "other")
    assert received.again() == set()
    assert received.receive_again("job") == 1
    assert received.receive_again("gone") == 0
    assert received.again() == {"p1"}
    received.enter("p1", "1", "job3")
    assert received.again() == set()
    store.close()


def test_more_places_than_one_statement_takes(empty_url: str) -> None:
    store = Store(empty_url)
    received = ReceivedFiles(store)
    received.enter("p1200", "1")
    assert list(received.of_places([f"p{n}" for n in range(1500)])) == ["p1200"]
    store.close()
