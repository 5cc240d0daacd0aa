"""A DICOMweb server as destination: objects by STOW-RS (DICOM PS3.18 10.5)."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import requests
from dicomweb_client.api import DICOMwebClient
from pydicom import dcmread

from pneumoscope.pacs.destinations.base import Check
from pneumoscope.pacs.destinations.errors import DeliveryFailed
from pneumoscope.pacs.destinations.http import ReachedByHttp

if TYPE_CHECKING:
    from pneumoscope.pacs.destinations.base import StoredFilm
    from pneumoscope.pacs.destinations.result_objects import ObjectMaker
    from pneumoscope.pacs.destinations.settings import StowSettings


@dataclass(frozen=True, slots=True)
class StowServer(ReachedByHttp):
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
        datasets = [dcmread(io.BytesIO(item.content)) for item in made]
        http = self.settings.http
        with self.service.session() as session:
            client = DICOMwebClient(http.url, session=session, timeout=http.timeout_s)
            client.set_http_retry_params(retry=False)  # the node has its own pauses
            try:
                answer = client.store_instances(datasets, datasets[0].StudyInstanceUID)
            except requests.HTTPError as error:
                raise self.service.refused(error.response.status_code) from error
            except (requests.RequestException, OSError) as error:
                raise self.service.unreachable(error) from error
        # Orthanc's answer holds an empty sequence if nothing failed.
        if failed := answer.get("FailedSOPSequence") or ():
            kinds = {item.sop_instance_uid: item.kind for item in made}
            names = [kinds.get(str(f.get("ReferencedSOPInstanceUID")), "an object") for f in failed]
            reasons = {f"0x{f.FailureReason:04X}" for f in failed if "FailureReason" in f}
            raise DeliveryFailed(
                f"{self.service.where} does not take {', '.join(names)} "
                f"({', '.join(sorted(reasons)) or 'no reason given'})",
                "The server's log says why.",
            )

    def check(self) -> Check:
        """Whether the server answers a search; nothing is stored."""
        try:
            answer = self.service.request(
                "GET", "/studies?limit=1", headers={"Accept": "application/dicom+json"}
            )
            if answer.status_code not in (200, 204):
                raise self.service.refused(answer.status_code)
        except DeliveryFailed as error:
            return Check(False, error.message, error.hint)
        return Check(True, f"{self.service.where} answers a search (QIDO-RS)")
