"""The tables of the DICOM conformance statement, from the tables that the code works with."""

from __future__ import annotations

from pydicom.uid import UID

from pneumoscope.ai_results.kinds import KINDS
from pneumoscope.pacs import receiver
from pneumoscope.pacs.config import ReceiverSettings
from pneumoscope.pacs.destinations import c_store, settings, statuses
from pneumoscope.pacs.destinations.commitment import REQUEST_COMMITMENT
from pneumoscope.pacs.limited_server import LARGEST_PDU, with_reserve
from pneumoscope.pacs.pull import settings as pull
from reference_text import code, table

VERIFICATION, COMMITMENT = "1.2.840.10008.1.1", "1.2.840.10008.1.20.1"
_RLE = "1.2.840.10008.1.2.5"
_LISTED = "all of the [transfer syntaxes](#transfer-syntaxes-of-films)"


def received() -> str:
    """Presentation contexts that the Storage SCP accepts."""
    rows = []
    for context in receiver._application_entity(ReceiverSettings()).supported_contexts:
        uid, names = UID(context.abstract_syntax or ""), context.transfer_syntax
        listed = set(names) == set(receiver.TRANSFER_SYNTAXES)
        which = _LISTED if listed else ", ".join(name.name for name in names)
        role = "SCU (reports of the archive, which is the SCP)" if uid == COMMITMENT else "SCP"
        rows.append((uid.name, code(uid), which, role))
    return table(("SOP class", "UID", "transfer syntaxes", "role"), rows)


def syntaxes() -> str:
    """Transfer syntaxes that films may have."""
    rows = ((UID(uid).name, code(uid)) for uid in receiver.TRANSFER_SYNTAXES)
    return table(("transfer syntax", "UID"), rows)


def sent() -> str:
    """Presentation contexts that are proposed to an archive."""
    plain = ", ".join(uid.name for uid in c_store.UNCOMPRESSED)
    rows = []
    for name in settings.DICOM_KINDS:
        uid = KINDS[name].sop_class_uid
        also = f"{UID(_RLE).name}; {plain}" if name == "seg" else plain
        chosen = "yes" if name in settings.SENT else "if it is chosen"
        rows.append((code(name), UID(uid).name, code(uid), also, chosen))
    rows.append(("", UID(VERIFICATION).name, code(VERIFICATION), plain, "`--check`"))
    rows.append(("", UID(COMMITMENT).name, code(COMMITMENT), plain, "with `commitment = true`"))
    return table(("object", "SOP class", "UID", "transfer syntaxes", "sent"), rows)


def returned() -> str:
    """Statuses that the Storage SCP returns."""
    rows = (
        (receiver.SUCCESS, "Success", "The film is on the disk and will be read"),
        (
            receiver.OUT_OF_RESOURCES,
            "Refused: out of resources",
            "The disk is full, or the node's share of it is used up. Send the film again later",
        ),
        (receiver.NOT_SUPPORTED, "Refused: SOP class not supported", "Not a film for presentation"),
        (
            receiver.CLASS_MISMATCH,
            "Error: data set does not match SOP class",
            "The data set has another SOP class than the request",
        ),
        (
            receiver.NOT_UNDERSTOOD,
            "Error: cannot understand",
            "The header cannot be read, the film is too large, or the data set has another SOP Instance UID",
        ),
    )
    return table(
        ("status", "meaning", "when"),
        ((code(f"{status:04X}"), meaning, when) for status, meaning, when in rows),
    )


def accepted() -> str:
    """What the node makes of the statuses of an archive."""
    first, *others = statuses.PERMANENT
    permanent = (
        f"{code(f'{first:02X}xx')}, {code(f'{others[0]:02X}xx')} to {code(f'{others[-1]:02X}xx')}"
    )
    rows = (
        (code("0000"), "The object is delivered"),
        (code(f"{statuses.WARNING:X}xxx"), "The object is delivered; the log has a line about it"),
        (code(f"{statuses.DUPLICATE:04X}"), "The archive has the object already: it is delivered"),
        (
            code(f"{statuses.REFUSED_CLASS:04X}"),
            "The delivery is given up: another attempt would fail in the same way",
        ),
        (permanent, "The same"),
        ("all others, and no answer", "The whole result is sent again after a growing pause"),
    )
    return table(("status", "what the node does"), rows)


def limits() -> str:
    """Values of the association policies."""
    default = ReceiverSettings()
    rows = (
        ("AE title", code(default.ae_title), "`ae_title`, `calling_ae`"),
        ("TCP port", str(default.port), "`port`"),
        ("Largest PDU that is received", f"{LARGEST_PDU} bytes", ""),
        (
            "Associations of one address at the same time",
            str(default.associations),
            "`associations`",
        ),
        (
            "Associations of all addresses at the same time: a quarter more",
            str(with_reserve(default.associations)),
            "`associations`",
        ),
        ("Seconds to negotiate", f"{default.association_s:g}", "`association_s`"),
        ("Seconds without data", f"{default.idle_s:g}", "`idle_s`"),
        ("Largest film", f"{default.film_bytes // 2**20} MiB", "`largest_film_mib`"),
        ("Action Type of storage commitment", str(REQUEST_COMMITMENT), ""),
        ("Modalities that are fetched", ", ".join(pull.MODALITIES), "`modalities`"),
    )
    return table(("what", "default", "key"), rows)


def objects() -> str:
    """What the objects say."""
    rows = (
        (code(name), about.title, about.content, "yes" if name in settings.SENT else "")
        for name, about in KINDS.items()
    )
    return table(("kind", "object", "content", "sent by default"), rows)
