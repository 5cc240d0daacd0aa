"""The audit log of a node: what gets a line, and what does not happen without one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pynetdicom", reason="needs the [pacs] extra")

from pneumoscope.audit_log.log import LOG, AuditLog
from pneumoscope.errors import AuditLogDamaged, DiskFull
from pneumoscope.jobs.keys import Keys
from pneumoscope.jobs.store import Store
from pneumoscope.pacs.audit.node_log import (
    NodeAuditLog,
    RefusalLimit,
    note_command,
    open_node_log,
)
from pneumoscope.pacs.delivery import AGAIN, DELIVERED
from pneumoscope.pacs.errors import AuditLogNotWritten
from pneumoscope.pacs.film_header import FilmHeader
from sent_films import PLANTED, file_of, sent
from stored_results import KEYS, Results

PEER = {"ae_title": "WARD", "address": "10.1.2.3"}
STUDY, PATIENT = KEYS.fingerprint("1.2.3.5.1"), KEYS.fingerprint(PLANTED[1])


@pytest.fixture
def results(tmp_path: Path) -> Iterator[Results]:
    made = Results(tmp_path)
    yield made
    made.store.close()


@pytest.fixture
def log(results: Results, tmp_path: Path) -> Iterator[AuditLog]:
    opened = open_node_log(tmp_path, results.store.engine, KEYS)
    yield opened
    opened.settle()


def lines(log: AuditLog) -> list[dict[str, Any]]:
    return list(log.entries())


def test_films_results_and_refusals_get_lines_without_identities(
    log: AuditLog, results: Results, tmp_path: Path
) -> None:
    node = NodeAuditLog(log, KEYS)
    node.note("node started")
    received = {"bytes": 9, "study": "1.2.3.5.1", "patient": PLANTED[1]}
    node.receiver("stored", received | PEER)
    header = FilmHeader("1.2.840.10008.5.1.4.1.1.1", "1.2.3.4.1", "1.2.3.5.1", PLANTED[1], 0)
    node.accepting(header)(["b" * 32])
    node.accepting(None)(["c" * 32])
    node.fetched("orthanc", file_of(sent(1)))
    node.fetched("orthanc", b"no DICOM file")
    node.receiver("refused", {"status": "A700", "reason": "the disk is full"} | PEER)
    node.receiver("rejected", {"reason": "address", "address": "192.0.2.9"})
    node.receiver("restarted", {})  # nothing that the log is about
    film = results.add("archive")
    (delivery,) = results.of(film).values()
    [(_, row)] = results.deliveries.due(1)
    row.study, row.patient = STUDY, PATIENT
    node.delivered(delivery, row, AGAIN)
    node.delivered(delivery, row, DELIVERED)
    node.deleting([film])
    node.tampered(film)
    note_command(log, "queue drop", film)
    node.stop()
    written = lines(log)
    assert [(line["what"], line["outcome"], line["where"]) for line in written] == [
        ("node started", 0, "node"),
        ("film received", 0, "WARD 10.1.2.3"),
        ("film accepted", 0, "node"),
        ("film accepted: it cannot be read", 0, "node"),
        ("film fetched", 0, "orthanc"),
        ("film fetched", 0, "orthanc"),
        ("film refused: the disk is full", 4, "WARD 10.1.2.3"),
        ("connection refused: address", 4, "192.0.2.9"),
        ("result not sent: failed", 4, "archive"),
        ("result sent", 0, "archive"),
        ("retention", 0, "node"),
        ("film on the disk was changed", 8, "node"),
        ("queue drop", 0, "command"),
        ("node stopped", 0, "node"),
    ]
    assert [line["patient"] for line in written[1:6]] == [PATIENT, PATIENT, None, PATIENT, None]
    assert [line["objects"] for line in written[1:6]] == [
        [STUDY], ["b" * 32, STUDY], ["c" * 32], [STUDY], [],
    ]  # fmt: skip
    assert written[6]["status"] == 0xA700
    assert (written[9]["objects"], written[9]["patient"]) == ([film, row.job, STUDY], PATIENT)
    assert written[12]["who"]["via"] == "command"
    text = (tmp_path / LOG).read_text()
    assert not any(planted in text for planted in (*PLANTED, "1.2.3.4.1", "1.2.3.5.1"))
    assert log.verify().seq == 14
    assert log.anchored() == log.verify()  # the database knows the last line


def test_what_must_not_happen_without_a_line_fails(
    log: AuditLog,
    results: Results,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    node = NodeAuditLog(log, KEYS)
    film = results.add("archive")
    [(delivery, row)] = results.deliveries.due(1)

    def full(*_: object) -> None:
        raise DiskFull("audit-log.jsonl")

    with monkeypatch.context() as patch:
        patch.setattr(log, "append", full)
        for action in (
            lambda: node.accepting(None)(["a"]),
            lambda: node.delivered(delivery, row, DELIVERED),
            lambda: node.deleting([film]),
        ):
            with pytest.raises(AuditLogNotWritten):
                action()
        assert not node.writable
        node.receiver("stored", PEER)  # the film is in the spool, and acknowledged
        node.note("node started")
    assert "the audit log cannot be written" in caplog.messages
    node.note("node started")
    assert node.writable
    assert [line["what"] for line in lines(log)] == ["node started"]


def test_a_log_that_was_changed_stops_the_start(log: AuditLog, tmp_path: Path) -> None:
    NodeAuditLog(log, KEYS).note("node started")
    path = tmp_path / LOG
    path.write_text(path.read_text().replace("node started", "node starte_"))
    store = Store(f"sqlite:///{tmp_path / 'x.sqlite'}")
    with pytest.raises(AuditLogDamaged, match="was changed"):
        NodeAuditLog(open_node_log(tmp_path, store.engine, KEYS), KEYS)
    other = Keys(bytes(32))
    with pytest.raises(AuditLogDamaged):
        NodeAuditLog(open_node_log(tmp_path, store.engine, other), other)
    store.close()
    assert json.loads(path.read_text())["seq"] == 1


def test_strangers_do_not_fill_the_disk_with_lines() -> None:
    now = [0.0]
    limit = RefusalLimit(lambda: now[0])
    assert [limit.take() for _ in range(62)] == [0] * 60 + [None, None]
    now[0] = 59.9
    assert limit.take() is None
    now[0] = 60.0
    assert [limit.take(), limit.take()] == [3, 0]
