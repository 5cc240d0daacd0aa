"""Tests of the queue need the database and the cryptography of the [serve] extra, no web framework."""

from __future__ import annotations

import pytest

for module in ("sqlalchemy", "cryptography"):
    pytest.importorskip(module, reason="needs the [serve] extra")
