"""Odd values on every route: the answer is never a failure of the server."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import DataError
from starlette.requests import Request

from databases import postgresql
from grey_films import BRIGHT
from in_process import Served, running_for
from pneumoscope.bundle import Bundle
from pneumoscope.serve.problems import _database_error
from pneumoscope.serve.renderings import RENDERINGS
from pneumoscope.serve.settings import ServeSettings
from served_routes import routes

ODD = (
    *(
        "",
        " ",
        "\0",
        "a\0b",
        "%00",
        "%ff",
        "%zz",
        "%ed%a0%80",
        "é",
        "😀",
        "\ufeff",
        "\u202e",
        "\x7f",
    ),
    *("-1", "0", "1e999", "9" * 400, "NaN", "Infinity", "2147483648", "9223372036854775808"),
    *("٣", "１２", "1_000", "0x10", " 5", "..", "../../etc/passwd", "a,b,,c", "'", '"', "{{7*7}}"),
    *("x" * 5000, "f" * 32, "F" * 32, "null", "[]", "{}"),
)
ODD_JSON = (
    *(b"", b"null", b"[]", b"{", b"\xff\xfe", b"\x00", b"[" * 3000, b'{"name":' * 800, b"9" * 5000),
    *('{"name": "é", "password": "x"}'.encode(form) for form in ("utf-16", "utf-32", "latin-1")),
    b'{"name": "\\ud800", "password": "\\udfff", "code": "\\ud800"}',
    b'{"name": "a\\u0000", "password": "b\\u0000", "code": "\\u0000"}',
    b'{"current": "\\ud800", "new": "\\ud800 four quiet herons"}',
    b'{"name": NaN, "password": 1e999}',
    b'{"name": "a", "name": "b", "password": "c", "password": "d"}',
)
CONTENT_TYPES = (
    "application/json",
    *(f"application/json; charset={name}" for name in ("utf-16", "idna", "rot13", "zlib", "x", "")),
    *(
        "text/plain",
        "",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "APPLICATION/JSON",
    ),
    "multipart/form-data; boundary=" + "x" * 300,
)
HEADERS = (
    *("Accept", "Range", "If-None-Match", "If-Modified-Since", "Prefer", "Content-Encoding", "TE"),
    *("Authorization", "Cookie", "Host", "Origin", "X-Forwarded-For", "Forwarded", "Last-Event-ID"),
    *("Content-Length", "Sec-Fetch-Site", "Upgrade", "Expect"),
)
HEADER_VALUES = (
    *(
        "",
        "\xff\xfe",
        "x" * 4000,
        "9" * 5000,
        "-1",
        "bytes=0-",
        "bytes=-1",
        "bytes=9-1",
        "bytes=a-b",
    ),
    *(
        "bytes=" + "9" * 40 + "-",
        "Bearer ",
        "Bearer \xff",
        "Basic Og==",
        "*",
        "http://[::1",
        "null",
    ),
    *("Thu, 99 Foo 2020 99:99:99 GMT", "pneumoscope=\xff", 'pneumoscope="\\', "::1%eth0", ";", ","),
)

value = st.sampled_from(ODD) | st.text(max_size=8).map(
    lambda text: text.encode("utf-8", "replace").decode()
)


@dataclass
class Target:
    """A server with a user, and its routes with an id that exists."""

    server: Served
    cookie: str
    film: str
    routes: list[tuple[str, str]]


@pytest.fixture(
    scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.server)]
)
def target(
    request: pytest.FixtureRequest, tiny_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Target]:
    with nullcontext() if request.param == "sqlite" else postgresql() as url:
        chosen = ServeSettings(
            folder=tmp_path_factory.mktemp("odd"), database=url, bundle=(str(tiny_bundle.path),),
            threads=1, rate_limit=0,
        )  # fmt: skip
        with running_for({"anna": "operator"}, chosen) as server:
            cookie = server.cookie("anna")
            films = [("files", BRIGHT)]
            sent = server("POST", "/api/v1/predictions", cookie=cookie, files=films)
            film = sent.json()["predictions"][0]["id"]
            # Events of a job do not end by themselves, and deleting would end the tests.
            served = [
                (method, path) for method, path in sorted(routes(server.app)) if method != "DELETE"
            ]
            yield Target(server, cookie, film, served)


@st.composite
def odd_request(draw: st.DrawFn, target: Target) -> tuple[str, str, dict[str, Any]]:
    """A request of which some parts are odd: method, address, and what `Served` takes."""
    method, template = draw(st.sampled_from(target.routes))
    if draw(st.integers(0, 9)) == 0:
        method = draw(st.sampled_from(["PUT", "PATCH", "OPTIONS", "HEAD", "TRACE", "DELETE"]))
    path = template
    for name in re.findall(r"{(\w+)}", template):
        usual = target.film if name == "id" else draw(st.sampled_from(list(RENDERINGS)))
        part = usual if draw(st.booleans()) else _quoted(draw(value))
        path = path.replace(f"{{{name}}}", part, 1)
    if method == "DELETE":
        path = path.replace(target.film, "0" * 32)
        path = path if "0" * 32 in path else "/api/v1/predictions/x"
    query = draw(
        st.lists(
            st.tuples(
                st.sampled_from(["limit", "before", "label", "format", "ids", "bundle", "x"]), value
            ),
            max_size=2,
        )
    )
    if query:
        path += "?" + "&".join(f"{name}={_quoted(text)}" for name, text in query)
    headers = draw(
        st.lists(st.tuples(st.sampled_from(HEADERS), st.sampled_from(HEADER_VALUES)), max_size=2)
    )
    return method, path, _content(draw, method) | {"headers": headers}


def _quoted(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode()) or "%20"


def _content(draw: st.DrawFn, method: str) -> dict[str, Any]:
    if method not in ("POST", "PUT", "PATCH"):
        return {}
    kind = draw(st.sampled_from(["json", "values", "form"]))
    if kind == "form":
        files = [
            ("files", (draw(value) or "x", draw(st.sampled_from([BRIGHT[1], b"", b"PK\3\4"]))))
        ]
        fields = draw(
            st.dictionaries(
                st.sampled_from(
                    ["patient", "bundle", "prevalence", "operating_point", "heatmaps", "x"]
                ),
                value,
                max_size=3,
            )
        )
        return {"files": files, "data": fields}
    content = draw(st.sampled_from(ODD_JSON))
    if kind == "values":
        odd = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | value
        names = ("name", "password", "code", "current", "new")
        content = json.dumps({name: draw(odd) for name in names}).encode()
    return {"content": content, "content_type": draw(st.sampled_from(CONTENT_TYPES))}


@pytest.mark.slow
def test_no_odd_request_makes_the_server_fail(target: Target) -> None:
    @settings(
        max_examples=80, deadline=None, database=None, derandomize=True,
        suppress_health_check=[*HealthCheck],
    )  # fmt: skip
    @given(request=odd_request(target))
    def send(request: tuple[str, str, dict[str, Any]]) -> None:
        method, path, rest = request
        headers = [(name.encode(), text.encode("latin-1")) for name, text in rest.pop("headers")]
        if (kind := rest.pop("content_type", None)) is not None:
            headers.append((b"Content-Type", kind.encode("latin-1")))
        target.server.security.throttle.__init__()  # type: ignore[misc]
        answer = target.server(method, path, cookie=target.cookie, headers=headers, **rest)
        assert answer.status_code < 500, (method, path, answer.text)

    send()


NUL = [
    ("GET", "/api/v1/predictions/%00"),
    ("DELETE", "/api/v1/predictions/a%00b"),
    ("GET", "/api/v1/predictions/%00/film"),
    ("GET", "/api/v1/predictions?before=%00"),
    ("GET", "/api/v1/predictions?label=a%00"),
    ("GET", "/api/v1/predictions/export?ids=%00,x"),
    ("GET", "/api/v1/jobs/%00"),
    ("DELETE", "/api/v1/jobs/%00"),
    ("GET", "/api/v1/jobs/%00/events"),
    ("POST", "/api/v1/account/sessions/%00/end"),
]


@pytest.mark.parametrize(("method", "path"), NUL)
def test_nul_in_an_address_is_refused(target: Target, method: str, path: str) -> None:
    """PostgreSQL would refuse it, which is no failure of the database."""
    answer = target.server(method, path, cookie=target.cookie)
    assert answer.status_code == 400
    assert answer.json()["detail"] == "the address contains NUL"


def test_a_length_of_thousands_of_digits_is_refused(target: Target) -> None:
    headers = {"Content-Length": "9" * 5000}
    assert target.server("POST", "/api/v1/session", headers=headers).status_code == 400


def test_a_value_that_the_database_refuses_is_the_fault_of_the_request() -> None:
    request = Request({"type": "http", "path": "/x", "headers": [], "query_string": b""})
    error = DataError("SELECT", {"id": 2**70}, Exception("out of range"))
    answer = asyncio.run(_database_error(request, error))
    assert answer.status_code == 422
    assert b"out of range" not in bytes(answer.body)
