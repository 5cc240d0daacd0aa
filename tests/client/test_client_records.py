"""What the client makes of the server's answers."""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import reduce
from operator import getitem
from typing import Any

import pytest

from pneumoscope.cli.read.output import print_results
from pneumoscope.cli.read.pictures import FilmResult
from pneumoscope.client.records import Job, job_from_json, record_from_json
from pneumoscope.errors import ServerError, TruncatedImage
from pneumoscope.records import GateReport, Outcome
from pneumoscope.render.export import write_csv
from pneumoscope.render.serialise import outcome_to_json, prediction_to_json
from predictions import NOTE, prediction, with_findings, with_zones

ANSWER: dict[str, Any] = {
    "id": "4beb",
    "created": "2026-11-21T15:05:21+00:00",
    "film": {"name": "film.dcm", "sha256": "01" * 32},
    "state": "failed",
    "result": None,
    "error": {
        "code": "TruncatedImage",
        "detail": "film: cannot be decoded (its end is missing)",
        "hint": "Transfer the file again.",
        "status": 422,
    },
    "links": {"self": "/api/v1/predictions/4beb"},
}

DONE = ANSWER | {"state": "done", "result": prediction_to_json(prediction()), "error": None}


def test_a_film_that_the_server_could_not_read_has_the_error_of_this_package() -> None:
    record = record_from_json(ANSWER, "ward/1.dcm")
    assert (record.id, record.name, record.state) == ("4beb", "ward/1.dcm", "failed")
    assert record.prediction is None
    assert isinstance(record.error, TruncatedImage)
    assert record.error.message == "ward/1.dcm: cannot be decoded (its end is missing)"
    assert record.error.hint == "Transfer the file again."


def test_any_other_problem_is_one_of_the_server() -> None:
    problem = ANSWER["error"] | {"code": "QueueFull", "detail": "busy", "status": 429}
    record = record_from_json(ANSWER | {"error": problem})
    assert record.name == "film.dcm"
    assert isinstance(record.error, ServerError)
    assert (record.error.message, record.error.status) == ("film.dcm: busy", 429)


def test_a_job() -> None:
    content = {"id": "j", "state": "running", "total": 3, "done": 2, "failed": 1, "links": {}}
    assert job_from_json(content) == Job(id="j", state="running", total=3, done=2, failed=1)


ODD: tuple[Any, ...] = (
    None, "x", [], {}, float("inf"), float("nan"), -1, True, 10**400, "\x1b[2J", "[red]x[/blue]", [[1, 2], [3]], [None],
    {"a": {}},
)  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every part of JSON."""
    yield path
    keys = value if isinstance(value, dict) else range(len(value) if isinstance(value, list) else 0)
    for key in keys:
        yield from places(value[key], (*path, key))


def with_part(value: Any, path: tuple[Any, ...], part: object) -> Any:
    """JSON with another part at this path."""
    if not path:
        return part
    changed = value.copy()
    changed[path[0]] = with_part(value[path[0]], path[1:], part)
    return changed


OPEN = {"probabilities", "scores", "checks", "timings_ms"}
"""Objects with any names, of which the values are figures."""


def test_what_a_newer_server_adds_is_left_out() -> None:
    """At any place where an answer has an object."""
    newest = prediction(
        gate=GateReport("note", (NOTE,), {"distance": 0.5}),
        findings=with_findings().findings,
        zones=with_zones().zones,
    )
    full = DONE | {"result": prediction_to_json(newest)}
    shown = outcome_to_json(Outcome("a", 0, record_from_json(full).prediction))
    extended = 0
    for path in places(full):
        part = reduce(getitem, path, full)
        if isinstance(part, dict) and OPEN.isdisjoint(path[-1:]):
            newer = with_part(full, path, part | {"added": {"later": 1}})
            assert outcome_to_json(Outcome("a", 0, record_from_json(newer).prediction)) == shown
            extended += 1
    assert extended == 14


@pytest.mark.parametrize("key", ["gate", "film", "label", "operating_point", "probabilities"])
def test_what_is_missing_is_an_error(key: str) -> None:
    result = {name: value for name, value in DONE["result"].items() if name != key}
    with pytest.raises(LookupError):
        record_from_json(DONE | {"result": result})


@pytest.mark.parametrize("key", ["film", "operating_point", "explanation"])
def test_a_part_without_what_it_needs_is_an_error(key: str) -> None:
    with pytest.raises(TypeError):
        record_from_json(DONE | {"result": DONE["result"] | {key: {"later": 1}}})


@pytest.mark.parametrize("answer", [ANSWER, DONE], ids=["error", "result"])
def test_what_is_taken_can_be_shown_whatever_a_server_answers(
    answer: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """The client's caller turns these exceptions into an error with a hint."""
    refused = 0
    for path in places(answer):
        for part in ODD:
            try:
                record = record_from_json(with_part(answer, path, part))
            except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError):
                refused += 1
                continue
            if record.prediction is None and record.error is None:
                continue  # not read yet
            outcome = Outcome("a.png", 0, record.prediction, record.error)
            shown = outcome_to_json(outcome)
            write_csv([shown], ["a"], io.StringIO())
            print_results([FilmResult(outcome, None)], "table", ["a"], {})
            assert "\x1b" not in capsys.readouterr().out, path
            if record.error is not None:
                assert isinstance(record.error.hint, str)
    assert refused > 20
