"""Audit messages as XML, by the schema and the tables of DICOM PS3.15 A.5.

Names of patients are optional there, and left out. The Study Instance UID and the Patient ID are required.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import TYPE_CHECKING, NamedTuple
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Sequence

SUCCESS, MINOR_FAILURE = 0, 4
"""Event Outcome Indicator (A.5.2)."""
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_PATIENT_NAME = "withheld"
"""The schema demands a name or a query of every object; the patient's own name is never given."""


class Code(NamedTuple):
    """A coded value (PS3.16 D)."""

    value: str
    meaning: str
    scheme: str = "DCM"


APPLICATION_ACTIVITY = Code("110100", "Application Activity")
BEGIN_TRANSFERRING = Code("110102", "Begin Transferring DICOM Instances")
INSTANCES_TRANSFERRED = Code("110104", "DICOM Instances Transferred")
SECURITY_ALERT = Code("110113", "Security Alert")
APPLICATION_START = Code("110120", "Application Start")
APPLICATION_STOP = Code("110121", "Application Stop")
NODE_AUTHENTICATION = Code("110126", "Node Authentication")
_APPLICATION = Code("110150", "Application")
_DESTINATION = Code("110152", "Destination Role ID")
_SOURCE = Code("110153", "Source Role ID")
_STUDY = Code("110180", "Study Instance UID")
_NODE = Code("110182", "Node ID")
_PATIENT = Code("2", "Patient Number", "RFC-3881")


@dataclass(frozen=True, slots=True)
class Participant:
    """A process that takes part in an event.

    Attributes:
        user: What identifies it: the number of a process, an AE title, or a name in the configuration.
        ae_title: Its AE title, or empty.
        host: Its address or name in the network, or empty.
    """

    user: str
    ae_title: str = ""
    host: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """Study and patient of the objects that are transferred.

    Attributes:
        study: Study Instance UID.
        patient: Patient ID; empty if there is none.
    """

    study: str
    patient: str


class AuditMessages:
    """Makes the messages of one node."""

    def __init__(self, node: Participant, source_id: str) -> None:
        """Makes no message yet.

        Args:
            node: The node.
            source_id: What the hospital calls it, the Audit Source ID.
        """
        self._node = node
        self._source_id = source_id

    def activity(self, kind: Code) -> bytes:
        """The node starts or stops (A.5.3.1)."""
        root = _root(APPLICATION_ACTIVITY, "E", SUCCESS, kind)
        _participant(root, self._node, _APPLICATION)
        return self._finished(root)

    def begins(self, receiver: Participant, subject: Subject) -> bytes:
        """The node begins to send the objects of a result (A.5.3.3)."""
        root = _root(BEGIN_TRANSFERRING, "E", SUCCESS)
        _participant(root, self._node, _SOURCE, requests=True)
        _participant(root, receiver, _DESTINATION)
        return self._finished(root, _objects(subject))

    def sent(self, receiver: Participant, subject: Subject, outcome: int) -> bytes:
        """The node has sent the objects of a result, or could not (A.5.3.7)."""
        # "R" where it is not known whether the receiver had the objects before.
        root = _root(INSTANCES_TRANSFERRED, "R", outcome)
        _participant(root, self._node, _SOURCE, requests=True)
        _participant(root, receiver, _DESTINATION)
        return self._finished(root, _objects(subject))

    def received(self, sender: Participant, subject: Subject, *, fetched: bool = False) -> bytes:
        """The node has received a film (A.5.3.7).

        Args:
            sender: Who has sent it.
            subject: Its study and patient.
            fetched: Whether the node has asked for it.
        """
        root = _root(INSTANCES_TRANSFERRED, "C", SUCCESS)
        _participant(root, sender, _SOURCE, requests=not fetched)
        _participant(root, self._node, _DESTINATION, requests=fetched)
        return self._finished(root, _objects(subject))

    def refused(self, peer: Participant, reason: str) -> bytes:
        """The node has refused a connection or an association (A.5.3.11)."""
        root = _root(SECURITY_ALERT, "E", MINOR_FAILURE, NODE_AUTHENTICATION)
        _participant(root, self._node, _APPLICATION)
        if peer.user:
            _participant(root, peer, None, requests=True)
        subject = _object(_NODE, peer.host or peer.user or "unknown", "2", "13", name="peer")
        # The value is Base64 (A.5.1).
        detail = {"type": "Alert Description", "value": _base64(reason)}
        ET.SubElement(subject, "ParticipantObjectDetail", detail)
        return self._finished(root, [subject])

    def _finished(self, root: ET.Element, objects: Sequence[ET.Element] = ()) -> bytes:
        ET.SubElement(root, "AuditSourceIdentification", {"AuditSourceID": _token(self._source_id)})
        root.extend(objects)
        # ASCII with references is UTF-8 too, and harmless to a syslog that expects no other letters.
        body: bytes = ET.tostring(root, "us-ascii")
        return b'<?xml version="1.0" encoding="UTF-8"?>' + body


def _root(event: Code, action: str, outcome: int, kind: Code | None = None) -> ET.Element:
    root = ET.Element("AuditMessage")
    identification = ET.SubElement(
        root,
        "EventIdentification",
        {
            "EventActionCode": action,
            "EventDateTime": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "EventOutcomeIndicator": str(outcome),
        },
    )
    _coded(identification, "EventID", event)
    if kind is not None:
        _coded(identification, "EventTypeCode", kind)
    return root


def _participant(
    root: ET.Element, who: Participant, role: Code | None, *, requests: bool = False
) -> None:
    values = {"UserID": _token(who.user) or "unknown", "UserIsRequestor": str(requests).lower()}
    if who.ae_title:
        values["AlternativeUserID"] = f"AETITLES={_token(who.ae_title)}"
    if who.host:
        values["NetworkAccessPointID"] = _token(who.host)
        values["NetworkAccessPointTypeCode"] = "2" if _is_address(who.host) else "1"
    element = ET.SubElement(root, "ActiveParticipant", values)
    if role is not None:
        _coded(element, "RoleIDCode", role)


def _objects(subject: Subject) -> list[ET.Element]:
    study = _object(_STUDY, subject.study, "2", "3", name=subject.study)
    return [study, _object(_PATIENT, subject.patient, "1", "1", name=_PATIENT_NAME)]


def _object(kind: Code, id_: str, type_: str, role: str, *, name: str) -> ET.Element:
    element = ET.Element(
        "ParticipantObjectIdentification",
        {
            "ParticipantObjectID": _token(id_),
            "ParticipantObjectTypeCode": type_,
            "ParticipantObjectTypeCodeRole": role,
        },
    )
    _coded(element, "ParticipantObjectIDTypeCode", kind)
    ET.SubElement(element, "ParticipantObjectName").text = _token(name)
    return element


def _coded(parent: ET.Element, tag: str, code: Code) -> None:
    ET.SubElement(
        parent,
        tag,
        {"csd-code": code.value, "codeSystemName": code.scheme, "originalText": code.meaning},
    )


def _token(text: str) -> str:
    """A text from outside without letters that XML does not allow, in one line."""
    return " ".join(_NOT_XML.sub("?", text).split())


def _base64(text: str) -> str:
    return base64.b64encode(text.encode("utf-8", "replace")).decode()


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
