"""Every route leaves its line in the audit log, for an object that exists, and before it changes anything.

The routes come from the application itself, so that a new one cannot be forgotten.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from audited_site import Site, audited_site
from grey_films import BRIGHT
from in_process import PASSWORD
from pneumoscope.ai_results.kinds import KINDS
from pneumoscope.bundle import Bundle
from pneumoscope.serve.renderings import RENDERINGS
from pneumoscope.serve.security.admission import SAFE_METHODS
from pneumoscope.serve.security.audit_trail import QUIET
from result_films import film_bytes
from served_routes import routes

API = "/api/v1"
DICOM = ("film.dcm", film_bytes(200))
NEW = "another walk by the river"
AS_JOB = {"Prefer": "respond-async"}


@pytest.fixture(scope="module")
def site(lungs_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with audited_site(lungs_bundle, tmp_path_factory.mktemp("site")) as here:
        yield here


@dataclass
class Attempt:
    """A request of a new user that changes something.

    Attributes:
        user: Name of the user.
        cookie: Of the user's session.
        path: With the ids of objects that exist.
        objects: Ids that the line names.
        more: What `Served` takes besides.
        what: The event, if it is not called by method and path.
    """

    user: str
    cookie: str | None
    path: str
    objects: tuple[str, ...] = ()
    more: dict[str, Any] = field(default_factory=dict)
    what: str | None = None

    def ask(self, site: Site, method: str) -> httpx.Response:
        return site.server(method, self.path, cookie=self.cookie, **self.more)


def with_film(site: Site, path: str) -> Attempt:
    user = site.user()
    cookie = site.server.cookie(user)
    id_ = site.send(cookie, DICOM)["predictions"][0]["id"]
    return Attempt(user, cookie, path.replace("{id}", id_), (id_,))


def with_job(site: Site) -> Attempt:
    user = site.user()
    cookie = site.server.cookie(user)
    id_ = site.send(cookie, BRIGHT, headers=AS_JOB)["job"]["id"]
    return Attempt(user, cookie, f"{API}/jobs/{id_}", (id_,))


def upload(site: Site) -> Attempt:
    user = site.user()
    more = {"files": [("files", BRIGHT)]}
    return Attempt(user, site.server.cookie(user), f"{API}/predictions", more=more)


def upload_as_job(site: Site) -> Attempt:
    attempt = upload(site)
    attempt.more = {**attempt.more, "headers": AS_JOB}
    return attempt


def of_account(site: Site, path: str, **fields: str) -> Attempt:
    """With another session of the user, which a path may name."""
    user = site.user()
    site.server.cookie(user)
    cookie = site.server.cookie(user)
    sessions = site.server("GET", f"{API}/account", cookie=cookie).json()["sessions"]
    (other,) = [listed["id"] for listed in sessions if not listed["current"]]
    account = site.administration.accounts.get(user).id
    more = {"json": {"current": PASSWORD, **fields}}
    return Attempt(
        user, cookie, path.replace("{id}", other), (other if "{id}" in path else account,), more
    )


def sign_in(site: Site) -> Attempt:
    user = site.user()
    more = {"json": {"name": user, "password": PASSWORD}}
    return Attempt(user, None, f"{API}/session", more=more, what="sign in")


def sign_out(site: Site) -> Attempt:
    user = site.user()
    return Attempt(user, site.server.cookie(user), f"{API}/session", what="sign out")


CHANGES: dict[tuple[str, str], tuple[Callable[[Site], Attempt], ...]] = {
    ("DELETE", f"{API}/jobs/{{id}}"): (with_job,),
    ("DELETE", f"{API}/predictions"): (lambda site: with_film(site, f"{API}/predictions"),),
    ("DELETE", f"{API}/predictions/{{id}}"): (
        lambda site: with_film(site, f"{API}/predictions/{{id}}"),
    ),
    ("DELETE", f"{API}/session"): (sign_out,),
    ("POST", f"{API}/account/password"): (
        lambda site: of_account(site, f"{API}/account/password", new=NEW),
    ),
    ("POST", f"{API}/account/sessions/end"): (
        lambda site: of_account(site, f"{API}/account/sessions/end"),
    ),
    ("POST", f"{API}/account/sessions/{{id}}/end"): (
        lambda site: of_account(site, f"{API}/account/sessions/{{id}}/end"),
    ),
    ("POST", f"{API}/predictions"): (upload, upload_as_job),
    ("POST", f"{API}/predictions/{{id}}/destinations/{{destination}}"): (
        lambda site: with_film(site, f"{API}/predictions/{{id}}/destinations/results"),
    ),
    ("POST", f"{API}/session"): (sign_in,),
}
"""Requests that do what the route is for: with the log, each of them changes what the server keeps."""


def test_every_route_that_changes_something_is_here(site: Site) -> None:
    assert {(m, p) for m, p in routes(site.server.app) if m not in SAFE_METHODS} == set(CHANGES)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "make"), [(m, make) for (m, _), makes in CHANGES.items() for make in makes],
    ids=[f"{m} {p} {n}" for (m, p), makes in CHANGES.items() for n in range(len(makes))],
)  # fmt: skip
def test_no_route_changes_anything_without_its_line(
    site: Site, method: str, make: Callable[[Site], Attempt]
) -> None:
    # Only a film that waits can be cancelled.
    with site.unread() if make in (with_job, upload_as_job) else nullcontext():
        attempt = make(site)
        before = site.state()
        site.break_log()
        try:
            refused = attempt.ask(site, method)
            assert refused.status_code == 503, refused.text
            assert refused.json()["code"] == "NoAuditLog"
            assert "set-cookie" not in refused.headers
            assert site.state() == before
        finally:
            site.mend_log()
        lines = len(site.lines())
        answer = attempt.ask(site, method)
        assert answer.is_success, answer.text
        assert site.state() != before  # the object existed: only the log stood in the way
    (line,) = site.lines()[lines:]
    template = re.sub("[0-9a-f]{32}", "{id}", attempt.path).replace("/results", "/{...}")
    assert line["what"] == (attempt.what or f"{method} {template}")
    assert (line["who"]["name"], line["status"]) == (attempt.user, answer.status_code)
    assert set(attempt.objects) <= set(line["objects"])


def test_every_route_that_reads_leaves_its_line(site: Site) -> None:
    film = site.send(site.cookie, DICOM)["predictions"][0]["id"]
    job = site.send(site.cookie, BRIGHT, headers=AS_JOB)["job"]["id"]
    followed = site.server("GET", f"{API}/jobs/{job}/events", cookie=site.cookie)
    assert "event: end" in followed.text
    reading = sorted(p for m, p in routes(site.server.app) if m == "GET" and p.startswith(API))
    assert len(reading) > 10
    for template in reading:
        id_ = job if "/jobs/" in template else film
        parts = (
            KINDS if "{kind}" in template else RENDERINGS if "{rendering}" in template else ("",)
        )
        for part in parts:
            path = re.sub(r"\{(kind|rendering)\}", part, template).replace("{id}", id_)
            lines = len(site.lines())
            answer = site.server("GET", path, cookie=site.cookie)
            assert answer.status_code == 200, (path, answer.text)
            left = [(line["what"], line["objects"]) for line in site.lines()[lines:]]
            if template in QUIET:
                assert left == [], path
                continue
            ((what, objects),) = left
            assert what == f"GET {path.replace(id_, '{id}')}"
            assert "{id}" not in template or objects == [id_]
