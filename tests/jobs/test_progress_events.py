"""Events go from any thread to the subscribers of their job."""

from __future__ import annotations

import asyncio
import threading

from pneumoscope.jobs.progress_events import ProgressEvents


def publish_from_a_thread(events: ProgressEvents, *published: tuple[str, str]) -> None:
    def publish() -> None:
        for job, film in published:
            events.publish(job, film)

    thread = threading.Thread(target=publish)
    thread.start()
    thread.join(30)


def test_subscribers_hear_of_their_own_job_in_order() -> None:
    events = ProgressEvents()

    async def listen() -> tuple[list[str], list[str]]:
        with events.subscribed("a") as first, events.subscribed("a") as second:
            publish_from_a_thread(events, ("a", "1"), ("b", "2"), ("a", "3"))
            return (
                [await first.get() for _ in range(2)],
                [await second.get() for _ in range(2)],
            )

    assert asyncio.run(listen()) == (["1", "3"], ["1", "3"])


def test_nothing_is_kept_for_jobs_that_nobody_follows() -> None:
    events = ProgressEvents()
    events.publish("a", "before")

    async def listen() -> bool:
        with events.subscribed("a") as queue:
            publish_from_a_thread(events, ("b", "another job"))
        events.publish("a", "after")
        await asyncio.sleep(0)  # lets the loop deliver what was published
        return queue.empty()

    assert asyncio.run(listen())
    assert not events._subscribers


def test_a_subscriber_whose_loop_has_ended_disturbs_nobody() -> None:
    events = ProgressEvents()

    async def forget() -> None:
        events._subscribers["a"].append((asyncio.get_running_loop(), asyncio.Queue()))

    asyncio.run(forget())
    events.publish("a", "1")
