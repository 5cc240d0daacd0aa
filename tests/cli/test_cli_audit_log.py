"""``pneumoscope audit-log``."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy", reason="needs the [serve] extra")

from administering import Run, good, refused
from in_process import PASSWORD
from pneumoscope.serve.security.audit_log import LOG


def test_the_audit_log_is_verified_and_exported(administer: Run, tmp_path: Path) -> None:
    good(administer("user", "add", "lee", "--password-stdin", stdin=PASSWORD))
    noted = json.loads(good(administer("audit-log", "verify", "--json")))
    assert noted["lines"] == 1
    mark = f"1:{noted['hash']}"
    good(administer("user", "role", "lee", "viewer"))
    assert "2 lines, none changed" in good(administer("audit-log", "verify", "--expect", mark))
    refused(administer("audit-log", "verify", "--expect", f"1:{'0' * 64}"))
    refused(administer("audit-log", "verify", "--expect", "nonsense"))
    for command in ("verify", "export"):
        typo = refused(administer("audit-log", command, "--folder", str(tmp_path / "typo")))
        assert "holds no audit log" in str(typo)
    assert not (tmp_path / "typo").exists()
    lines = [json.loads(line) for line in good(administer("audit-log", "export")).splitlines()]
    assert [line["what"] for line in lines] == ["user add", "user role viewer"]
    rows = list(csv.DictReader(io.StringIO(good(administer("audit-log", "export", "--csv")))))
    assert [row["seq"] for row in rows] == ["1", "2"]
    assert {row["via"] for row in rows} == {"command"}
    assert good(administer("audit-log", "export", "--until", "2001-01-01")) == ""
    assert len(good(administer("audit-log", "export", "--since", "2001-01-01")).splitlines()) == 2
    path = tmp_path / "state" / LOG
    path.write_text(path.read_text().replace("viewer", "admin "))
    assert "line 2 was changed" in str(refused(administer("audit-log", "verify")))
    assert administer("audit-log", "export").exit_code == 1  # no line of a log that lies
