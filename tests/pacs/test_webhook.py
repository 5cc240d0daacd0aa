"""Signed calls for each result."""

from __future__ import annotations

import base64
import json
import time
from dataclasses import replace
from pathlib import Path

import pytest
from standardwebhooks.webhooks import Webhook as Receiver
from standardwebhooks.webhooks import WebhookVerificationError

from archives import stored_film
from pneumoscope.bundle import Bundle
from pneumoscope.pacs.destinations.base import StoredFilm
from pneumoscope.pacs.destinations.connection_settings import HttpSettings
from pneumoscope.pacs.destinations.errors import DeliveryFailed
from pneumoscope.pacs.destinations.settings import WebhookSettings
from pneumoscope.pacs.destinations.webhook import Webhook, signed_headers
from result_films import NAME, NUMBER, UIDS
from web_servers import Answer, web_server

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
"""The secret of the specification's example."""


@pytest.fixture(scope="module")
def film(tiny_bundle: Bundle) -> StoredFilm:
    return stored_film(tiny_bundle)


def webhook(folder: Path, url: str, secret: str = SECRET, **more: object) -> Webhook:
    file = folder / "secret"
    file.write_text(f"{secret}\n")
    return Webhook(WebhookSettings("hook", HttpSettings(url), file), **more)


def test_the_signature_is_that_of_the_specification() -> None:
    headers = signed_headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
        base64.b64decode(SECRET.removeprefix("whsec_")),
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_receiver_with_the_usual_library_takes_it_once(film: StoredFilm, tmp_path: Path) -> None:
    with web_server(Answer(204)) as server:
        for _ in range(2):
            webhook(tmp_path, server.url).send(film)
    first, second = server.requests
    content = Receiver(SECRET).verify(first.body, dict(first.headers))
    assert content["type"] == "film.judged"
    assert content["data"]["result"]["label"] == film.result["label"]
    assert content["data"]["study_instance_uid"] == UIDS["StudyInstanceUID"]
    # A receiver that has seen the id drops the second.
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == film.id
    assert first.body == second.body
    assert not any(secret in first.body.decode() for secret in (NAME, NUMBER))


def test_a_replayed_or_changed_call_is_refused(film: StoredFilm, tmp_path: Path) -> None:
    with web_server(Answer(204)) as server:
        webhook(tmp_path, server.url, clock=lambda: time.time() - 600).send(film)
        webhook(tmp_path, server.url).send(film)
    old, fresh = server.requests
    with pytest.raises(WebhookVerificationError, match="too old"):
        Receiver(SECRET).verify(old.body, dict(old.headers))
    moved = dict(old.headers) | {"webhook-timestamp": fresh.headers["webhook-timestamp"]}
    with pytest.raises(WebhookVerificationError, match="signature"):
        Receiver(SECRET).verify(old.body, moved)
    with pytest.raises(WebhookVerificationError, match="signature"):
        Receiver(SECRET).verify(fresh.body.replace(b"e", b"a"), dict(fresh.headers))


def test_a_film_that_is_no_dicom_has_no_uids(film: StoredFilm, tmp_path: Path) -> None:
    with web_server(Answer(200)) as server:
        webhook(tmp_path, server.url).send(replace(film, film=b"\x89PNG"))
    assert json.loads(server.requests[0].body)["data"]["study_instance_uid"] is None


@pytest.mark.parametrize("secret", ["short", "not Base64, but long enough!", "whsec_AAAA"])
def test_a_weak_secret_is_refused(tmp_path: Path, secret: str) -> None:
    check = webhook(tmp_path, "http://127.0.0.1:1", secret).check()
    assert not check.ok
    assert "openssl rand" in check.hint


def test_answers(film: StoredFilm, tmp_path: Path) -> None:
    with web_server(Answer(503)) as server:
        opened = webhook(tmp_path, server.url)
        assert opened.check().ok  # it answers
        with pytest.raises(DeliveryFailed, match="answers 503"):
            opened.send(film)
