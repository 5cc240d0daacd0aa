"""Results in a real archive, by every way that leads into it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pynetdicom import AE, evt

from archives import maker_of, stored_film
from orthanc_server import PASSWORD, USER, Orthanc, free_ports, orthanc
from pneumoscope.ai_results.kinds import KINDS
from pneumoscope.bundle import Bundle
from pneumoscope.pacs.destinations.base import Destination, StoredFilm
from pneumoscope.pacs.destinations.commitment import Commitments, accept_reports
from pneumoscope.pacs.destinations.opening import open_destinations
from pneumoscope.pacs.destinations.result_objects import ObjectMaker
from pneumoscope.pacs.destinations.settings import DICOM_KINDS, parse
from result_films import UIDS, validation_errors

pytestmark = pytest.mark.server
STUDY = UIDS["StudyInstanceUID"]


@pytest.fixture(scope="module")
def report_port() -> int:
    """Where the archive reports storage commitment to."""
    return free_ports(1)[0]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, report_port: int) -> Iterator[Orthanc]:
    peers = {"node": ["PNEUMOSCOPE", "127.0.0.1", report_port]}
    with orthanc(tmp_path_factory.mktemp("orthanc"), DicomModalities=peers) as running:
        yield running


@pytest.fixture(scope="module")
def film(tiny_bundle: Bundle) -> StoredFilm:
    return stored_film(tiny_bundle)


@pytest.fixture(scope="module")
def maker(tiny_bundle: Bundle) -> ObjectMaker:
    return maker_of(tiny_bundle)


def destination(
    server: Orthanc, maker: ObjectMaker, folder: Path, commitments: Commitments, **table: object
) -> Destination:
    """A destination for a server, from its table in the configuration."""
    password = folder / "password"
    password.write_text(f"{PASSWORD}\n")
    common: dict[str, object] = {"objects": list(DICOM_KINDS)}
    if table["type"] == "c-store":
        common |= {"host": "127.0.0.1", "port": server.dicom_port, "called_ae": server.title}
    else:
        common |= {"url": f"{server.url}/dicom-web", "user": USER, "password_file": str(password)}
    [opened] = open_destinations([parse(common | table, "archive")], maker, commitments).values()
    return opened


@pytest.mark.parametrize("kind", ["c-store", "stow-rs"])
def test_objects_are_in_the_study_once_however_often_they_are_sent(
    server: Orthanc, maker: ObjectMaker, film: StoredFilm, tmp_path: Path, kind: str
) -> None:
    server.clear()
    server.post("/instances", film.film)
    opened = destination(server, maker, tmp_path, Commitments(), type=kind)
    check = opened.check()
    assert check.ok, check
    opened.send(film)
    opened.send(film)
    instances = server.search(f"studies/{STUDY}/instances")
    classes = [item["00080016"]["Value"][0] for item in instances]
    wanted = [KINDS[name].sop_class_uid for name in DICOM_KINDS]
    assert sorted(classes) == sorted([*wanted, "1.2.840.10008.5.1.4.1.1.1"])
    assert len(server.get("/studies")) == 1
    assert len(server.search(f"studies/{STUDY}/series")) == len(DICOM_KINDS) + 1
    for number, instance in enumerate(server.get("/instances")):
        content = server.content(f"/instances/{instance}/file")
        if b"ACME" not in content:  # the film's own X-ray system
            folder = tmp_path / str(number)
            folder.mkdir()
            assert validation_errors(content, folder) == []


def test_the_picture_is_shown_by_the_archive(
    server: Orthanc, maker: ObjectMaker, film: StoredFilm, tmp_path: Path
) -> None:
    server.clear()
    destination(server, maker, tmp_path, Commitments(), type="c-store", objects=["sc"]).send(film)
    [instance] = server.get("/instances")
    assert server.content(f"/instances/{instance}/preview").startswith(b"\x89PNG")


def test_the_archive_commits_to_keep_the_objects(
    server: Orthanc, maker: ObjectMaker, film: StoredFilm, tmp_path: Path, report_port: int
) -> None:
    commitments = Commitments()
    listener = AE(ae_title="PNEUMOSCOPE")
    accept_reports(listener)
    handlers = [(evt.EVT_N_EVENT_REPORT, commitments.report)]
    reports = listener.start_server(("127.0.0.1", report_port), block=False, evt_handlers=handlers)
    try:
        opened = destination(
            server, maker, tmp_path, commitments, type="c-store", commitment=True, commitment_s=10
        )
        assert opened.check().ok
        opened.send(film)
    finally:
        reports.shutdown()


def test_a_wrong_password_is_a_hint(server: Orthanc, maker: ObjectMaker, tmp_path: Path) -> None:
    opened = destination(server, maker, tmp_path, Commitments(), type="stow-rs")
    (tmp_path / "password").write_text("wrong")
    check = opened.check()
    assert not check.ok
    assert check.text.endswith("answers 401")
    assert check.hint == "Check the password or token."
