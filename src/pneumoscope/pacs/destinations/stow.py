"""A DICOMweb server as destination: objects by STOW-RS (DICOM PS3.18 10.5)."""

from __future__ import annotations

import io
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import requests
from dicomweb_client.api import DICOMwebClient
from pydicom import dcmread
from pydicom.dataset import Dataset

from pneumoscope.pacs.destinations.base import Check, SendsEachAlone
from pneumoscope.pacs.destinations.errors import DeliveryFailed
from pneumoscope.pacs.destinations.http import ReachedByHttp
from pneumoscope.pacs.destinations.statuses import is_permanent, is_stored, is_warning

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pneumoscope.pacs.destinations.base import StoredFilm
    from pneumoscope.pacs.destinations.result_objects import ObjectMaker
    from pneumoscope.pacs.destinations.settings import StowSettings

_log = logging.getLogger(__name__)

_JSON = "application/dicom+json"
_JSON_TYPES = (_JSON, "application/json")
_ALL_STORED = 200
_FAILED, _STORED = "FailedSOPSequence", "ReferencedSOPSequence"


@dataclass(frozen=True, slots=True)
class StowServer(ReachedByHttp, SendsEachAlone):
    """Sends all objects of a result in one request.

    Attributes:
        settings: What the site has configured.
        maker: Makes the objects.
    """

    settings: StowSettings
    maker: ObjectMaker

    def send(self, film: StoredFilm) -> None:
        """Sends the objects of a result; those that the server has already change nothing.

        Raises:
            DeliveryFailed: The server has not taken all of them.
        """
        made = self.maker.objects(film, self.settings.objects)
        if not made:  # of a film that was refused, for a server that gets pictures only
            return
        datasets = [dcmread(io.BytesIO(item.content)) for item in made]
        http, answers = self.settings.http, list[requests.Response]()
        with self.service.session() as session:
            session.headers["Accept"] = _JSON
            session.hooks["response"].append(lambda answer, **_: answers.append(answer))
            client = DICOMwebClient(http.url, session=session, timeout=http.timeout_s)
            client.set_http_retry_params(retry=False)  # the node has its own pauses
            module = None
            try:
                module = client.store_instances(datasets, datasets[0].StudyInstanceUID)
            except (requests.RequestException, OSError) as error:
                if isinstance(error, DeliveryFailed):
                    raise
                is_redirect = isinstance(error, requests.TooManyRedirects)
                if not answers or is_redirect or session.out_of_time:
                    raise self.service.unreachable(error, session) from error
            except Exception:
                # With an answer, this client cannot read it: `_check_stored` tries.
                if not answers:
                    raise
        self._check_stored(answers[-1], module, {item.sop_instance_uid: item.kind for item in made})

    def _check_stored(
        self, response: requests.Response, module: Dataset | None, kinds: Mapping[str, str]
    ) -> None:
        """Reads what the server says about each object.

        Args:
            response: Its answer.
            module: What the client has read of it, if anything.
            kinds: Kinds of the objects by SOP Instance UID.

        Raises:
            DeliveryFailed: One was not stored, or the server does not say so.
        """
        if _media_type(response) in _JSON_TYPES:
            module = _module_of(response)
        if not response.ok and (module is None or not _items(module, _FAILED)):
            raise self.service.refused(response.status_code)
        if module is None:
            if response.status_code == _ALL_STORED:
                return
            raise DeliveryFailed(
                f"{self.service.where}: its answer cannot be read", "The server's log says why."
            )
        outcomes = [_Outcome.of(item, "FailureReason", kinds) for item in _items(module, _FAILED)]
        outcomes += [_Outcome.of(item, "WarningReason", kinds) for item in _items(module, _STORED)]
        if not response.ok:  # what it does not name was not stored either
            named = {outcome.kind for outcome in outcomes}
            rest = [kind for kind in kinds.values() if kind not in named]
            outcomes += [_Outcome(kind, None, listed_as_failed=True) for kind in rest]
        for outcome in outcomes:
            if outcome.is_warning:
                _log.warning("%s has stored %s with a warning", self.service.where, outcome.text)
        failed = [outcome for outcome in outcomes if outcome.is_failure]
        if failed:
            raise DeliveryFailed(
                f"{self.service.where} does not take {', '.join(each.kind for each in failed)} "
                f"({', '.join(sorted({each.code for each in failed}))})",
                "The server's log says why.",
                permanent=all(each.is_permanent for each in failed),
            )

    def prepare(self, film: StoredFilm) -> None:
        """Makes the objects of a result."""
        self.maker.objects(film, self.settings.objects)

    def check(self) -> Check:
        """Whether the server answers a search; nothing is stored."""
        try:
            answer = self.service.request("GET", "/studies?limit=1", headers={"Accept": _JSON})
            if answer.status_code not in (200, 204):
                raise self.service.refused(answer.status_code)
        except DeliveryFailed as error:
            return Check(False, error.message, error.hint)
        return Check(True, f"{self.service.where} answers a search (QIDO-RS)")


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of an object.

    Attributes:
        kind: Its kind.
        status: Failure or Warning Reason; None if there is none.
        listed_as_failed: Whether it is in the Failed SOP Sequence.
    """

    kind: str
    status: int | None
    listed_as_failed: bool

    @classmethod
    def of(cls, item: Dataset, keyword: str, kinds: Mapping[str, str]) -> Self:
        """From an item of a sequence; ``keyword`` names its reason."""
        kind = kinds.get(str(item.get("ReferencedSOPInstanceUID")), "an object")
        reason = item.get(keyword)
        status = reason if isinstance(reason, int) else None
        return cls(kind, status, listed_as_failed=keyword == "FailureReason")

    @property
    def code(self) -> str:
        """The reason for people."""
        return "no reason given" if self.status is None else f"0x{self.status:04X}"

    @property
    def text(self) -> str:
        """Kind and reason."""
        return f"{self.kind} ({self.code})"

    @property
    def is_warning(self) -> bool:
        """Whether the object was stored, but not as it is."""
        return self.status is not None and is_warning(self.status)

    @property
    def is_failure(self) -> bool:
        """Whether the object was not stored; a server that has it already lists it as failed."""
        return self.listed_as_failed and (self.status is None or not is_stored(self.status))

    @property
    def is_permanent(self) -> bool:
        """Whether the same object would fail again."""
        return self.status is not None and is_permanent(self.status)


def _items(module: Dataset, keyword: str) -> Sequence[Dataset]:
    # Orthanc's answer holds an empty Failed SOP Sequence if nothing failed.
    return module.get(keyword) or ()


def _media_type(response: requests.Response) -> str:
    return str(response.headers.get("Content-Type", "")).partition(";")[0].strip().lower()


def _module_of(response: requests.Response) -> Dataset | None:
    """The Store Instances Response Module (PS3.18 I) of an answer; None if it cannot be read."""
    try:
        content = response.json()
        return Dataset.from_json(content[0] if isinstance(content, list) else content)
    except Exception:  # noqa: BLE001 (whatever the server has written)
        return None
