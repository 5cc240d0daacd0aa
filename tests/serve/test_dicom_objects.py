"""Results as DICOM objects, downloaded from a server."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom import dcmread

from grey_films import BRIGHT
from in_process import Served, running
from pneumoscope.ai_results.kinds import KINDS
from pneumoscope.bundle import Bundle
from pneumoscope.serve import dicom_objects
from pneumoscope.serve.app import create_app
from pneumoscope.serve.settings import ServeSettings
from result_films import UIDS, film_bytes, validation_errors


@pytest.fixture(scope="module")
def server(tiny_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    settings = ServeSettings(
        folder=tmp_path_factory.mktemp("objects"), bundle=(str(tiny_bundle.path),), threads=1
    )
    with running(create_app(settings)) as served:
        yield served


def read(server: Served, film: bytes) -> dict[str, object]:
    sent = server("POST", "/api/v1/predictions", files=[("files", ("film", film))])
    assert sent.status_code == 200, sent.text
    record: dict[str, object] = sent.json()["predictions"][0]
    return record


def test_every_object_of_a_dicom_film(server: Served, tmp_path: Path) -> None:
    links = read(server, film_bytes(200))["links"]
    assert {"sr", "sc", "seg", "gsps", "fhir"} <= set(links)
    for kind, about in KINDS.items():
        answer = server("GET", f"{links['self']}/objects/{kind}")
        assert answer.status_code == 200, answer.text
        name = f'filename="pneumoscope.{kind}.{about.ending}"'
        assert name in answer.headers["content-disposition"]
        if about.ending == "json":
            assert answer.headers["content-type"] == "application/fhir+json"
            continue
        assert answer.headers["content-type"] == "application/dicom"
        made = dcmread(io.BytesIO(answer.content))
        assert made.SOPClassUID == about.sop_class_uid
        assert made.StudyInstanceUID == UIDS["StudyInstanceUID"]
        assert validation_errors(answer.content, tmp_path) == []
    again = server("GET", links["sr"]).content
    assert again == server("GET", links["sr"]).content


def test_versions_of_fhir(server: Served) -> None:
    link = read(server, film_bytes(200))["links"]["fhir"]
    r5, r4 = (
        json.loads(server("GET", f"{link}?fhir_version={version}").content)
        for version in ("R5", "R4")
    )
    assert r5 != r4
    assert server("GET", f"{link}?fhir_version=R3").status_code == 422


def test_a_film_that_is_no_dicom_has_no_study(server: Served) -> None:
    sent = server("POST", "/api/v1/predictions", files=[("files", BRIGHT)])
    record = sent.json()["predictions"][0]
    assert not set(record["links"]) & {"sr", "sc", "seg", "gsps", "fhir"}
    answer = server("GET", f"{record['links']['self']}/objects/sr")
    assert answer.status_code == 404
    assert "not a DICOM film" in answer.json()["detail"]


def test_other_objects_do_not_exist(server: Served) -> None:
    record = read(server, film_bytes(200))
    answer = server("GET", f"{record['links']['self']}/objects/rtss")
    assert answer.status_code == 404
    assert "gsps" in answer.json()["hint"]
    assert server("GET", f"/api/v1/predictions/{'0' * 32}/objects/sr").status_code == 404


def test_without_the_extra_there_are_no_links(
    server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = read(server, film_bytes(200))
    monkeypatch.setattr(dicom_objects, "find_spec", lambda _name: None)
    dicom_objects.is_installed.cache_clear()
    try:
        shown = server("GET", record["links"]["self"]).json()
        answer = server("GET", record["links"]["sr"])
    finally:
        monkeypatch.undo()
        dicom_objects.is_installed.cache_clear()
    assert "sr" not in shown["links"]
    assert answer.status_code == 404
    assert "pacs" in answer.json()["hint"]
