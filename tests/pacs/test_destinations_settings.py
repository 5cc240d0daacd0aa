"""Tables of destinations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pneumoscope.errors import UsageError
from pneumoscope.pacs.destinations.connection_settings import HttpSettings, TlsSettings
from pneumoscope.pacs.destinations.settings import (
    CStoreSettings,
    FhirSettings,
    FolderSettings,
    StowSettings,
    WebhookSettings,
    parse,
)

ARCHIVE = {"type": "c-store", "host": "pacs", "port": 104, "called_ae": "PACS"}
WEB = {"type": "stow-rs", "url": "https://pacs/dicom-web/"}


def test_what_is_not_said_has_a_default() -> None:
    assert parse(ARCHIVE, "a") == CStoreSettings(name="a", host="pacs", port=104, called_ae="PACS")
    assert parse(WEB, "w") == StowSettings("w", HttpSettings("https://pacs/dicom-web"))
    assert parse({"type": "folder", "folder": "/x"}, "f") == FolderSettings(
        "f", Path("/x"), ("sr", "sc", "seg", "fhir")
    )
    fhir = {"type": "fhir", "url": "http://localhost:8080/fhir", "fhir_version": "R4"}
    assert parse(fhir, "e") == FhirSettings("e", HttpSettings("http://localhost:8080/fhir"), "R4")
    hook = {"type": "webhook", "url": "https://x/y", "secret_file": "~/s"}
    assert parse(hook, "h") == WebhookSettings("h", HttpSettings("https://x/y"), Path.home() / "s")


def test_certificates_ask_for_tls() -> None:
    settings = parse(ARCHIVE | {"tls_authority": "ca.pem"}, "a")
    assert settings == CStoreSettings(
        name="a",
        host="pacs",
        port=104,
        called_ae="PACS",
        tls=TlsSettings(authority=Path("ca.pem")),
    )
    assert parse(ARCHIVE | {"tls": True}, "a").tls == TlsSettings()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (ARCHIVE | {"prot": 1}, ("unknown key prot", "Did you mean port?")),
        (ARCHIVE | {"type": "cstore"}, ("type is 'cstore'", "Did you mean c-store?")),
        (
            {"type": "c-store", "host": "pacs", "port": 104},
            ("called_ae is missing", "called_ae = "),
        ),
        (ARCHIVE | {"port": "104"}, ("port must be a number, not '104'",)),
        (ARCHIVE | {"port": 0}, ("port must be between 1 and 65535, not 0",)),
        (ARCHIVE | {"port": True}, ("port must be a number",)),
        (ARCHIVE | {"port": 104.5}, ("port must be a whole number, not 104.5",)),
        (ARCHIVE | {"host": " "}, ("host must be a text",)),
        (ARCHIVE | {"called_ae": "SEVENTEEN_LETTERS"}, ("called_ae is no AE title",)),
        (ARCHIVE | {"called_ae": "A\\B"}, ("called_ae is no AE title",)),
        (ARCHIVE | {"objects": ["sg"]}, ("objects names 'sg'", "Did you mean")),
        (ARCHIVE | {"objects": ["fhir"]}, ("objects names 'fhir'",)),
        (ARCHIVE | {"objects": []}, ("objects must be a list",)),
        (ARCHIVE | {"objects": "sr"}, ("objects must be a list",)),
        (ARCHIVE | {"commitment": "yes"}, ("commitment must be true or false",)),
        (ARCHIVE | {"tls": False, "tls_authority": "x"}, ("tls is false",)),
        (ARCHIVE | {"tls_key": "x"}, ("tls_key needs tls_certificate",)),
        (WEB | {"url": "ftp://x"}, ("url must begin with http",)),
        (WEB | {"url": "https://me:secret@x"}, ("url must not hold a password",)),
        (WEB | {"url": "http://pacs/x"}, ("url is not encrypted", "plain_http")),
        (WEB | {"url": "http://localhost/x", "tls": True}, ("url must begin with https://",)),
        (WEB | {"user": "me"}, ("user and password_file belong together",)),
        (
            WEB | {"user": "me", "password_file": "p", "token_file": "t"},
            ("token_file and user cannot",),
        ),
        ({"type": "folder"}, ("folder is missing",)),
        ({"type": "webhook", "url": "https://x"}, ("secret_file is missing",)),
        ({}, ("type is missing",)),
    ],
)
def test_a_mistake_names_table_and_key(values: dict[str, Any], said: tuple[str, ...]) -> None:
    with pytest.raises(UsageError) as caught:
        parse(values, "archive")
    assert caught.value.message.startswith("destinations.archive: ")
    for words in said:
        assert words in f"{caught.value.message} {caught.value.hint}"
    assert "secret@" not in caught.value.message


def test_plain_http_can_be_allowed() -> None:
    assert (
        parse(WEB | {"url": "http://pacs/x", "plain_http": True}, "w").http.url == "http://pacs/x"
    )
