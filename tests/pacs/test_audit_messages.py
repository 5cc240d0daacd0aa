"""Audit messages have the shape of the schema, and the codes of the standard's tables."""

from __future__ import annotations

import base64

import pytest

pytest.importorskip("pynetdicom", reason="needs the [pacs] extra")

from audit_schema import checked, facts
from pneumoscope.pacs.audit.messages import (
    APPLICATION_START,
    APPLICATION_STOP,
    MINOR_FAILURE,
    SUCCESS,
    AuditMessages,
    Code,
    Participant,
    Subject,
)

NODE = Participant("4711", "CHEST_AI", "node.example")
ARCHIVE = Participant("ARCHIVE", "ARCHIVE", "10.1.2.3")
MESSAGES = AuditMessages(NODE, "XRAY-AI-1")
SUBJECT = Subject("1.2.3", "P-17")


@pytest.mark.parametrize(
    ("kind", "code"), [(APPLICATION_START, "110120"), (APPLICATION_STOP, "110121")]
)
def test_start_and_end(kind: Code, code: str) -> None:
    root = checked(MESSAGES.activity(kind))
    assert facts(root) == {
        "event": "110100", "types": [code], "action": "E", "outcome": "0",
        "participants": {"110150": ("CHEST_AI", "node.example", False)}, "objects": {},
    }  # fmt: skip
    assert root.find("AuditSourceIdentification").attrib == {"AuditSourceID": "XRAY-AI-1"}  # type: ignore[union-attr]
    assert root.find("ActiveParticipant").attrib["UserID"] == "4711"  # type: ignore[union-attr]


def test_transfers() -> None:
    ours, theirs = ("CHEST_AI", "node.example"), ("ARCHIVE", "10.1.2.3")
    objects = {"110180": "1.2.3", "2": "P-17"}
    to_archive = {"110153": (*ours, True), "110152": (*theirs, False)}
    assert facts(checked(MESSAGES.begins(ARCHIVE, SUBJECT))) == {
        "event": "110102", "types": [], "action": "E", "outcome": "0",
        "participants": to_archive, "objects": objects,
    }  # fmt: skip
    for outcome in (SUCCESS, MINOR_FAILURE):
        assert facts(checked(MESSAGES.sent(ARCHIVE, SUBJECT, outcome))) == {
            "event": "110104", "types": [], "action": "R", "outcome": str(outcome),
            "participants": to_archive, "objects": objects,
        }  # fmt: skip
    for fetched in (False, True):
        assert facts(checked(MESSAGES.received(ARCHIVE, SUBJECT, fetched=fetched))) == {
            "event": "110104", "types": [], "action": "C", "outcome": "0",
            "participants": {"110153": (*theirs, not fetched), "110152": (*ours, fetched)},
            "objects": objects,
        }  # fmt: skip


def test_a_refused_association_is_an_alert() -> None:
    root = checked(MESSAGES.refused(ARCHIVE, "refused: association"))
    assert facts(root) == {
        "event": "110113", "types": ["110126"], "action": "E", "outcome": "4",
        "participants": {
            "110150": ("CHEST_AI", "node.example", False), "": ("ARCHIVE", "10.1.2.3", True),
        },
        "objects": {"110182": "10.1.2.3"},
    }  # fmt: skip
    (detail,) = root.iter("ParticipantObjectDetail")
    assert base64.b64decode(detail.attrib["value"]) == b"refused: association"
    unknown = checked(MESSAGES.refused(Participant(""), "refused: handshake"))
    assert facts(unknown)["objects"] == {"110182": "unknown"}


def test_what_peers_call_themselves_stays_one_value() -> None:
    evil = 'A"/><Event>\n\x00\x1b&\ud800<'
    root = checked(MESSAGES.received(Participant(evil, evil, "::1"), Subject("1.2", "Müller\n&")))
    (sender, _) = root.iter("ActiveParticipant")
    assert sender.attrib["UserID"] == 'A"/><Event> ??&?<'
    assert facts(root)["objects"] == {"110180": "1.2", "2": "Müller &"}
    message = MESSAGES.received(Participant(evil, evil, "::1"), Subject("1.2", "Müller"))
    assert message.isascii()
    assert b"\n" not in message
