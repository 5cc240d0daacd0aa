"""The client's requests, and what it makes of each answer; tests/serve/test_client.py has a real server."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

httpx = pytest.importorskip("httpx", reason="needs the [serve] extra")

from pneumoscope.client import TOKEN_VARIABLE, Client, Job
from pneumoscope.errors import MissingExtra, MissingFile, ServerError, UsageError
from pneumoscope.records import Settings
from pneumoscope.render.serialise import prediction_to_json
from predictions import prediction

URL = "https://reading-room.example:8000"
JOB = {"id": "j1", "state": "running", "total": 2, "done": 1, "failed": 0}
LIMITS = {"limits": {"max_body_bytes": 10_000, "sync_files": 2}}
FILM = b"\x89PNG film"

Answer = Callable[[Any], Any]


class Server:
    """Answers by path what a test has put there, and remembers the requests.

    A list is answered one by one; the last of it stays.
    """

    def __init__(self) -> None:
        self.answers: dict[str, list[Any]] = {}
        self.requests: list[Any] = []

    def on(self, path: str, *answers: Any) -> None:
        self.answers[f"/api/v1{path}"] = list(answers)

    def __call__(self, request: Any) -> Any:
        request.read()
        self.requests.append(request)
        waiting = self.answers[request.url.path]
        answer = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        if isinstance(answer, Exception):
            raise answer
        return answer(request) if callable(answer) else answer


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    server = Server()
    monkeypatch.setattr(
        httpx, "Client", partial(httpx.Client, transport=httpx.MockTransport(server))
    )
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)
    return server


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with Client(URL) as client:
        yield client


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that the client would have waited."""
    waits: list[float] = []
    monkeypatch.setattr("pneumoscope.client.http.time.sleep", waits.append)
    return waits


def film_of(id_: str, **changes: Any) -> dict[str, Any]:
    """A film of the server's answer."""
    values = {
        "id": id_,
        "created": "2026-01-02T03:04:05+00:00",
        "film": {"name": f"{id_}.png", "sha256": "ab" * 32},
        "state": "done",
        "result": prediction_to_json(prediction()),
        "error": None,
        "links": {"self": f"/api/v1/predictions/{id_}"},
    }
    return values | changes


def answer(content: object, status: int = 200, **headers: str) -> Any:
    return httpx.Response(
        status, json=content, headers={k.replace("_", "-"): v for k, v in headers.items()}
    )


def films(*ids: str) -> Any:
    return answer({"predictions": [film_of(id_) for id_ in ids]})


def fields(request: Any) -> str:
    """The form of an upload, as text."""
    return str(request.content.decode("latin-1"))


def test_a_film_is_sent_with_its_settings_and_comes_back_as_a_record(
    server: Server, client: Client, tmp_path: Path
) -> None:
    (tmp_path / "ward.png").write_bytes(FILM)
    server.on("/predictions", films("a"))
    record = client.predict(
        tmp_path / "ward.png", Settings("screen", prevalence=0.25), patient="PAT-1", bundle="second"
    )
    assert (record.id, record.state, record.error) == ("a", "done", None)
    assert record.name == str(tmp_path / "ward.png")  # as the reader named it
    assert record.prediction is not None
    assert (record.prediction.label, record.prediction.p_positive) == ("PNEUMONIA", 0.8)
    (request,) = server.requests
    assert (request.method, str(request.url)) == ("POST", f"{URL}/api/v1/predictions")
    form = fields(request)
    assert 'filename="ward.png"' in form  # not the folders of this machine
    for name, value in (
        ("operating_point", "screen"),
        ("prevalence", "0.25"),
        ("patient", "PAT-1"),
        ("bundle", "second"),
    ):
        assert f'name="{name}"\r\n\r\n{value}\r\n' in form
    assert FILM.decode("latin-1") in form


def test_what_was_not_chosen_is_not_sent(server: Server, client: Client) -> None:
    server.on("/predictions", films("a"))
    client.predict(FILM)
    form = fields(server.requests[0])
    for name in ("operating_point", "prevalence", "error", "patient", "bundle"):
        assert f'name="{name}"' not in form


@pytest.mark.parametrize(
    ("given", "variable", "sent"),
    [
        ("secret", None, "Bearer secret"),
        (None, "from-env", "Bearer from-env"),
        ("secret", "from-env", "Bearer secret"),
        (None, "", None),
        (None, None, None),
    ],
)
def test_where_the_token_comes_from(
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    given: str | None,
    variable: str | None,
    sent: str | None,
) -> None:
    if variable is not None:
        monkeypatch.setenv(TOKEN_VARIABLE, variable)
    server.on("/model", answer({"labels": ["normal", "ill"]}))
    with Client(f"{URL}/", token=given) as client:
        assert client.url == URL
        assert client.model() == {"labels": ["normal", "ill"]}
    assert server.requests[0].headers.get("authorization") == sent


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 415, 422, 500, 502])
def test_a_problem_of_the_server_becomes_its_words_and_status(
    server: Server, client: Client, waits: list[float], status: int
) -> None:
    problem = {"detail": "the film is too large", "hint": "Send a smaller one.", "code": "X"}
    server.on("/predictions", answer(problem, status, retry_after="9"))
    with pytest.raises(ServerError) as error:
        client.predict(FILM)
    assert (error.value.message, error.value.hint) == (problem["detail"], problem["hint"])
    assert error.value.status == status
    assert waits == []
    assert len(server.requests) == 1  # nothing is sent twice that was not refused for load


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"<html>Bad gateway</html>", 502),
        (b'{"detail": "Not Found"}', 404),  # another service
        (b"[]", 500),
        (b'"text"', 418),
        (b"", 301),
    ],
)
def test_an_error_that_is_none_of_a_reading_room(
    server: Server, client: Client, content: bytes, status: int
) -> None:
    server.on("/settings", httpx.Response(status, content=content))
    with pytest.raises(ServerError, match=f"the server answers {status}") as error:
        client.choices()
    assert error.value.hint == "Is this the address of `pneumoscope serve`?"
    assert error.value.status == status


@pytest.mark.parametrize(
    "content", [b"<html>hello</html>", b"[]", b"7", b"", b"\xff\xfe", b"{}", b'{"predictions": []}']
)
def test_an_answer_that_is_none_of_a_reading_room(
    server: Server, client: Client, content: bytes
) -> None:
    server.on("/predictions", httpx.Response(200, content=content))
    with pytest.raises(ServerError, match="the answer is not from a pneumoscope server") as error:
        client.predict(FILM)
    assert error.value.hint == "Is this the address of `pneumoscope serve`?"


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_is_asked_again_when_it_says(
    server: Server, client: Client, waits: list[float], status: int
) -> None:
    busy = answer({"detail": "busy", "hint": "Later."}, status, retry_after="3")
    longer = answer({"detail": "busy", "hint": "Later."}, status, retry_after="600")
    server.on("/predictions", busy, longer, films("a"))
    assert client.predict(FILM).id == "a"
    assert waits == [3.0, 30.0]  # half a minute at most
    assert len(server.requests) == 3
    assert all(FILM in request.content for request in server.requests)


def test_a_server_that_stays_busy_is_given_up(
    server: Server, client: Client, waits: list[float]
) -> None:
    server.on("/predictions", answer({"detail": "full", "hint": "Later."}, 429, retry_after="1"))
    with pytest.raises(ServerError, match="full") as error:
        client.predict(FILM)
    assert error.value.status == 429
    assert (len(server.requests), waits) == (8, [1.0] * 7)


@pytest.mark.parametrize("header", ["", "Wed, 21 Oct 2026 07:28:00 GMT", "-1", "1.5", "\xb2"])
def test_a_server_that_does_not_say_when_is_not_asked_again(
    server: Server, client: Client, waits: list[float], header: str
) -> None:
    full = httpx.Response(
        503,
        content=b'{"detail": "full", "hint": "Later."}',
        headers={"retry-after": header.encode("latin-1")},
    )
    server.on("/predictions", full)
    with pytest.raises(ServerError, match="full"):
        client.predict(FILM)
    assert (len(server.requests), waits) == (1, [])


@pytest.mark.parametrize(
    ("failure", "name"),
    [
        (httpx.ConnectError("refused"), "ConnectError"),
        (httpx.ReadTimeout("slow"), "ReadTimeout"),
        (httpx.RemoteProtocolError("odd"), "RemoteProtocolError"),
        (httpx.InvalidURL("no"), "InvalidURL"),
    ],
)
def test_a_server_that_does_not_answer(
    server: Server, client: Client, failure: Exception, name: str
) -> None:
    server.on("/predictions", failure)
    with pytest.raises(ServerError, match=rf"{URL}: no answer \({name}\)") as error:
        client.predict(FILM)
    assert error.value.status is None
    assert "is the address right" in error.value.hint
    server.on("/jobs/j1/events", failure)
    with pytest.raises(ServerError, match="no answer"):
        list(client.follow("j1"))


@pytest.mark.parametrize("token", [None, "secret"])
@pytest.mark.parametrize(
    "url",
    [
        "", "127.0.0.1:8000", "ftp://there", "reading-room", "http://[::1", "http://127.0.0.1:port",
        "https://[", "https://\u202e", "https://a\nb", f"https://{'a' * 70_000}",
    ],
)  # fmt: skip
def test_what_is_no_address(url: str, token: str | None) -> None:
    with pytest.raises(ServerError, match="no address of a server") as error:
        Client(url, token=token)
    assert error.value.hint == "Such as http://127.0.0.1:8000"


@pytest.mark.parametrize("token", ["t\u00f6ken", "a\nb", "a\0b"])
def test_what_is_no_token(token: str) -> None:
    with pytest.raises(ServerError, match="characters that no token has") as error:
        Client(URL, token=token)
    assert token not in str(error.value) + error.value.hint


def test_without_httpx_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "httpx", None)
    with pytest.raises(MissingExtra, match=r"the client \(httpx\)") as error:
        Client(URL)
    assert "[serve]" in error.value.hint


def test_settings_out_of_range_are_refused_before_anything_is_sent(
    server: Server, client: Client, tmp_path: Path
) -> None:
    with pytest.raises(UsageError):
        client.predict(FILM, Settings(prevalence=2.0))
    with pytest.raises(UsageError):
        next(client.predict_many([FILM], Settings(error=-1.0)))
    with pytest.raises(MissingFile):
        client.predict(tmp_path / "none.png")
    assert server.requests == []


def test_many_films_are_sent_in_portions_and_come_back_in_their_order(
    server: Server, client: Client, tmp_path: Path
) -> None:
    names = [tmp_path / name for name in ("1.png", "none.png", "2.png", "3.png")]
    for name in names[:1] + names[2:]:
        name.write_bytes(FILM + name.name.encode())
    server.on("/settings", answer(LIMITS))
    broken = {"code": "TruncatedImage", "detail": "film: cut", "hint": "Again.", "status": 422}
    second = answer({"predictions": [film_of("c", state="failed", result=None, error=broken)]})
    server.on("/predictions", films("a", "b"), second)
    results = list(client.predict_many(names, bundle="second"))
    assert [(outcome.index, outcome.source) for outcome, _ in results] == list(
        enumerate(map(str, names))
    )
    assert [record and record.id for _, record in results] == ["a", None, "b", "c"]
    errors = [outcome.error for outcome, _ in results]
    assert [error and error.code for error in errors] == [
        None, "MissingFile", None, "TruncatedImage",
    ]  # fmt: skip
    assert str(errors[3]) == f"{names[3]}: cut"
    first, *uploads = server.requests
    assert first.url.path == "/api/v1/settings"
    sent = [[n for n in ("1.png", "2.png", "3.png") if n in fields(r)] for r in uploads]
    assert sent == [["1.png", "2.png"], ["3.png"]]
    assert all('name="bundle"\r\n\r\nsecond' in fields(r) for r in uploads)


def test_films_that_cannot_be_opened_need_no_request(server: Server, client: Client) -> None:
    server.on("/settings", answer(LIMITS))
    ((outcome, record),) = client.predict_many([Path("none.png")])
    assert (type(outcome.error), record) == (MissingFile, None)
    assert [request.url.path for request in server.requests] == ["/api/v1/settings"]


def test_fewer_films_than_were_sent_are_no_answer(server: Server, client: Client) -> None:
    server.on("/settings", answer(LIMITS))
    server.on("/predictions", films("a"))
    with pytest.raises(ServerError, match="the answer is not from a pneumoscope server"):
        list(client.predict_many([FILM, FILM]))


def test_a_job_is_handed_in_looked_at_and_cancelled(server: Server, client: Client) -> None:
    server.on("/predictions", answer({"job": JOB}, 202))
    server.on("/jobs/j1", answer(JOB), answer(JOB | {"state": "done", "done": 2, "failed": 1}))
    job = client.submit([FILM, FILM])
    assert job == Job("j1", "running", 2, 1, 0)
    assert server.requests[0].headers["prefer"] == "respond-async"
    assert client.job("j1") == job
    assert client.cancel(job) == Job("j1", "done", 2, 2, 1)
    assert [request.method for request in server.requests] == ["POST", "GET", "DELETE"]


def events(*contents: object, ended: bool = True) -> bytes:
    """A stream of server-sent events."""
    lines = [": keep-alive", ""]
    for content in contents:
        lines += ["event: film", f"data: {json.dumps(content)}", ""]
    if ended:
        lines += ["event: end", f"data: {json.dumps({'job': JOB})}", ""]
    return "\n".join(lines).encode() + b"\n"


def test_a_job_is_followed_to_its_end(server: Server, client: Client) -> None:
    content = events({"record": film_of("a")}, {"record": film_of("b")})
    server.on("/jobs/j1/events", httpx.Response(200, content=content))
    job = Job("j1", "running", 2, 0, 0)
    assert [record.id for record in client.follow(job)] == ["a", "b"]
    assert [record.name for record in client.follow("j1")] == ["a.png", "b.png"]


def test_a_stream_that_breaks_off_is_no_end(server: Server, client: Client) -> None:
    content = events({"record": film_of("a")}, ended=False)
    server.on("/jobs/j1/events", httpx.Response(200, content=content))
    following = client.follow("j1")
    assert next(following).id == "a"
    with pytest.raises(ServerError, match="broke off before the job ended") as error:
        next(following)
    assert error.value.hint == "Follow it again."


def test_a_job_that_does_not_exist(server: Server, client: Client) -> None:
    server.on("/jobs/j1/events", answer({"detail": "nothing is here", "hint": "Look."}, 404))
    with pytest.raises(ServerError, match="nothing is here") as error:
        list(client.follow("j1"))
    assert error.value.status == 404


def test_history_pages_by_the_last_film(server: Server, client: Client) -> None:
    server.on("/predictions", films("b", "a"))
    assert [record.id for record in client.history(2)] == ["b", "a"]
    client.history(500, before="a")
    assert [dict(request.url.params) for request in server.requests] == [
        {"limit": "2"},
        {"limit": "500", "before": "a"},
    ]


def test_renderings_and_deletion_name_the_film(server: Server, client: Client) -> None:
    server.on("/predictions", films("a"))
    server.on("/predictions/a/overlay.png", httpx.Response(200, content=b"\x89PNG"))
    server.on("/predictions/a", httpx.Response(204))
    (record,) = client.history(1)
    assert client.rendering(record, "overlay.png") == b"\x89PNG"
    assert client.rendering("a", "overlay.png") == b"\x89PNG"
    client.delete(record)
    assert server.requests[-1].method == "DELETE"


def test_one_of_several_bundles_is_named(server: Server, client: Client) -> None:
    server.on("/model", answer({"labels": ["normal", "ill"]}))
    server.on("/settings", answer({"bundles": ["first", "second"], **LIMITS}))
    client.model()
    client.model("second")
    client.choices("second")
    assert [dict(request.url.params) for request in server.requests] == [
        {}, {"bundle": "second"}, {"bundle": "second"},
    ]  # fmt: skip


def test_a_token_does_not_follow_a_redirect(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)
    for status in (301, 302, 303, 307, 308):
        moved = httpx.Response(status, headers={"Location": "https://evil.example/api/v1/settings"})
        server.on("/settings", moved)
        with Client(URL, token="secret") as client, pytest.raises(ServerError) as error:
            client.choices()
        assert error.value.status == status
    assert {request.url.host for request in server.requests} == {"reading-room.example"}


@pytest.mark.parametrize(
    "limits",
    [[], {}, {"max_body_bytes": "x", "sync_files": 2}, {"max_body_bytes": 5, "sync_files": None}],
)
def test_limits_that_are_none(server: Server, client: Client, limits: object) -> None:
    server.on("/settings", answer({"limits": limits}))
    with pytest.raises(ServerError, match="not from a pneumoscope server"):
        list(client.predict_many([FILM]))
    assert len(server.requests) == 1


@pytest.mark.parametrize("event", ["{", "5", "null", "[" * 100_000, '{"record": 5}'])
def test_an_event_that_is_none(server: Server, client: Client, event: str) -> None:
    server.on("/jobs/j1/events", httpx.Response(200, content=f"data: {event}\n\n".encode()))
    with pytest.raises(ServerError, match="not from a pneumoscope server"):
        list(client.follow("j1"))


def test_a_film_with_neither_result_nor_error_was_not_read(server: Server, client: Client) -> None:
    server.on("/predictions", answer({"predictions": [film_of("a", state="queued", result=None)]}))
    with pytest.raises(ServerError, match="not from a pneumoscope server"):
        client.predict(FILM)


@pytest.mark.parametrize(
    "url", ["http://reading-room.example", "HTTP://10.0.0.7:8000", "http://localhost.example"]
)
def test_a_token_is_not_sent_without_encryption(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)
    with pytest.raises(ServerError, match="without encryption") as error:
        Client(url.lower(), token="pnsc_x")
    assert "https://" in error.value.hint
    Client(url.lower()).close()  # without a token, nothing secret is sent


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "[::1]"])
def test_on_this_machine_a_token_needs_no_encryption_and_passes_no_proxy(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    with Client(f"http://{host}:8000", token="pnsc_x") as client:
        assert not client._http.trust_env
        assert set(client._http._mounts.values()) <= {None}
