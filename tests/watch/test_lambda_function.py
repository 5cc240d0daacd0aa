"""The function for AWS Lambda, with a store in memory, and with an S3 server where one is installed."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import fsspec
import pytest

from grey_films import BRIGHT, DARK, zipped
from pneumoscope.bundle import Bundle
from pneumoscope.errors import UsageError
from pneumoscope.records import Settings
from pneumoscope.watch import lambda_function
from pneumoscope.watch.lambda_function import created_objects, handler, settings
from pneumoscope.watch.result_files import ResultFiles

OUT = {"PNEUMOSCOPE_WATCH_OUT": "s3://results/films/"}


def s3_event(*keys: str, name: str = "ObjectCreated:Put") -> dict[str, Any]:
    """An event of S3; keys as they stand there, encoded."""
    objects = [{"bucket": {"name": "hospital"}, "object": {"key": key}} for key in keys]
    return {"Records": [{"eventSource": "aws:s3", "eventName": name, "s3": o} for o in objects]}


@pytest.fixture
def memory(tiny_bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The function on a file system in memory: films in ``hospital``, results in ``results``."""
    monkeypatch.setattr(lambda_function, "_SCHEME", "memory")
    monkeypatch.setenv("PNEUMOSCOPE_WATCH_OUT", "memory://results")
    monkeypatch.setenv("PNEUMOSCOPE_BUNDLE", str(tiny_bundle.path))
    lambda_function._function.cache_clear()
    system = fsspec.filesystem("memory")
    system.store.clear()
    yield system
    system.store.clear()
    lambda_function._function.cache_clear()


def outcomes(event: Mapping[str, Any]) -> list[str]:
    return [film["outcome"] for film in handler(event, None)["films"]]


def test_a_film_is_read_once(memory: Any) -> None:
    memory.pipe_file("/hospital/ward 1/ä.png", BRIGHT[1])
    event = s3_event("ward+1/%C3%A4.png")
    assert outcomes(event) == ["PNEUMONIA"]
    first = memory.cat_file("/results/ward 1/ä.png.json")
    assert json.loads(first)["label"] == "PNEUMONIA"
    assert memory.exists("/results/ward 1/ä.png.heatmap.png")
    assert outcomes(event) == ["read before"]
    assert memory.cat_file("/results/ward 1/ä.png.json") == first
    memory.pipe_file("/hospital/ward 1/ä.png", DARK[1])
    assert outcomes(event) == ["NORMAL"]
    assert memory.cat_file("/results/ward 1/ä.png.json") == first
    assert len(memory.find("/results")) == 4
    # Each event may come several times, also after the key got another film.
    assert outcomes(event) == ["read before"]
    memory.pipe_file("/hospital/ward 1/ä.png", BRIGHT[1])
    assert outcomes(event) == ["read before"]
    assert len(memory.find("/results")) == 4


def test_results_other_files_and_deleted_objects_are_left_alone(
    memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PNEUMOSCOPE_WATCH_OUT", "memory://hospital/results")
    memory.pipe_file("/hospital/results/a.png.heatmap.png", BRIGHT[1])
    memory.pipe_file("/hospital/notes.txt", b"notes")
    memory.pipe_file("/hospital/a.png.part", BRIGHT[1])
    event = s3_event("results/a.png.heatmap.png", "notes.txt", "a.png.part", "gone.png")
    assert outcomes(event) == []
    assert outcomes(s3_event("a.png", name="ObjectRemoved:Delete")) == []
    assert len(memory.find("/hospital")) == 3


def test_a_film_that_cannot_be_read_leaves_its_reason(memory: Any) -> None:
    memory.pipe_file("/hospital/doe.png", BRIGHT[1][:100])
    memory.pipe_file("/hospital/empty.png", b"")
    assert outcomes(s3_event("doe.png", "empty.png")) == ["TruncatedImage", "EmptySource"]
    record = json.loads(memory.cat_file("/results/doe.png.error.json"))
    assert (record["source"], record["error"]["code"]) == ("doe.png", "TruncatedImage")


def test_the_reason_is_deleted_once_the_film_was_read(
    memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in ("doe.png", "films.zip", "films.zip/bright.png"):
        memory.pipe_file(f"/results/{key}.error.json", b"{}")
    memory.pipe_file("/hospital/doe.png", BRIGHT[1])
    memory.pipe_file("/hospital/films.zip", zipped(BRIGHT))
    assert outcomes(s3_event("doe.png", "films.zip")) == ["PNEUMONIA", "PNEUMONIA"]
    assert not [path for path in memory.find("/results") if path.endswith(".error.json")]
    # A damaged film over a sound one, and the sound one again: its result is there.
    memory.pipe_file("/results/doe.png.error.json", b"{}")
    assert outcomes(s3_event("doe.png")) == ["read before"]
    assert not memory.exists("/results/doe.png.error.json")
    # A function that may not delete reads the film all the same.
    memory.pipe_file("/results/dark.png.error.json", b"{}")
    memory.pipe_file("/hospital/dark.png", DARK[1])
    with monkeypatch.context() as patch:
        patch.setattr(type(memory), "rm_file", fail)
        assert outcomes(s3_event("dark.png")) == ["NORMAL"]


def test_archives_are_read_film_by_film(memory: Any) -> None:
    memory.pipe_file("/hospital/films.zip", zipped(BRIGHT, DARK, ("empty.png", b"")))
    assert outcomes(s3_event("films.zip")) == ["PNEUMONIA", "NORMAL", "EmptySource"]
    assert memory.exists("/results/films.zip/bright.png.json")


def fail(*_: object, **__: object) -> None:
    raise ConnectionError("slow down")


def test_a_store_that_fails_lets_the_event_come_again(
    memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory.pipe_file("/hospital/a.png", BRIGHT[1])
    with monkeypatch.context() as patch:
        patch.setattr(type(memory), "cat_file", fail)
        with pytest.raises(OSError, match="slow down"):
            handler(s3_event("a.png"), None)
    assert memory.find("/results") == []
    assert outcomes(s3_event("a.png")) == ["PNEUMONIA"]


def test_of_messages_only_those_that_failed_come_again(
    memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory.pipe_file("/hospital/a.png", BRIGHT[1])
    bodies = {"1": json.dumps(s3_event("a.png")), "2": "no json", "3": '{"Event": "s3:TestEvent"}'}
    records = [
        {"eventSource": "aws:sqs", "messageId": id_, "body": body} for id_, body in bodies.items()
    ]
    answer = handler({"Records": records}, None)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "2"}]}
    assert memory.exists("/results/a.png.json")


def test_events_of_every_kind() -> None:
    assert list(created_objects(s3_event("a+b%2Fc.png"))) == [("hospital", "a b/c.png")]
    bridge = {
        "detail-type": "Object Created",
        "detail": {"bucket": {"name": "hospital"}, "object": {"key": "a+b.png"}},
    }
    assert list(created_objects(bridge)) == [("hospital", "a+b.png")]
    assert list(created_objects(bridge | {"detail-type": "Object Deleted"})) == []
    assert list(created_objects({"Event": "s3:TestEvent"})) == []


def test_events_in_notifications_of_sns(memory: Any) -> None:
    memory.pipe_file("/hospital/a.png", BRIGHT[1])
    memory.pipe_file("/hospital/b.png", DARK[1])
    message = json.dumps(s3_event("a.png"))
    direct = {"Records": [{"EventSource": "aws:sns", "Sns": {"Message": message}}]}
    assert outcomes(direct) == ["PNEUMONIA"]
    queued = json.dumps({"Type": "Notification", "Message": json.dumps(s3_event("b.png"))})
    record = {"eventSource": "aws:sqs", "messageId": "1", "body": queued}
    assert handler({"Records": [record]}, None) == {"batchItemFailures": []}
    assert json.loads(memory.cat_file("/results/b.png.json"))["label"] == "NORMAL"


ROUTE = {"resource": "/films", "path": "/films", "httpMethod": "POST", "body": "AAAA"}


@pytest.mark.parametrize(
    "event",
    [
        ROUTE | {"requestContext": {"stage": "prod"}, "isBase64Encoded": True},
        ROUTE | {"requestContext": {"elb": {"targetGroupArn": "arn"}}},
        {"version": "2.0", "routeKey": "POST /films", "requestContext": {"http": {}}},
        {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}},
        {"Records": [{"eventSource": "aws:dynamodb", "dynamodb": {}}]},
        {"Records": [{"EventSource": "aws:sns", "Sns": {"Message": "a film has arrived"}}]},
        {"Records": "many"},
        {},
        [],
        None,
    ],
)
def test_events_of_other_services_fail(memory: Any, event: Any) -> None:
    """A trigger of a wrong kind would do nothing, and nobody would know."""
    with pytest.raises(UsageError) as caught:
        handler(event, None)
    assert caught.value.message in ("the event is none of S3", "the message is no JSON")
    assert caught.value.hint


def test_settings() -> None:
    plain = settings(OUT)
    assert (plain.out, plain.bundle, plain.reading) == ("s3://results/films", None, Settings())
    assert plain.result_files == ResultFiles()
    chosen = settings(
        OUT
        | {
            "PNEUMOSCOPE_WATCH_OBJECTS": "fhir, sr",
            "PNEUMOSCOPE_PREVALENCE": "0.1",
            "PNEUMOSCOPE_EXPLAIN": "none",
        }
    )
    assert chosen.result_files == ResultFiles(overlays=False, kinds=("sr", "fhir"))
    assert (chosen.reading.prevalence, chosen.reading.explain) == (0.1, "none")
    every = settings(
        OUT
        | {
            "PNEUMOSCOPE_BUNDLE": "children",
            "PNEUMOSCOPE_OPERATING_POINT": "rule_out",
            "PNEUMOSCOPE_ERROR": "0.1",
            "PNEUMOSCOPE_FORCE": "true",
            "PNEUMOSCOPE_PROFILE": "site.json",
            "PNEUMOSCOPE_POPULATION": "",
        }
    )
    assert every.bundle == "children"
    assert every.reading == Settings(
        operating_point="rule_out", error=0.1, force=True, profile=Path("site.json")
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"PNEUMOSCOPE_WATCH_OUT": ""},
        {"PNEUMOSCOPE_WATCH_OUT": "results"},
        {"PNEUMOSCOPE_WATCH_OBJECTS": "sr,sx"},
        {"PNEUMOSCOPE_PREVALENCE": "much"},
        {"PNEUMOSCOPE_ERROR": "5"},
        {"PNEUMOSCOPE_EXPLAIN": "quick"},
        {"PNEUMOSCOPE_FORCE": "perhaps"},
    ],
)
def test_wrong_settings_are_named(wrong: dict[str, str]) -> None:
    with pytest.raises(UsageError) as caught:
        settings(OUT | wrong)
    assert next(iter(wrong)) in caught.value.message
    assert caught.value.hint


@pytest.fixture
def s3_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """An S3 server on this machine, as a file system of fsspec; or a skip with the reason."""
    for module in ("moto", "flask", "s3fs"):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"no S3 server: {module} is not installed")
    code = (
        "from moto.server import ThreadedMotoServer; import time\n"
        "server = ThreadedMotoServer('127.0.0.1', 0); server.start()\n"
        "print('port', server.get_host_and_port()[1], flush=True); time.sleep(600)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        lines = iter(process.stdout.readline, "")
        port = next(line.split()[1] for line in lines if line.startswith("port "))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "testing")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        system = fsspec.filesystem("s3", skip_instance_cache=True)
        for bucket in ("hospital", "results"):
            system.mkdir(bucket)
        yield system
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


@pytest.mark.server
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")
def test_with_an_s3_server(
    s3_server: Any, tiny_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from watched import run_once, watch_settings

    monkeypatch.setenv("PNEUMOSCOPE_WATCH_OUT", "s3://results/lambda")
    monkeypatch.setenv("PNEUMOSCOPE_BUNDLE", str(tiny_bundle.path))
    lambda_function._function.cache_clear()
    s3_server.pipe_file("hospital/films/ward 1/a.png", BRIGHT[1])
    event = s3_event("films/ward+1/a.png")
    assert outcomes(event) == ["PNEUMONIA"]
    assert outcomes(event) == ["read before"]
    lambda_function._function.cache_clear()
    config = watch_settings(
        tmp_path, ["s3://hospital/films"], tiny_bundle, out="s3://results/watch"
    )
    for films in (1, 0):
        _, heard = run_once(config)
        assert len(heard.results) == films
    s3_server.invalidate_cache()
    assert sorted(s3_server.find("results")) == [
        "results/lambda/films/ward 1/a.png.heatmap.png",
        "results/lambda/films/ward 1/a.png.json",
        "results/watch/ward 1/a.png.json",
    ]
