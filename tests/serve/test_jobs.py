"""Jobs, and the events of their progress."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from answers import assert_problem
from grey_films import BRIGHT, DARK, zipped
from live import Live


def test_a_job_and_its_events(live: Live) -> None:
    answer = live.send(BRIGHT, DARK, headers={"Prefer": "respond-async"})
    assert answer.status_code == 202
    job = answer.json()["job"]
    assert answer.headers["location"] == job["links"]["self"]
    assert job["total"] == 2
    events = list(live.events(job["id"]))
    assert [name for name, _ in events] == ["progress", "progress", "end"]
    assert [content["done"] for _, content in events[:2]] == [1, 2]
    assert {content["record"]["film"]["name"] for _, content in events[:2]} == {
        "bright.png",
        "dark.png",
    }
    assert events[-1][1]["job"]["state"] == "done"
    again = live.client.get(job["links"]["self"]).json()
    assert (again["state"], again["done"], again["failed"]) == ("done", 2, 0)
    assert [film["film"]["name"] for film in again["predictions"]] == ["bright.png", "dark.png"]
    # A client that connects late receives all events.
    assert [name for name, _ in live.events(job["id"])] == ["progress", "progress", "end"]
    assert_problem(live.client.get(f"/api/v1/jobs/{uuid.uuid4().hex}"), 404, "NotFound")
    assert_problem(live.client.get(f"/api/v1/jobs/{uuid.uuid4().hex}/events"), 404, "NotFound")


def test_no_job_is_done_before_its_films(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    job = live.send(BRIGHT, headers={"Prefer": "respond-async"}).json()["job"]["id"]
    [film] = live.finished(job)["predictions"]
    store = live.services.store
    store.change([{"id": film["id"], "state": "running"}])

    def then_it_ends(look: Callable[..., Any]) -> Callable[..., Any]:
        def looked(*about: str) -> Any:
            answer = look(*about)
            store.change([{"id": film["id"], "state": "done"}])
            return answer

        return looked

    for name in ("job", "of_job"):
        monkeypatch.setattr(store, name, then_it_ends(getattr(store, name)))
    shown = live.client.get(f"/api/v1/jobs/{job}").json()
    assert (shown["state"], shown["predictions"][0]["state"]) == ("running", "done")


def test_an_archive_becomes_a_job(live: Live) -> None:
    inner = zipped(DARK)
    members = [("ward/../../bright.png", BRIGHT[1]), ("inner.zip", inner), ("__MACOSX/._x", b"x")]
    answer = live.send(("films.zip", zipped(*members)), DARK)
    assert answer.status_code == 202
    films = live.finished(answer.json()["job"]["id"])["predictions"]
    assert [(record["film"]["name"], record["state"]) for record in films] == [
        ("bright.png", "done"),
        ("inner.zip", "failed"),
        ("dark.png", "done"),
    ]
    assert films[1]["error"]["code"] == "NestedArchive"
