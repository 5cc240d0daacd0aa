"""Tests of watched places need the database, the cryptography and fsspec of the [watch] extra."""

from __future__ import annotations

import pytest

for module in ("sqlalchemy", "cryptography", "fsspec", "watchdog"):
    pytest.importorskip(module, reason="needs the [watch] extra")
