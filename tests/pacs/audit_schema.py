"""The shape of audit messages by the schema of DICOM PS3.15 A.5.1, as far as a node uses it."""

from __future__ import annotations

import re
from datetime import datetime
from xml.etree import ElementTree as ET

CODED = {"csd-code": r"\S+", "codeSystemName": r"\S+", "originalText": r"\S.*"}
DETAIL = {"type": r"\S.*", "value": r"[A-Za-z0-9+/]+={0,2}"}
SHAPE: dict[str, tuple[str, dict[str, str], dict[str, str]]] = {
    # Children in their order, attributes that are required, and others that are allowed.
    "AuditMessage": (
        "EventIdentification (ActiveParticipant )+AuditSourceIdentification "
        "(ParticipantObjectIdentification )*",
        {},
        {},
    ),
    "EventIdentification": (
        "EventID (EventTypeCode )*",
        {"EventDateTime": r".+", "EventOutcomeIndicator": "0|4|8|12"},
        {"EventActionCode": "[CRUDE]"},
    ),
    "ActiveParticipant": (
        "(RoleIDCode )*",
        {"UserID": r"\S.*", "UserIsRequestor": "true|false"},
        {
            "AlternativeUserID": r"AETITLES=\S.*",
            "UserName": r"\S.*",
            "NetworkAccessPointID": r"\S+",
            "NetworkAccessPointTypeCode": "[1-5]",
        },
    ),
    "AuditSourceIdentification": (
        "",
        {"AuditSourceID": r"\S.*"},
        {"AuditEnterpriseSiteID": r"\S.*"},
    ),
    "ParticipantObjectIdentification": (
        "ParticipantObjectIDTypeCode ParticipantObjectName (ParticipantObjectDetail )*",
        {"ParticipantObjectID": r".*"},
        {"ParticipantObjectTypeCode": "[1-4]", "ParticipantObjectTypeCodeRole": r"\d\d?"},
    ),
    "EventID": ("", CODED, {}),
    "EventTypeCode": ("", CODED, {}),
    "RoleIDCode": ("", CODED, {}),
    "ParticipantObjectIDTypeCode": ("", CODED, {}),
    "ParticipantObjectName": ("", {}, {}),
    "ParticipantObjectDetail": ("", DETAIL, {}),
}


def checked(message: bytes) -> ET.Element:
    """A message as XML, once everything in it is as the schema wants it."""
    root = ET.fromstring(message)
    assert root.tag == "AuditMessage"
    for element in root.iter():
        children, required, allowed = SHAPE[element.tag]
        assert re.fullmatch(children, "".join(f"{child.tag} " for child in element)), element.tag
        assert required.keys() <= element.attrib.keys() <= required.keys() | allowed.keys()
        for name, value in element.attrib.items():
            assert re.fullmatch((required | allowed)[name], value), (element.tag, name, value)
    time = datetime.fromisoformat(root[0].attrib["EventDateTime"])
    assert time.utcoffset() is not None
    return root


def facts(root: ET.Element) -> dict[str, object]:
    """What a message says, in short."""
    event = root[0]
    participants = {}
    for participant in root.findall("ActiveParticipant"):
        role, values = participant.find("RoleIDCode"), participant.attrib
        participants["" if role is None else role.attrib["csd-code"]] = (
            values.get("AlternativeUserID", "").removeprefix("AETITLES="),
            values.get("NetworkAccessPointID", ""),
            values["UserIsRequestor"] == "true",
        )
    objects = {
        subject[0].attrib["csd-code"]: subject.attrib["ParticipantObjectID"]
        for subject in root.findall("ParticipantObjectIdentification")
    }
    return {
        "event": event[0].attrib["csd-code"],
        "types": [code.attrib["csd-code"] for code in event.findall("EventTypeCode")],
        "action": event.attrib["EventActionCode"],
        "outcome": event.attrib["EventOutcomeIndicator"],
        "participants": participants,
        "objects": objects,
    }
