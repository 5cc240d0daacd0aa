"""Which events of a node are reported, and what is said about patients."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("pynetdicom", reason="needs the [pacs] extra")

from audit_schema import checked, facts
from pneumoscope.jobs.tables import now
from pneumoscope.pacs.audit.trail import AuditTrail
from pneumoscope.pacs.config import AuditSettings, NodeSettings, ReceiverSettings
from pneumoscope.pacs.destinations.base import StoredFilm
from pneumoscope.pacs.destinations.connection_settings import HttpSettings
from pneumoscope.pacs.destinations.errors import DeliveryFailed
from pneumoscope.pacs.destinations.settings import (
    CStoreSettings,
    FolderSettings,
    StowSettings,
)
from pneumoscope.pacs.pull.settings import PullSettings
from sent_films import PLANTED, file_of, sent
from stored_results import Target
from syslogs import Syslog

STUDY, PATIENT = "1.2.3.5.1", str(sent(1).PatientID)
FILM = StoredFilm("f" * 32, file_of(sent(1)), {"label": "NORMAL"}, now())


class AnyFilm(Target):
    """A destination that takes every film, or none."""

    def send(self, film: StoredFilm) -> None:
        if (error := self.fails(0)) is not None:
            raise error


@contextmanager
def trail(syslog: Syslog, folder: Path, *, pseudonyms: bool = False) -> Iterator[AuditTrail]:
    node = NodeSettings(folder=folder, receiver=ReceiverSettings(ae_title="CHEST_AI"))
    settings = AuditSettings(f"tcp://127.0.0.1:{syslog.port}", pseudonyms=pseudonyms)
    started = AuditTrail(settings, node, lambda text: f"hash of {len(text)}")
    yield started
    started.stop()


def reported(syslog: Syslog, number: int) -> list[dict[str, object]]:
    texts = syslog.wait_for(number)
    assert len(texts) == number
    assert not any(name.encode() in text for text in texts for name in PLANTED if name != PATIENT)
    return [facts(checked(text[text.index(b"<?xml") :])) for text in texts]


def test_what_the_receiver_reports(tmp_path: Path) -> None:
    peer = {"ae_title": "XRAY1", "address": "10.1.2.3"}
    with Syslog() as syslog:
        with trail(syslog, tmp_path) as started:
            stored = {"bytes": 10, "study": STUDY, "patient": PATIENT, **peer}
            started.receiver("stored", stored)
            started.receiver("rejected", {"reason": "association", **peer})
            for what, details in (
                ("rejected", {"reason": "connections"}),
                ("refused", {"status": "A700", "reason": "full", **peer}),
                ("restarted", {}),
            ):
                started.receiver(what, details)
        start, received, alert, end = reported(syslog, 4)
    assert (start["types"], end["types"]) == (["110120"], ["110121"])
    assert (received["event"], received["action"]) == ("110104", "C")
    assert received["objects"] == {"110180": STUDY, "2": PATIENT}
    assert received["participants"]["110153"] == ("XRAY1", "10.1.2.3", True)  # type: ignore[index]
    assert (alert["event"], alert["objects"]) == ("110113", {"110182": "10.1.2.3"})


def test_deliveries_and_films_that_are_fetched(tmp_path: Path) -> None:
    archive = CStoreSettings("archive", "10.0.0.9", 104, "ARCHIVE")
    web = StowSettings("web", HttpSettings("https://pacs.example/dicom-web"))
    source = PullSettings("orthanc", "orthanc", HttpSettings("http://127.0.0.1:8042"))
    refuse = DeliveryFailed("no")
    with Syslog() as syslog:
        with trail(syslog, tmp_path) as started:
            started.watched(AnyFilm("archive"), archive).send(FILM)
            with started.watched(AnyFilm("archive"), archive).sending() as send:
                send(FILM)
            broken = started.watched(AnyFilm("web", lambda _call: refuse), web)
            assert (broken.name, broken.check().ok) == ("web", True)
            with pytest.raises(DeliveryFailed):
                broken.send(FILM)
            folder = AnyFilm("folder")
            assert started.watched(folder, FolderSettings("f", tmp_path, ("sr",))) is folder
            started.fetched(source, FILM.film)
            started.fetched(source, b"no DICOM file")
        _, *events, _ = reported(syslog, 9)
    assert [(e["event"], e["action"], e["outcome"]) for e in events] == [
        ("110102", "E", "0"), ("110104", "R", "0"),
        ("110102", "E", "0"), ("110104", "R", "0"),
        ("110102", "E", "0"), ("110104", "R", "4"),
        ("110104", "C", "0"),
    ]  # fmt: skip
    peers = [e["participants"]["110152"][:2] for e in events[:6]]  # type: ignore[index]
    assert peers == [("ARCHIVE", "10.0.0.9")] * 4 + [("", "pacs.example")] * 2
    assert events[6]["participants"]["110153"] == ("", "127.0.0.1", False)  # type: ignore[index]


def test_pseudonyms_in_place_of_ids(tmp_path: Path) -> None:
    with Syslog() as syslog:
        with trail(syslog, tmp_path, pseudonyms=True) as started:
            started.receiver("stored", {"bytes": 1, "study": STUDY, "patient": PATIENT})
        _, received, _ = reported(syslog, 3)
        assert received["objects"] == {
            "110180": f"hash of {len(STUDY)}",
            "2": f"hash of {len(PATIENT)}",
        }
        assert not any(PATIENT.encode() in text for text in syslog.texts)
