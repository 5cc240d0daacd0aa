"""The thread of an association waits while another one sends a message."""

from __future__ import annotations

import threading

import pytest

pytest.importorskip("pynetdicom", reason="needs the [pacs] extra")

from pneumoscope.pacs.destinations.associations import _Checkpoint

PATIENCE_S = 60


def test_a_message_is_sent_only_while_the_associations_thread_waits() -> None:
    """pynetdicom's own thread could take the answer, between its wait and its look at the queue."""
    passed, going = threading.Event(), threading.Event()

    def work() -> None:
        checkpoint.wait()
        passed.set()
        going.wait(PATIENCE_S)  # it is about to look at the queue
        checkpoint.wait()

    def send() -> None:
        checkpoint.clear()
        cleared.set()

    thread = threading.Thread(target=work)
    checkpoint, cleared = _Checkpoint(thread), threading.Event()
    thread.start()
    assert passed.wait(PATIENCE_S)
    sender = threading.Thread(target=send)
    sender.start()
    assert not cleared.wait(0.1)
    going.set()
    assert cleared.wait(PATIENCE_S)
    assert thread.is_alive()
    checkpoint.set()
    thread.join(PATIENCE_S)
    assert not thread.is_alive()
    sender.join()
    with pytest.raises(RuntimeError, match="ended"):
        checkpoint.clear()


def test_the_associations_thread_does_not_wait_for_itself() -> None:
    def work() -> None:
        checkpoint.clear()

    thread = threading.Thread(target=work, daemon=True)
    checkpoint = _Checkpoint(thread)
    thread.start()
    thread.join(PATIENCE_S)
    assert not thread.is_alive()
