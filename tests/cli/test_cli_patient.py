"""``pneumoscope patient``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy", reason="needs the [serve] extra")

from administering import Run, good, refused
from pneumoscope.serve.security.audit_log import LOG


def test_a_patients_key_can_stay_out_of_the_command_line(administer: Run, tmp_path: Path) -> None:
    out = tmp_path / "held.zip"
    result = json.loads(
        good(administer("patient", "export", "-", "--out", str(out), "--json", stdin="PAT-1\n"))
    )
    assert result == {"predictions": 0, "films": 0, "lines": 1}
    assert out.exists()
    assert "0 predictions" in good(administer("patient", "erase", "PAT-1"))
    assert "empty" in str(refused(administer("patient", "erase", "-", stdin="\n")))
    assert "PAT-1" not in (tmp_path / "state" / LOG).read_text()
