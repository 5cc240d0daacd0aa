"""How other systems are reached: passwords and films only over connections that are encrypted."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("pynetdicom", reason="needs the [pacs] extra")

from pneumoscope.errors import UsageError
from pneumoscope.hosts import is_loopback
from pneumoscope.pacs.destinations.connection_settings import (
    HttpSettings,
    TlsSettings,
    http_of,
    tls_of,
)
from pneumoscope.pacs.destinations.toml_table import TomlTable


@pytest.mark.parametrize(
    ("host", "local"),
    [("localhost", True), ("127.9.9.9", True), ("::1", True), ("10.0.0.1", False), ("pacs", False)],
)
def test_this_computer(host: str, local: bool) -> None:
    assert is_loopback(host) is local


def test_urls() -> None:
    assert http_of(TomlTable({"url": "http://localhost:8042/"}, "x")) == HttpSettings(
        "http://localhost:8042"
    )
    values = {"url": "https://pacs", "tls_authority": "/ca", "token_file": "/t", "timeout_s": 5}
    assert http_of(TomlTable(values, "x")) == HttpSettings(
        "https://pacs", token_file=Path("/t"), timeout_s=5, tls=TlsSettings(Path("/ca"))
    )
    with pytest.raises(UsageError, match="is not encrypted"):
        http_of(TomlTable({"url": "http://pacs"}, "x"))


def test_certificates() -> None:
    assert tls_of(TomlTable({}, "x")) is None
    assert tls_of(TomlTable({"tls": True}, "x")) == TlsSettings()
    with pytest.raises(UsageError, match="tls_key needs tls_certificate"):
        tls_of(TomlTable({"tls_key": "/k"}, "x"))
