"""Web services: passwords, certificates, redirects, and what their answers mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from archives import certificate, server_context
from orthanc_server import free_ports
from pneumoscope.pacs.destinations.connection_settings import HttpSettings, TlsSettings
from pneumoscope.pacs.destinations.errors import DeliveryFailed
from pneumoscope.pacs.destinations.http import WebService
from web_servers import Answer, web_server


def secret_file(folder: Path, text: str) -> Path:
    file = folder / "secret"
    file.write_text(f"{text}\n")
    return file


@pytest.mark.parametrize(
    ("token", "header"), [(True, "Bearer s3cret"), (False, "Basic bWU6czNjcmV0")]
)
def test_a_secret_is_read_from_its_file_for_each_request(
    tmp_path: Path, token: bool, header: str
) -> None:
    file = secret_file(tmp_path, "s3cret")
    keys = {"token_file": file} if token else {"user": "me", "password_file": file}
    with web_server(Answer(204)) as server:
        service = WebService("web", HttpSettings(f"{server.url}/x", **keys))
        assert service.request("GET", "/y").status_code == 204
        file.unlink()
        with pytest.raises(DeliveryFailed, match="the secret cannot be read"):
            service.request("GET")
    assert [(r.path, r.headers["Authorization"]) for r in server.requests] == [("/x/y", header)]


def test_certificates_of_both_sides(tmp_path: Path) -> None:
    theirs, ours = certificate(tmp_path, "theirs"), certificate(tmp_path, "ours")
    with web_server(Answer(), tls=server_context(theirs, ours)) as server:
        tls = TlsSettings(authority=theirs, certificate=ours)
        assert (
            WebService("web", HttpSettings(server.url, tls=tls)).request("GET").status_code == 200
        )
        with pytest.raises(DeliveryFailed, match=r"the certificate is not accepted \(self-signed"):
            WebService("web", HttpSettings(server.url)).request("GET")


def test_nothing_follows_a_redirect() -> None:
    with web_server(Answer(302, headers={"Location": "/elsewhere"})) as server:
        with pytest.raises(DeliveryFailed, match="redirects to another URL"):
            WebService("web", HttpSettings(server.url)).request("GET")
        assert len(server.requests) == 1


def test_an_answer_is_read_up_to_its_limit() -> None:
    with web_server(Answer(body=b"x" * 100_000)) as server:
        service = WebService("web", HttpSettings(server.url))
        assert service.request("GET").content == b""
        assert len(service.request("GET", limit_bytes=100_000).content) == 100_000
        with pytest.raises(DeliveryFailed, match="more than 99999 bytes"):
            service.request("GET", limit_bytes=99_999)


def test_a_closed_port_is_named_without_the_path() -> None:
    url = f"http://127.0.0.1:{free_ports(1)[0]}"
    with pytest.raises(DeliveryFailed) as caught:
        WebService("web", HttpSettings(f"{url}/secret-path")).request("GET")
    assert caught.value.message == f"web: {url}: cannot be reached"
    assert not caught.value.permanent


@pytest.mark.parametrize(
    ("status", "permanent"), [(400, True), (422, True), (401, False), (404, False), (503, False)]
)
def test_a_status_says_whether_it_may_pass(status: int, permanent: bool) -> None:
    assert WebService("w", HttpSettings("http://x")).refused(status).permanent == permanent
