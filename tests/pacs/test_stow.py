"""STOW-RS, and what servers answer."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from archives import maker_of, stored_film
from pneumoscope.bundle import Bundle
from pneumoscope.pacs.destinations.base import StoredFilm
from pneumoscope.pacs.destinations.connection_settings import HttpSettings
from pneumoscope.pacs.destinations.errors import DeliveryFailed
from pneumoscope.pacs.destinations.result_objects import ObjectMaker
from pneumoscope.pacs.destinations.settings import StowSettings
from pneumoscope.pacs.destinations.stow import StowServer
from result_films import UIDS
from test_reasons import refused
from web_servers import Answer, web_server

JSON = {"Content-Type": "application/dicom+json"}


@pytest.fixture(scope="module")
def film(tiny_bundle: Bundle) -> StoredFilm:
    return stored_film(tiny_bundle)


@pytest.fixture(scope="module")
def maker(tiny_bundle: Bundle) -> ObjectMaker:
    return maker_of(tiny_bundle)


def destination(url: str, maker: ObjectMaker) -> StowServer:
    return StowServer(StowSettings("web", HttpSettings(url), ("sr",)), maker)


def test_objects_go_into_their_study(film: StoredFilm, maker: ObjectMaker) -> None:
    with web_server(Answer(200, b"{}", JSON)) as server:
        destination(server.url, maker).send(film)
    [request] = server.requests
    assert request.path == f"/studies/{UIDS['StudyInstanceUID']}"
    assert request.headers["Content-Type"].startswith("multipart/related")


def test_a_refused_film_is_no_request_to_a_server_that_gets_pictures_only(
    maker: ObjectMaker, tiny_bundle: Bundle
) -> None:
    film = stored_film(tiny_bundle, change=refused)
    with web_server(Answer(200, b"{}", JSON)) as server:
        settings = StowSettings("web", HttpSettings(server.url), ("sc", "seg"))
        StowServer(settings, maker).send(film)
    assert server.requests == []


@pytest.mark.parametrize(("status", "permanent"), [(409, True), (503, False), (401, False)])
def test_an_error_is_not_tried_again_at_once(
    film: StoredFilm, maker: ObjectMaker, status: int, permanent: bool
) -> None:
    with web_server(Answer(status)) as server, pytest.raises(DeliveryFailed) as caught:
        destination(server.url, maker).send(film)
    assert len(server.requests) == 1
    assert caught.value.permanent == permanent


def test_an_object_that_was_not_taken_is_named(film: StoredFilm, maker: ObjectMaker) -> None:
    [made] = maker.objects(film, ["sr"])
    failed = {
        "00081198": {"vr": "SQ", "Value": [{
            "00081155": {"vr": "UI", "Value": [made.sop_instance_uid]},
            "00081197": {"vr": "US", "Value": [0xA900]},
        }]}
    }  # fmt: skip
    with web_server(Answer(202, json.dumps(failed).encode(), JSON)) as server:
        with pytest.raises(DeliveryFailed, match=r"does not take sr \(0xA900\)"):
            destination(server.url, maker).send(film)
        server.answer = lambda _request: Answer(
            200, json.dumps({"00081198": {"vr": "SQ", "Value": []}}).encode(), JSON
        )
        destination(server.url, maker).send(film)  # Orthanc's empty sequence


def sequence(tag: str, reasons: dict[str, int | None], reason_tag: str) -> dict[str, object]:
    """A sequence of references, as DICOM JSON."""
    items = []
    for uid, reason in reasons.items():
        item: dict[str, object] = {"00081155": {"vr": "UI", "Value": [uid]}}
        if reason is not None:
            item[reason_tag] = {"vr": "US", "Value": [reason]}
        items.append(item)
    return {tag: {"vr": "SQ", "Value": items}}


def failed(reasons: dict[str, int | None]) -> dict[str, object]:
    return sequence("00081198", reasons, "00081197")


@pytest.mark.slow
@pytest.mark.parametrize("status", [409, 400, 202])
@pytest.mark.parametrize(
    "media_type", ["application/dicom+json", "application/json; charset=utf-8"]
)
@pytest.mark.parametrize(
    ("reason", "outcome"),
    [
        (0x0111, "delivered"),  # duplicate SOP instance
        (0xB000, "warned"),
        (0x0110, "again"),  # processing failure
        (0xA700, "again"),
        (None, "again"),
        (0xA900, "given up"),
        (0xC000, "given up"),
        (0x0122, "given up"),
    ],
)
def test_the_reason_of_each_object_decides(
    film: StoredFilm,
    maker: ObjectMaker,
    caplog: pytest.LogCaptureFixture,
    status: int,
    media_type: str,
    reason: int | None,
    outcome: str,
) -> None:
    [made] = maker.objects(film, ["sr"])
    body = json.dumps(failed({made.sop_instance_uid: reason})).encode()
    with web_server(Answer(status, body, {"Content-Type": media_type})) as server:
        if outcome in ("delivered", "warned"):
            destination(server.url, maker).send(film)
        else:
            with pytest.raises(DeliveryFailed, match="does not take sr") as caught:
                destination(server.url, maker).send(film)
            assert caught.value.permanent == (outcome == "given up")
    assert ("sr (0xB000) with a warning" in caplog.text) == (outcome == "warned")


def test_objects_that_a_conflict_does_not_name_are_not_delivered(
    film: StoredFilm, maker: ObjectMaker
) -> None:
    """One of two objects is a duplicate, and nothing is said about the other one."""
    [made] = maker.objects(film, ["sr"])
    body = json.dumps(failed({made.sop_instance_uid: 0x0111})).encode()
    both = StowServer(StowSettings("web", HttpSettings("x"), ("sr", "sc")), maker)
    with web_server(Answer(409, body, JSON)) as server:
        both = replace(both, settings=replace(both.settings, http=HttpSettings(server.url)))
        with pytest.raises(DeliveryFailed, match=r"does not take sc \(no reason given\)") as caught:
            both.send(film)
    assert not caught.value.permanent


def test_a_warning_about_a_stored_object_is_logged(
    film: StoredFilm, maker: ObjectMaker, caplog: pytest.LogCaptureFixture
) -> None:
    [made] = maker.objects(film, ["sr"])
    body = json.dumps(sequence("00081199", {made.sop_instance_uid: 0xB006}, "00081196")).encode()
    with web_server(Answer(202, body, JSON)) as server:
        destination(server.url, maker).send(film)
    assert "web: http://127.0.0.1" in caplog.text
    assert "has stored sr (0xB006) with a warning" in caplog.text


@pytest.mark.parametrize("body", [b"{", b"[]", b"3", b'{"00081198": {"vr": "SQ", "Value": [3]}}'])
def test_an_answer_that_cannot_be_read_is_not_success(
    film: StoredFilm, maker: ObjectMaker, body: bytes
) -> None:
    with (
        web_server(Answer(202, body, JSON)) as server,
        pytest.raises(DeliveryFailed, match="answer cannot be read") as caught,
    ):
        destination(server.url, maker).send(film)
    assert not caught.value.permanent


def test_a_redirect_gets_no_film(film: StoredFilm, maker: ObjectMaker) -> None:
    with web_server(Answer(307, headers={"Location": "/elsewhere"})) as server:
        with pytest.raises(DeliveryFailed, match="redirects"):
            destination(server.url, maker).send(film)
        assert len(server.requests) == 1
        assert not destination(server.url, maker).check().ok


@pytest.mark.parametrize("media_type", ["application/dicom+json", "application/dicom+xml"])
def test_an_answer_that_is_too_deep_is_not_success(
    film: StoredFilm, maker: ObjectMaker, media_type: str
) -> None:
    deep = {"json": b"[" * 100_000, "xml": b"<NativeDicomModel>" + b"<Item>" * 100_000}
    answer = Answer(202, deep[media_type.partition("+")[2]], {"Content-Type": media_type})
    with (
        web_server(answer) as server,
        pytest.raises(DeliveryFailed, match="its answer cannot be read"),
    ):
        destination(server.url, maker).send(film)
