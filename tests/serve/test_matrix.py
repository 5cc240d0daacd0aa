"""Two users on every route: nobody sees, changes or learns about the data of another.

The routes come from the application itself, so that a new one cannot be forgotten: a route that this
file does not know fails `test_every_route_is_in_the_matrix`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import product

import httpx
import pytest

from databases import postgresql
from grey_films import BRIGHT, DARK
from in_process import CHEAP, PASSWORD, Served, running
from pneumoscope.bundle import Bundle
from pneumoscope.serve.admin.administration import open_administration
from pneumoscope.serve.app import create_app
from pneumoscope.serve.renderings import RENDERINGS
from pneumoscope.serve.security.admission import is_public
from pneumoscope.serve.security.tokens import SCOPES
from pneumoscope.serve.settings import ServeSettings
from served_routes import routes

OWNED = {
    ("GET", "/api/v1/predictions/{id}"),
    ("DELETE", "/api/v1/predictions/{id}"),
    ("GET", "/api/v1/predictions/{id}/{rendering}"),
    ("GET", "/api/v1/jobs/{id}"),
    ("DELETE", "/api/v1/jobs/{id}"),
    ("GET", "/api/v1/jobs/{id}/events"),
}
"""Routes that name an object of a user: 404 for everybody else."""
OF_DICOM_FILMS = {
    ("GET", "/api/v1/predictions/{id}/objects/{kind}"),
    ("POST", "/api/v1/predictions/{id}/destinations/{destination}"),
}
"""Likewise; their owner sees them only of DICOM films, see test_dicom_objects.py."""
LISTS = {
    ("GET", "/api/v1/predictions"),
    ("DELETE", "/api/v1/predictions"),
    ("GET", "/api/v1/predictions/export"),
}
"""Routes for all objects of a user: no others are in the answer, and no others are lost."""
COMMON = {
    ("POST", "/api/v1/predictions"),
    ("GET", "/api/v1/model"),
    ("GET", "/api/v1/settings"),
    ("GET", "/api/v1/me"),
    ("DELETE", "/api/v1/session"),
    ("GET", "/api/v1/openapi.json"),
    ("GET", "/metrics"),
}
"""Routes that concern no films of others; they need a user nevertheless."""
ACCOUNT = {
    ("GET", "/api/v1/account"),
    ("POST", "/api/v1/account/password"),
    ("POST", "/api/v1/account/sessions/end"),
    ("POST", "/api/v1/account/sessions/{id}/end"),
}
"""Routes for the user's own password and sessions, open to every role, but to no token."""
PUBLIC = {
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("POST", "/api/v1/session"),
    ("GET", "/"),
    ("GET", "/login"),
    ("GET", "/static"),
    ("GET", "/static/samples"),
}


@dataclass
class House:
    """A server with two operators, and the objects of the first."""

    server: Served
    cookies: dict[str, str]
    tokens: dict[str, str]
    films: list[str]
    job: str
    before: Sequence[bytes] = ()
    """Everything that the first user could see before the attempts."""

    def as_user(self, name: str, method: str, path: str, how: str = "cookie") -> httpx.Response:
        if how == "token":
            return self.server(method, path, token=self.tokens[name])
        return self.server(method, path, cookie=self.cookies[name])

    def filled(self, path: str) -> list[str]:
        """A template with the ids of the first user's film and job."""
        if "/jobs/" in path:
            return [path.replace("{id}", self.job)]
        return [
            path.replace("{id}", film)
            .replace("{rendering}", rendering)
            .replace("{kind}", "sr")
            .replace("{destination}", "archive")
            for film in self.films
            for rendering in (RENDERINGS if "{rendering}" in path else [""])
        ]

    def seen_by_owner(self) -> list[bytes]:
        """Everything that the first user can see."""
        paths = [path for m, t in sorted(OWNED) if m == "GET" for path in self.filled(t)]
        answers = [self.as_user("anna", "GET", path) for path in [*paths, "/api/v1/predictions"]]
        assert {answer.status_code for answer in answers} == {200}
        # A PDF contains the time at which it was made.
        return [b"" if answer.url.path.endswith("pdf") else answer.content for answer in answers]


@pytest.fixture(
    scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.server)]
)
def house(
    request: pytest.FixtureRequest, lungs_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    with nullcontext() if request.param == "sqlite" else postgresql() as url:
        yield from furnished(
            ServeSettings(
                folder=tmp_path_factory.mktemp("house"), database=url, bundle=(str(lungs_bundle.path),),
                threads=1, rate_limit=0,
            )
        )  # fmt: skip


def furnished(settings: ServeSettings) -> Iterator[House]:
    administration = open_administration(settings)
    administration.accounts.hasher = CHEAP
    tokens = {}
    for name in ("anna", "bert"):
        administration.add_user(name, PASSWORD, "operator")
        tokens[name], _ = administration.add_token(name, "tests", list(SCOPES), 1)
    administration.store.close()
    with running(create_app(settings)) as server:
        server.security.accounts.hasher = CHEAP
        cookies = {name: server.cookie(name) for name in tokens}
        sent = server(
            "POST", "/api/v1/predictions", cookie=cookies["anna"], files=[("files", BRIGHT)]
        )
        assert sent.status_code == 200, sent.text
        films = [sent.json()["predictions"][0]["id"]]
        sent = server(
            "POST", "/api/v1/predictions", cookie=cookies["anna"], files=[("files", DARK)],
            headers={"Prefer": "respond-async"}, data={"patient": "PAT-1"},
        )  # fmt: skip
        assert sent.status_code == 202, sent.text
        job = sent.json()["job"]["id"]
        events = server("GET", f"/api/v1/jobs/{job}/events", cookie=cookies["anna"])
        assert "event: end" in events.text
        listed = server("GET", f"/api/v1/jobs/{job}", cookie=cookies["anna"]).json()
        films.append(listed["predictions"][0]["id"])
        house = House(server, cookies, tokens, films, job)
        house.before = house.seen_by_owner()
        yield house


def test_every_route_is_in_the_matrix(house: House) -> None:
    known = OWNED | OF_DICOM_FILMS | LISTS | COMMON | ACCOUNT | PUBLIC
    assert not routes(house.server.app) - known
    # All routes must exist, except for the static page.
    optional = {("GET", "/"), ("GET", "/login"), ("GET", "/static"), ("GET", "/static/samples")}
    assert not known - optional - routes(house.server.app)


def test_the_owner_sees_everything(house: House) -> None:
    for method, template in sorted(OWNED):
        if method == "GET":
            for path in house.filled(template):
                for how in ("cookie", "token"):
                    assert house.as_user("anna", method, path, how).status_code == 200, path


@pytest.mark.slow
@pytest.mark.parametrize(("method", "template"), sorted(OWNED | OF_DICOM_FILMS))
def test_another_users_things_do_not_exist(house: House, method: str, template: str) -> None:
    for path, how in product(house.filled(template), ("cookie", "token")):
        answer = house.as_user("bert", method, path, how)
        assert answer.status_code == 404, (path, how)
        # The same words as for an id that does not exist.
        unknown = path
        for id_ in (*house.films, house.job):
            unknown = unknown.replace(id_, "0" * 32)
        missing = house.as_user("bert", method, unknown, how)
        assert missing.status_code == 404, how
        assert _without_place(answer) == _without_place(missing), how
    assert house.seen_by_owner() == house.before


def _without_place(answer: httpx.Response) -> dict[str, object]:
    problem = json.loads(answer.content)
    problem.pop("instance")
    return dict(problem)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["cookie", "token"])
def test_own_lists_hold_nothing_of_others(house: House, how: str) -> None:
    ids = ",".join(house.films)
    requests = [
        ("GET", "/api/v1/predictions"),
        ("GET", f"/api/v1/predictions?before={house.films[0]}"),
        *(("GET", f"/api/v1/predictions/export?format={kind}") for kind in ("csv", "json", "pdf")),
        *(
            ("GET", f"/api/v1/predictions/export?format={kind}&ids={ids}")
            for kind in ("csv", "json", "pdf")
        ),
        ("DELETE", "/api/v1/predictions"),
    ]
    assert {(m, p.partition("?")[0]) for m, p in requests} == LISTS
    for method, path in requests:
        answer = house.as_user("bert", method, path, how)
        assert answer.status_code in (200, 404), (path, answer.text)
        for secret in (*house.films, "bright.png", "dark.png"):
            assert secret.encode() not in answer.content, path
    assert house.seen_by_owner() == house.before


@pytest.mark.parametrize(
    ("method", "template"), sorted(OWNED | OF_DICOM_FILMS | LISTS | COMMON | ACCOUNT)
)
def test_strangers_get_in_nowhere(house: House, method: str, template: str) -> None:
    assert not is_public(method, template)
    for path in house.filled(template):
        for how in ({}, {"cookie": "pneumoscope=" + "A" * 43}, {"token": "pnsc_x"}):
            assert house.server(method, path, **how).status_code in (401, 429), path


@pytest.mark.slow
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_no_route_lets_another_page_change_anything(house: House, method: str) -> None:
    for _, template in sorted(OWNED | OF_DICOM_FILMS | LISTS | COMMON | ACCOUNT | PUBLIC):
        for path in house.filled(template):
            answer = house.server(
                method, path, cookie=house.cookies["anna"], origin="https://evil.example"
            )
            assert answer.status_code == 403, path
    assert house.seen_by_owner() == house.before


def test_a_viewer_changes_nothing_on_any_route(house: House) -> None:
    house.server.security.accounts.set_role("bert", "viewer")
    try:
        for method, template in sorted(OWNED | OF_DICOM_FILMS | LISTS | COMMON):
            if method != "GET" and template != "/api/v1/session":
                for path in house.filled(template):
                    assert house.as_user("bert", method, path).status_code == 403, path
    finally:
        house.server.security.accounts.set_role("bert", "operator")


def test_only_post_takes_a_body(house: House) -> None:
    """A proxy may drop the body of any other request, or refuse it (RFC 9110, 9.3)."""
    with_body = {
        method
        for operations in house.server.app.openapi()["paths"].values()
        for method, operation in operations.items()
        if "requestBody" in operation
    }
    assert with_body == {"post"}


@pytest.mark.parametrize(("method", "template"), sorted(ACCOUNT))
def test_no_token_changes_an_account(house: House, method: str, template: str) -> None:
    for path in house.filled(template):
        assert house.as_user("bert", method, path, "token").status_code == 403


def test_nobody_ends_the_session_of_another(house: House) -> None:
    listed = house.as_user("anna", "GET", "/api/v1/account").json()["sessions"]
    for session in listed:
        path = f"/api/v1/account/sessions/{session['id']}/end"
        answer = house.server(
            "POST", path, cookie=house.cookies["bert"], json={"current": PASSWORD}
        )
        assert answer.status_code == 404
    assert house.as_user("anna", "GET", "/api/v1/account").json()["sessions"][0]["current"]


def test_an_administrator_sees_no_films_of_others_either(house: House) -> None:
    house.server.security.accounts.set_role("bert", "admin")
    try:
        for method, template in sorted(OWNED | OF_DICOM_FILMS):
            for path in house.filled(template):
                assert house.as_user("bert", method, path).status_code == 404, path
    finally:
        house.server.security.accounts.set_role("bert", "operator")


def test_ids_cannot_be_guessed(house: House) -> None:
    for number in (*house.films, house.job):
        assert len(number) == 32
        assert int(number, 16)
    assert len({number[:8] for number in (*house.films, house.job)}) == 3
