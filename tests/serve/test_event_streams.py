"""How many clients may follow jobs."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from answers import assert_problem
from grey_films import DARK
from live import Live
from pneumoscope.serve.event_streams import EventStreams
from pneumoscope.serve.problems import Busy


def test_streams_are_limited_by_user_and_in_all() -> None:
    streams = EventStreams(most=5, most_of_user=2, sole_owner="local")
    with ExitStack() as stack:
        for owner in ("ann", "ann", "bob"):
            stack.enter_context(streams.counted(owner))
        with pytest.raises(Busy), streams.counted("ann"):
            pass
        stack.enter_context(streams.counted("bob"))
        stack.enter_context(streams.counted("eve"))
        with pytest.raises(Busy) as error, streams.counted("eve"):
            pass
    assert error.value.retry_after_s == 5
    with ExitStack() as stack:  # all are closed; where there is no other user, one may have all
        for _ in range(5):
            stack.enter_context(streams.counted("local"))
        with pytest.raises(Busy), streams.counted("local"):
            pass


def test_a_stream_too_many_is_refused_and_an_ended_one_is_forgotten(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = live.send(DARK, headers={"Prefer": "respond-async"}).json()["job"]["id"]
    live.finished(job)
    streams = live.services.streams
    assert not streams._open_by
    with monkeypatch.context() as patch:
        patch.setattr(streams, "_most", 0)
        refused = live.client.get(f"/api/v1/jobs/{job}/events")
    assert_problem(refused, 429, "Busy")
    assert refused.headers["retry-after"] == "5"
    answer = live.client.get(f"/api/v1/jobs/{job}/events")
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
