"""``pneumoscope purge``."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("sqlalchemy", reason="needs the [serve] extra")

from administering import Run, good


def test_purge_counts(administer: Run) -> None:
    assert json.loads(good(administer("purge", "--older-than", "30", "--json"))) == {"deleted": 0}
    assert administer("purge", "--older-than", "-1").exit_code == 2
