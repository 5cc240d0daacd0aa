"""STOW-RS, and what servers answer."""

from __future__ import annotations

import json

import pytest

from archives import maker_of, stored_film
from pneumoscope.bundle import Bundle
from pneumoscope.pacs.destinations.base import StoredFilm
from pneumoscope.pacs.destinations.errors import DeliveryFailed
from pneumoscope.pacs.destinations.result_objects import ObjectMaker
from pneumoscope.pacs.destinations.settings import HttpSettings, StowSettings
from pneumoscope.pacs.destinations.stow import StowServer
from result_films import UIDS
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


def test_a_redirect_gets_no_film(film: StoredFilm, maker: ObjectMaker) -> None:
    with web_server(Answer(307, headers={"Location": "/elsewhere"})) as server:
        with pytest.raises(DeliveryFailed, match="redirects"):
            destination(server.url, maker).send(film)
        assert len(server.requests) == 1
        assert not destination(server.url, maker).check().ok
