"""Results sent to other systems from a server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from grey_films import BRIGHT
from in_process import Served, running
from pneumoscope.audit_log.log import LOG
from pneumoscope.bundle import Bundle
from pneumoscope.errors import MissingExtra, UsageError
from pneumoscope.serve import sending
from pneumoscope.serve.app import create_app
from pneumoscope.serve.settings import ServeSettings
from result_films import UIDS, film_bytes


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sending")


@pytest.fixture(scope="module")
def server(tiny_bundle: Bundle, folder: Path) -> Iterator[Served]:
    config = folder / "node.toml"
    config.write_text(
        f'[node]\nfolder = "/srv"\n[destinations.results]\ntype = "folder"\nobjects = ["sr"]\n'
        f'folder = "{folder / "results"}"\n[destinations.away]\ntype = "folder"\n'
        f'folder = "{folder / "a" / "b"}"\n'
    )
    settings = ServeSettings(
        folder=folder / "data", bundle=(str(tiny_bundle.path),), threads=1, destinations=config
    )
    with running(create_app(settings)) as served:
        yield served


@pytest.fixture(scope="module")
def record(server: Served) -> dict[str, object]:
    return read(server, ("film.dcm", film_bytes(200)))


def read(server: Served, film: tuple[str, bytes]) -> dict[str, object]:
    sent = server("POST", "/api/v1/predictions", files=[("files", film)])
    assert sent.status_code == 200, sent.text
    made: dict[str, object] = sent.json()["predictions"][0]
    return made


def test_a_result_is_sent_where_the_reader_says(
    server: Served, record: dict[str, object], folder: Path
) -> None:
    assert server("GET", "/api/v1/settings").json()["destinations"] == ["results", "away"]
    path = f"{record['links']['self']}/destinations"
    for _ in range(2):
        answer = server("POST", f"{path}/results")
        assert (answer.status_code, answer.json()) == (200, {"destination": "results"})
    study = folder / "results" / UIDS["StudyInstanceUID"]
    assert [file.name for file in study.iterdir()] == [f"{UIDS['SOPInstanceUID']}.sr.dcm"]
    lines = (folder / "data" / LOG).read_text().splitlines()
    sent = [json.loads(line) for line in lines if "/destinations/" in line]
    assert sent[0]["what"] == "POST /api/v1/predictions/{id}/destinations/{...}"
    assert record["id"] in json.dumps(sent[0])


def test_a_failure_says_why(server: Served, record: dict[str, object]) -> None:
    path = f"{record['links']['self']}/destinations"
    failed = server("POST", f"{path}/away")
    assert failed.status_code == 502
    assert failed.json()["code"] == "NotDelivered"
    assert "no such file" in failed.json()["detail"]
    unknown = server("POST", f"{path}/nowhere")
    assert unknown.status_code == 404
    assert "results, away" in unknown.json()["hint"]


def test_a_film_that_is_no_dicom_is_not_sent(server: Served) -> None:
    grey = read(server, BRIGHT)
    answer = server("POST", f"{grey['links']['self']}/destinations/results")
    assert answer.status_code == 502
    assert "not a DICOM film" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("destinations = 1", "is no table"),
        ("[destinations]\na = 1", "is no table"),
        ("[", "cannot be read"),
        ('[destinations.a]\ntype = "folders"', "destinations.a: type is 'folders'"),
    ],
)
def test_a_wrong_file_ends_the_start(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "x.toml").write_text(text)
    with pytest.raises(UsageError, match=said):
        sending.Sending(tmp_path / "x.toml", None)
    with pytest.raises(UsageError, match="cannot be read"):
        sending.Sending(tmp_path / "missing.toml", None)


def test_a_mark_before_the_text_is_no_error(tmp_path: Path) -> None:
    """Some editors put one there."""
    (tmp_path / "x.toml").write_text("destinations = 1", encoding="utf-8-sig")
    with pytest.raises(UsageError, match="is no table"):
        sending.Sending(tmp_path / "x.toml", None)


def test_it_needs_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "is_installed", lambda: False)
    with pytest.raises(MissingExtra):
        sending.Sending(tmp_path / "x.toml", None)
