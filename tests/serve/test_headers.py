"""Security headers of every answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from in_process import Served, small
from pneumoscope.serve.problems import MEDIA_TYPE
from pneumoscope.serve.security.headers import CSP, FIXED
from pneumoscope.serve.settings import ServeSettings

USERS = {"vera": "viewer", "otto": "operator", "ada": "admin"}


EVIL = "https://evil.example"


def _checked_headers(server: Served) -> None:
    for method, path in (
        ("GET", "/healthz"), ("GET", "/api/v1/me"), ("GET", "/no/such/place"),
        ("GET", "/api/v1/broken"), ("POST", "/api/v1/session"), ("GET", "/metrics"),
    ):  # fmt: skip
        answer = server(method, path)
        for name, value in FIXED.items():
            assert answer.headers[name] == value, (path, name)
        assert answer.headers["cache-control"] == "no-store"
        assert "server" not in answer.headers
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == MEDIA_TYPE


@pytest.mark.parametrize("users", [{}, USERS])
def test_every_answer_has_the_security_headers(tmp_path: Path, users: dict[str, str]) -> None:
    with small(tmp_path, users) as server:
        _checked_headers(server)
        foreign = server("GET", "/healthz", headers={"Host": "evil.example"})
        assert foreign.headers["content-security-policy"] == CSP


def test_the_security_headers_say_what_they_must() -> None:
    assert FIXED["X-Content-Type-Options"] == "nosniff"
    assert FIXED["Referrer-Policy"] == "no-referrer"
    assert FIXED["Content-Security-Policy"] == CSP
    assert FIXED["Cross-Origin-Opener-Policy"] == FIXED["Cross-Origin-Resource-Policy"]
    assert FIXED["Cross-Origin-Opener-Policy"] == "same-origin"


def test_the_content_security_policy_is_strict() -> None:
    policy = dict(part.split(" ", 1) for part in CSP.split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert policy["style-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert policy["base-uri"] == "'none'"
    assert "object-src" not in policy  # so the default holds
    for sign in ("unsafe", "*", "http:", "https:", "data:"):
        assert sign not in CSP


def test_no_other_site_is_let_in_by_cors(tmp_path: Path) -> None:
    with small(tmp_path, USERS) as server:
        asking = {"Origin": EVIL, "Access-Control-Request-Method": "DELETE"}
        answer = server("OPTIONS", "/api/v1/predictions", origin=None, headers=asking)
        assert answer.status_code in (401, 405)
        assert not [name for name in answer.headers if name.startswith("access-control")]


def test_browsers_insist_on_tls_only_with_a_real_certificate(tmp_path: Path) -> None:
    from pneumoscope.serve.security import tls

    with small(tmp_path, tls_self_signed=True) as server:
        assert "strict-transport-security" not in server("GET", "/healthz").headers
    pair = tmp_path / "tls" / "cert.pem", tmp_path / "tls" / "key.pem"
    assert tls.context(*pair)
    with_certificate = ServeSettings(folder=tmp_path, tls_cert=pair[0], tls_key=pair[1])
    listener = tls.uvicorn_options(with_certificate)["http"]
    assert "Strict-Transport-Security" in listener.headers  # also of answers to what is no request
    with small(tmp_path, tls_cert=pair[0], tls_key=pair[1]) as server:
        answer = server("GET", "/healthz")
        insist = "max-age=31536000; includeSubDomains"
        assert answer.headers["strict-transport-security"] == insist


def test_an_error_tells_strangers_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with small(tmp_path) as server:
        answer = server("GET", "/api/v1/broken?name=DOE")
    assert answer.status_code == 500
    assert "on purpose" not in answer.text
    assert "Traceback" not in answer.text
    assert "GET /api/v1/broken failed" in caplog.text
    assert "DOE" not in caplog.text
