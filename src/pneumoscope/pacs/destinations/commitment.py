"""Storage commitment: an archive says later, on any association, what it will keep (PS3.4 J)."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from pynetdicom.sop_class import StorageCommitmentPushModel  # type: ignore[attr-defined]

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pynetdicom import AE
    from pynetdicom.events import Event

REQUEST_COMMITMENT = 1
"""Action Type of the request (PS3.4 J.3.2)."""
_SUCCESS, _NO_SUCH_TRANSACTION = 0x0000, 0x0110


class Transaction:
    """One request for commitment.

    Attributes:
        uid: Its Transaction UID.
        failed: How many objects the archive will not keep, once it has reported.
    """

    def __init__(self) -> None:
        """Makes a transaction with a new UID."""
        self.uid = generate_uid(prefix=None)
        self.failed = 0
        self._reported = threading.Event()

    def request(self, objects: Sequence[Dataset]) -> Dataset:
        """The data set of the request for these objects."""
        dataset = Dataset()
        dataset.TransactionUID = self.uid
        references = []
        for sent in objects:
            item = Dataset()
            item.ReferencedSOPClassUID = sent.SOPClassUID
            item.ReferencedSOPInstanceUID = sent.SOPInstanceUID
            references.append(item)
        dataset.ReferencedSOPSequence = references
        return dataset

    def end(self, failed: int) -> None:
        """Ends the wait: the archive has reported."""
        self.failed = failed
        self._reported.set()

    def wait(self, timeout_s: float) -> bool:
        """Waits for the archive's report; False if there is none in time."""
        return self._reported.wait(timeout_s)


class Commitments:
    """The transactions that wait for a report. Safe to share between threads."""

    def __init__(self) -> None:
        """Makes an empty register."""
        self._open: dict[str, Transaction] = {}
        self._lock = threading.Lock()

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """A new transaction, which reports can end during this block."""
        transaction = Transaction()
        with self._lock:
            self._open[transaction.uid] = transaction
        try:
            yield transaction
        finally:
            with self._lock:
                del self._open[transaction.uid]

    def report(self, event: Event) -> tuple[int, Dataset | None]:
        """Handles a report (N-EVENT-REPORT); a handler for ``evt.EVT_N_EVENT_REPORT``."""
        known = self.end(*reported(event))
        return _SUCCESS if known else _NO_SUCH_TRANSACTION, None

    def end(self, uid: str, failed: int) -> bool:
        """Ends a transaction; False if there is none of this UID.

        Args:
            uid: Transaction UID of a report.
            failed: How many objects the archive will not keep.
        """
        with self._lock:
            transaction = self._open.get(uid)
        if transaction is not None:
            transaction.end(failed)
        return transaction is not None


def reported(event: Event) -> tuple[str, int]:
    """What a report (N-EVENT-REPORT) says: Transaction UID, and how many objects will not be kept."""
    information = event.event_information
    # Some archives send an empty sequence where nothing failed.
    failed = len(information.get("FailedSOPSequence") or ())
    return str(information.get("TransactionUID", "")), failed


def accept_reports(ae: AE) -> None:
    """Lets an application entity accept associations that archives open for their reports.

    In these the archive itself is the SCP.
    """
    ae.add_supported_context(StorageCommitmentPushModel, scu_role=False, scp_role=True)
