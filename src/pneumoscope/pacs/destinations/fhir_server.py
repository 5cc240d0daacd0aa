"""A FHIR server as destination: a transaction for each result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pneumoscope.pacs.destinations.base import Check, SendsEachAlone
from pneumoscope.pacs.destinations.errors import DeliveryFailed
from pneumoscope.pacs.destinations.http import ReachedByHttp, json_of, shown

if TYPE_CHECKING:
    from pneumoscope.pacs.destinations.base import StoredFilm
    from pneumoscope.pacs.destinations.result_objects import ObjectMaker
    from pneumoscope.pacs.destinations.settings import FhirSettings

_JSON = "application/fhir+json"
_NUMBERS = {"R5": "5.0", "R4": "4.0"}
"""How a server's ``fhirVersion`` begins."""
_STATEMENT_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class FhirServer(ReachedByHttp, SendsEachAlone):
    """Posts a transaction; its entries are conditional, so a second time adds nothing.

    Attributes:
        settings: What the site has configured.
        maker: Makes the resources.
    """

    settings: FhirSettings
    maker: ObjectMaker

    def send(self, film: StoredFilm) -> None:
        """Posts the resources of a result.

        Raises:
            DeliveryFailed: The server has not taken them.
        """
        [resources] = self.maker.objects(film, ["fhir"], self.settings.fhir_version)
        answer = self.service.request(
            "POST", data=resources.content, headers={"Content-Type": _JSON, "Accept": _JSON}
        )
        if not 200 <= answer.status_code < 300:
            raise self.service.refused(answer.status_code)

    def prepare(self, film: StoredFilm) -> None:
        """Makes the resources of a result."""
        self.maker.objects(film, ["fhir"], self.settings.fhir_version)

    def check(self) -> Check:
        """Whether the server has the version of FHIR that is sent."""
        try:
            answer = self.service.request(
                "GET", "/metadata", headers={"Accept": _JSON}, limit_bytes=_STATEMENT_BYTES
            )
            if answer.status_code != 200:
                raise self.service.refused(answer.status_code)
        except DeliveryFailed as error:
            return Check(False, error.message, error.hint)
        try:
            version = shown(json_of(answer.content)["fhirVersion"])
        except (ValueError, KeyError, TypeError):
            return Check(False, f"{self.service.where} is no FHIR server", "Check the URL.")
        wanted = self.settings.fhir_version
        if not version.startswith(_NUMBERS[wanted]):
            return Check(
                False,
                f"{self.service.where} has FHIR {version}, and {wanted} would be sent",
                "Set fhir_version to the server's version.",
            )
        return Check(True, f"{self.service.where} has FHIR {version}")
