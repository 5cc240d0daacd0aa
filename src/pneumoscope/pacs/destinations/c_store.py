"""A DICOM archive as destination: objects by C-STORE, with storage commitment if the site wants it.

References are to the DICOM standard, PS3.4 and PS3.7.
"""

from __future__ import annotations

import io
import logging
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import build_context, evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    StorageCommitmentPushModel,
    StorageCommitmentPushModelInstance,
    Verification,
)

from pneumoscope.ai_results.kinds import KINDS
from pneumoscope.images.file_meta import file_meta
from pneumoscope.pacs.destinations.associations import association
from pneumoscope.pacs.destinations.base import Check
from pneumoscope.pacs.destinations.commitment import REQUEST_COMMITMENT
from pneumoscope.pacs.destinations.encoded_store import send_encoded
from pneumoscope.pacs.destinations.errors import AssociationEnded, DeliveryFailed
from pneumoscope.pacs.destinations.statuses import (
    REFUSED_CLASS,
    is_permanent,
    is_stored,
    is_warning,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from pynetdicom.association import Association
    from pynetdicom.presentation import PresentationContext

    from pneumoscope.ai_results.objects import ResultObject
    from pneumoscope.pacs.destinations.base import StoredFilm
    from pneumoscope.pacs.destinations.commitment import Commitments, Transaction
    from pneumoscope.pacs.destinations.result_objects import ObjectMaker
    from pneumoscope.pacs.destinations.settings import CStoreSettings

_log = logging.getLogger(__name__)

UNCOMPRESSED = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
_AGAIN = "It is tried again."


class _Sending(NamedTuple):
    """An object on its way.

    Attributes:
        kind: Its kind.
        content: Its file.
        start: Where the data set begins in the file.
        identity: SOP Class UID, SOP Instance UID and, as file meta information, the transfer syntax.
    """

    kind: str
    content: bytes
    start: int
    identity: Dataset

    @classmethod
    def of(cls, item: ResultObject) -> Self:
        """From an object of a result."""
        syntax, start = file_meta(item.content)
        identity = Dataset()
        identity.SOPClassUID, identity.SOPInstanceUID = item.sop_class_uid, item.sop_instance_uid
        identity.file_meta = FileMetaDataset()
        identity.file_meta.TransferSyntaxUID = UID(syntax or ExplicitVRLittleEndian)
        return cls(kind=item.kind, content=item.content, start=start, identity=identity)


@dataclass(frozen=True, slots=True)
class Archive:
    """Sends the objects of results, of several over one association.

    Attributes:
        settings: What the site has configured.
        maker: Makes the objects.
        commitments: Waits for reports of storage commitment, on any association.
    """

    settings: CStoreSettings
    maker: ObjectMaker
    commitments: Commitments

    @property
    def name(self) -> str:
        """Its name in the configuration."""
        return self.settings.name

    def send(self, film: StoredFilm) -> None:
        """Sends the objects of a result. An archive that has them already takes them as duplicates.

        Raises:
            DeliveryFailed: The archive has not taken all of them, or has not committed to keep them.
        """
        with self.sending() as send:
            send(film)

    @contextmanager
    def sending(self) -> Iterator[Callable[[StoredFilm], None]]:
        """`send` over one association, as long as the archive leaves it open.

        With storage commitment each result has its own, on which the archive may report.
        """
        with _KeptAssociation(self.settings) as kept:

            def send(film: StoredFilm) -> None:
                made = self.maker.objects(film, self.settings.objects)
                if not made:  # of a film that was refused, for an archive that gets pictures only
                    return
                sendings = [_Sending.of(item) for item in made]
                if self.settings.commitment:
                    self._send_committed(sendings)
                else:
                    kept.use(
                        _contexts_of(sendings), lambda opened: self._store_all(opened, sendings)
                    )

            yield send

    def _send_committed(self, sendings: Sequence[_Sending]) -> None:
        contexts = _contexts_of(sendings)
        with self.commitments.transaction() as transaction:
            handlers = [(evt.EVT_N_EVENT_REPORT, self.commitments.report)]
            contexts.append(build_context(StorageCommitmentPushModel, list(UNCOMPRESSED)))
            with association(self.settings, contexts, handlers) as opened:
                self._store_all(opened, sendings)
                self._request_commitment(opened, transaction, sendings)
                # Some archives report on this association, others open one of their own.
                committed = transaction.wait(self.settings.commitment_s)
        if not committed:
            raise DeliveryFailed(
                f"{self.name}: no storage commitment within {self.settings.commitment_s:g} s",
                f"Enter {self.settings.calling_ae} with this computer's address and the port that it "
                "listens on at the archive: it reports to there.",
            )
        if transaction.failed:
            raise DeliveryFailed(
                f"{self.name}: the archive does not commit to keep {transaction.failed} of "
                f"{len(sendings)} objects",
                "The archive's log says why.",
            )

    def _store_all(self, opened: Association, sendings: Sequence[_Sending]) -> None:
        for sending in sendings:
            self._store(opened, sending)

    def _store(self, opened: Association, sending: _Sending) -> None:
        what = f"{self.name}: {sending.kind}"
        latest = time.monotonic() + self.settings.timeout_s
        try:
            status = _sent(opened, sending).get("Status")
        except ValueError as error:  # of pynetdicom: no accepted context
            raise _refused_class(what, sending.kind) from error
        except RuntimeError as error:  # of pynetdicom: the association is gone
            raise AssociationEnded(f"{what}: the association ended", _AGAIN) from error
        if status is None and time.monotonic() < latest:  # it was aborted or closed meanwhile
            raise AssociationEnded(f"{what}: the association ended", _AGAIN)
        if status is None:
            raise DeliveryFailed(f"{what}: no answer within {self.settings.timeout_s:g} s", _AGAIN)
        if is_warning(status):
            _log.warning("%s has been stored with the warning 0x%04X", what, status)
        if is_stored(status):
            return
        if status == REFUSED_CLASS:
            raise _refused_class(what, sending.kind)
        raise DeliveryFailed(
            f"{what} is refused with status 0x{status:04X}",
            "The archive's log says why.",
            permanent=is_permanent(status),
        )

    def _request_commitment(
        self, opened: Association, transaction: Transaction, sendings: Sequence[_Sending]
    ) -> None:
        """Asks the archive to commit to keep the objects (PS3.4 J.3.2)."""
        try:
            answer, _ = opened.send_n_action(
                transaction.request([sending.identity for sending in sendings]),
                REQUEST_COMMITMENT,
                StorageCommitmentPushModel,
                StorageCommitmentPushModelInstance,
            )
        except ValueError as error:  # of pynetdicom: no accepted context
            raise DeliveryFailed(
                f"{self.name}: the archive offers no storage commitment",
                "Set commitment = false, or allow it there.",
                permanent=True,
            ) from error
        except RuntimeError as error:
            raise DeliveryFailed(f"{self.name}: the association ended", _AGAIN) from error
        if (status := answer.get("Status")) != 0:
            words = "no answer" if status is None else f"status 0x{status:04X}"
            raise DeliveryFailed(
                f"{self.name}: storage commitment is refused ({words})",
                "The archive's log says why.",
            )

    def prepare(self, film: StoredFilm) -> None:
        """Makes the objects of a result."""
        self.maker.objects(film, self.settings.objects)

    def check(self) -> Check:
        """C-ECHO, and whether the archive takes the classes of all objects that are sent."""
        kinds = self.settings.objects
        uids = {kind: UID(KINDS[kind].sop_class_uid) for kind in kinds}
        proposed = [build_context(Verification, list(UNCOMPRESSED))]
        proposed += [build_context(uid, list(UNCOMPRESSED)) for uid in uids.values()]
        if self.settings.commitment:
            proposed.append(build_context(StorageCommitmentPushModel, list(UNCOMPRESSED)))
        where = f"{self.settings.called_ae} at {self.settings.host}:{self.settings.port}"
        try:
            with association(self.settings, proposed) as opened:
                accepted = {context.abstract_syntax for context in opened.accepted_contexts}
                echo = opened.send_c_echo() if Verification in accepted else Dataset()
        except DeliveryFailed as error:
            return Check(False, error.message, error.hint)
        refused = [f"{kind} ({KINDS[kind].title})" for kind in kinds if uids[kind] not in accepted]
        if self.settings.commitment and StorageCommitmentPushModel not in accepted:
            refused.append("storage commitment")
        if refused:
            return Check(
                False,
                f"{where} does not accept {', '.join(refused)}",
                "Allow it there, or change objects and commitment here.",
            )
        answers = "answers C-ECHO" if echo.get("Status") == 0 else "does not answer C-ECHO"
        return Check(True, f"{where} {answers}, accepts {', '.join(kinds)}")


class _KeptAssociation:
    """An association that is opened when it is needed, and kept for what is sent next."""

    def __init__(self, settings: CStoreSettings) -> None:
        self._settings = settings
        self._kept = ExitStack()
        self._opened: Association | None = None
        self._proposed: set[tuple[str, ...]] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None:
        self._close()

    def use(
        self, contexts: Sequence[PresentationContext], work: Callable[[Association], None]
    ) -> None:
        """Does something over the association; if that fails, it is aborted.

        Args:
            contexts: What it must have proposed.
            work: Done once more over a new association if the archive has closed the one that was
                kept: many do so after a while, or after a number of objects.

        Raises:
            DeliveryFailed: See `association` and ``work``.
        """
        needed = {(str(each.abstract_syntax), *each.transfer_syntax) for each in contexts}
        if self._opened is not None and needed <= self._proposed:
            try:
                self._do(self._opened, work)
            except AssociationEnded:
                _log.debug("the archive has closed the association; a new one is opened")
            else:
                return
        self._close()
        opened = self._kept.enter_context(association(self._settings, contexts))
        self._opened, self._proposed = opened, needed
        self._do(opened, work)

    def _do(self, opened: Association, work: Callable[[Association], None]) -> None:
        try:
            work(opened)
        except BaseException:
            self._opened = None
            with self._kept.pop_all():
                raise

    def _close(self) -> None:
        self._opened = None
        self._kept.close()


def _contexts_of(sendings: Iterable[_Sending]) -> list[PresentationContext]:
    """Contexts for objects: as they are, and uncompressed for archives that do not decode them."""
    contexts: dict[tuple[str, str], PresentationContext] = {}
    for sending in sendings:
        identity = sending.identity
        uid, syntax = identity.SOPClassUID, identity.file_meta.TransferSyntaxUID
        if syntax not in UNCOMPRESSED:
            contexts[uid, syntax] = build_context(uid, [syntax])
        contexts[uid, "uncompressed"] = build_context(uid, list(UNCOMPRESSED))
    return list(contexts.values())


def _sent(opened: Association, sending: _Sending) -> Dataset:
    """Sends an object, decoded if the archive does not take it as it is; returns the answer."""
    identity = sending.identity
    syntax = identity.file_meta.TransferSyntaxUID
    if any(
        context.abstract_syntax == identity.SOPClassUID and syntax in context.transfer_syntax
        for context in opened.accepted_contexts
    ):
        return send_encoded(opened, identity, memoryview(sending.content)[sending.start :])
    dataset = dcmread(io.BytesIO(sending.content))
    if syntax not in UNCOMPRESSED:
        # pydicom would give the object a new UID, and the archive a second copy with each attempt.
        dataset.decompress(generate_instance_uid=False)
    return opened.send_c_store(dataset)


def _refused_class(what: str, kind: str) -> DeliveryFailed:
    return DeliveryFailed(
        f"{what}: the archive does not accept this class ({KINDS[kind].title})",
        "Allow it there, or leave it out of objects.",
        permanent=True,
    )
