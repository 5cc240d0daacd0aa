"""Tests of watched places need the database, the cryptography and fsspec of the [watch] extra."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

for module in ("sqlalchemy", "cryptography", "fsspec", "watchdog"):
    pytest.importorskip(module, reason="needs the [watch] extra")

from kept_decoders import kept_decoders


@pytest.fixture(scope="session", autouse=True)
def _kept_decoders() -> Iterator[None]:
    with kept_decoders():
        yield
