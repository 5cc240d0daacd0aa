"""Results to a FHIR server."""

from __future__ import annotations

import json

import pytest
from fhir.resources.bundle import Bundle as FhirBundle

from archives import maker_of, stored_film
from pneumoscope.bundle import Bundle
from pneumoscope.pacs.destinations.connection_settings import HttpSettings
from pneumoscope.pacs.destinations.errors import DeliveryFailed
from pneumoscope.pacs.destinations.fhir_server import FhirServer
from pneumoscope.pacs.destinations.settings import FhirSettings
from web_servers import Answer, web_server


def destination(url: str, *bundles: Bundle, version: str = "R5") -> FhirServer:
    return FhirServer(FhirSettings("ehr", HttpSettings(url), version), maker_of(*bundles))


def test_a_transaction_is_posted_to_the_base(tiny_bundle: Bundle) -> None:
    with web_server(Answer(200, b"{}")) as server:
        destination(f"{server.url}/fhir", tiny_bundle).send(stored_film(tiny_bundle))
    [request] = server.requests
    assert (request.method, request.path) == ("POST", "/fhir")
    assert request.headers["Content-Type"] == "application/fhir+json"
    sent = FhirBundle.model_validate_json(request.body)
    assert sent.type == "transaction"
    assert all(entry.request.ifNoneExist for entry in sent.entry)


def test_a_refusal_is_permanent(tiny_bundle: Bundle) -> None:
    with web_server(Answer(422)) as server, pytest.raises(DeliveryFailed) as caught:
        destination(server.url, tiny_bundle).send(stored_film(tiny_bundle))
    assert caught.value.permanent


@pytest.mark.parametrize(
    ("statement", "ok", "text"),
    [
        ({"fhirVersion": "5.0.0"}, True, "has FHIR 5.0.0"),
        ({"fhirVersion": "4.0.1"}, False, "has FHIR 4.0.1, and R5 would be sent"),
        ({}, False, "is no FHIR server"),
        ([], False, "is no FHIR server"),
    ],
)
def test_check_compares_versions(statement: object, ok: bool, text: str) -> None:
    with web_server(Answer(200, json.dumps(statement).encode())) as server:
        check = destination(server.url).check()
    assert (check.ok, server.requests[0].path) == (ok, "/metadata")
    assert text in check.text
    with web_server(Answer(404)) as server:
        assert not destination(server.url).check().ok
