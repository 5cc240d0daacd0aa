"""Certificates of connections to other systems."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from archives import certificate
from pneumoscope.pacs.destinations.connection_settings import TlsSettings
from pneumoscope.pacs.destinations.errors import DeliveryFailed
from pneumoscope.pacs.destinations.tls import client_context


def test_the_other_system_is_always_checked(tmp_path: Path) -> None:
    pem = certificate(tmp_path, "own")
    for settings in (TlsSettings(), TlsSettings(authority=pem, certificate=pem)):
        context = client_context(settings)
        assert context.verify_mode == ssl.CERT_REQUIRED
        assert context.check_hostname
        assert context.minimum_version == ssl.TLSVersion.TLSv1_2


def test_certificates_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    pem, other_pem = certificate(tmp_path, "own"), certificate(tmp_path, "other")
    text = tmp_path / "text.pem"
    text.write_text("none")
    for settings, named in (
        (TlsSettings(authority=tmp_path / "missing.pem"), r"\(no such file.*missing.pem"),
        (TlsSettings(authority=text), r"\(a file is not PEM.*text.pem"),
        (TlsSettings(certificate=pem, key=other_pem), r"\(the key does not belong to.*other.pem"),
    ):
        with pytest.raises(DeliveryFailed, match=named):
            client_context(settings)
