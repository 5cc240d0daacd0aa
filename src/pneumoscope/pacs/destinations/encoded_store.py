"""C-STORE of objects whose bytes are sent as they are.

pynetdicom would decode an object and encode it again, and pass each of its PDUs, which archives want
to be small, through a queue and a state machine. References are to the DICOM standard, PS3.7 and PS3.8.
"""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING, Any

from pynetdicom import evt
from pynetdicom.dimse_messages import C_STORE_RQ
from pynetdicom.pdu import P_DATA_TF

if TYPE_CHECKING:
    from pydicom.dataset import Dataset
    from pynetdicom.association import Association
    from pynetdicom.dimse_primitives import C_STORE
    from pynetdicom.events import Event

_P_DATA_TF = 4
"""Type of the PDU (PS3.8 9.3.5)."""
_LAST_OF_COMMAND, _LAST_OF_DATA_SET = 0b11, 0b10
"""Message control headers (PS3.8 E.2)."""
_HEADERS_BYTES = 6
"""Of the length of a PDU, what is not data: length, context and control header of its only value."""


def send_encoded(opened: Association, identity: Dataset, data_set: memoryview) -> Dataset:
    """Sends an object by C-STORE; returns what `Association.send_c_store` does, and raises the same.

    pynetdicom sends the command and waits for the answer. Its thread of the connection sends the data
    set, right after the command: with TLS, no other thread may write at the same time.

    Args:
        opened: The association, with an accepted context for the object's transfer syntax.
        identity: SOP Class UID, SOP Instance UID and, as file meta information, the transfer syntax.
        data_set: The object, encoded in its transfer syntax, without file meta information.
    """
    pdus: list[Any] = []  # at most the one stream of bytes

    def send_message(primitive: C_STORE, context: int) -> None:
        message = C_STORE_RQ()
        message.primitive_to_message(primitive)
        message.data_set = io.BytesIO()
        largest = opened.dimse.maximum_pdu_size
        pdus.append(memoryview(data_set_pdus(data_set, context, largest)))
        for command in message.encode_msg(context, largest):
            opened.dul.send_pdu(command)

    def send_data_set(event: Event) -> None:
        connection = event.assoc.dul.socket
        if pdus and connection is not None and _ends_command(event.pdu):
            # It sends again and again what is left: of a view, that is no copy.
            connection.send(pdus.pop())

    provider = vars(opened.dimse)
    provider["send_msg"] = send_message
    opened.bind(evt.EVT_PDU_SENT, send_data_set)
    try:
        return opened.send_c_store(identity)
    finally:
        opened.unbind(evt.EVT_PDU_SENT, send_data_set)
        del provider["send_msg"]


def data_set_pdus(data_set: memoryview, context: int, largest: int) -> bytes:
    """The P-DATA-TF PDUs of a data set, one after the other (PS3.8 9.3.5, E).

    Args:
        data_set: The encoded data set.
        context: Id of the presentation context.
        largest: Longest PDU that the other side takes, as it counts them; 0 for any.
    """
    # Fragments have an even number of bytes (PS3.8 E.1).
    size = max(2, (largest or len(data_set) + _HEADERS_BYTES) - _HEADERS_BYTES & ~1)
    parts: list[bytes | memoryview] = []
    for start in range(0, len(data_set), size):
        part = data_set[start : start + size]
        control = _LAST_OF_DATA_SET if start + size >= len(data_set) else 0
        length = len(part) + _HEADERS_BYTES
        parts += [
            struct.pack(">BxIIBB", _P_DATA_TF, length, len(part) + 2, context, control),
            part,
        ]
    return b"".join(parts)


def _ends_command(pdu: Any) -> bool:
    """Whether the last fragment of a command is in a PDU."""
    if not isinstance(pdu, P_DATA_TF):
        return False
    last = pdu.presentation_data_value_items[-1].presentation_data_value
    return last is not None and last[0] == _LAST_OF_COMMAND
