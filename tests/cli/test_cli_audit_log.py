"""``pneumoscope audit-log``."""

from __future__ import annotations

import csv
import io
import json
import threading
from datetime import date, timedelta
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy", reason="needs the [serve] extra")

from administering import Run, good, refused
from in_process import PASSWORD
from pneumoscope.audit_log.log import LOG, Event
from pneumoscope.serve.admin.administration import open_administration
from pneumoscope.serve.settings import ServeSettings


def test_the_audit_log_is_verified_and_exported(administer: Run, tmp_path: Path) -> None:
    good(administer("user", "add", "lee", "--password-stdin", stdin=PASSWORD))
    assert good(administer("audit-log", "verify")).startswith("1 line, none changed: 1:")
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


@pytest.fixture
def log(administer: Run) -> Run:
    """A server whose log has the three lines of an account that was added and changed."""
    good(administer("user", "add", "lee", "--password-stdin", stdin=PASSWORD))
    for words in (("role", "lee", "viewer"), ("disable", "lee")):
        good(administer("user", *words))
    return administer


@pytest.mark.parametrize(
    "text", ["", "3", ":ab", "3:", "x:ab", "-1:ab", "\xb2:ab", "3;ab", "3:abc"]
)
def test_what_an_earlier_verify_did_not_print(log: Run, text: str) -> None:
    error = refused(log("audit-log", "verify", "--expect", text))
    assert f"--expect {text}: is not NUMBER:HASH" in str(error)
    assert error.hint == "Use what verify printed."


def test_a_line_that_is_expected_and_not_there(log: Run) -> None:
    printed = good(log("audit-log", "verify"))
    number, mac = printed.split(": ")[1].strip().split(":")
    assert number == "3"
    assert good(log("audit-log", "verify", "--expect", f"3:{mac}")) == printed
    assert "4" in str(refused(log("audit-log", "verify", "--expect", f"4:{mac}")))


@pytest.mark.parametrize("cut", ["first", "last", "middle"])
def test_a_line_that_was_taken_out_is_missed(log: Run, tmp_path: Path, cut: str) -> None:
    mark = json.loads(good(log("audit-log", "verify", "--json")))
    path = tmp_path / "state" / LOG
    lines = path.read_text().splitlines(keepends=True)
    kept = {"first": lines[1:], "middle": lines[:1] + lines[2:], "last": lines[:2]}[cut]
    path.write_text("".join(kept))
    expect = f"{mark['lines']}:{mark['hash']}"
    assert log("audit-log", "verify", "--expect", expect).exit_code == 1
    for command in ("verify", "export") if cut != "last" else ():
        error = refused(log("audit-log", command))
        assert "look at its backups" in error.hint


def test_an_export_is_of_whole_days(log: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [json.loads(line) for line in good(log("audit-log", "export")).splitlines()]
    assert [line["seq"] for line in lines] == [1, 2, 3]
    day = date.fromisoformat(lines[0]["time"][:10])
    last = date.fromisoformat(lines[-1]["time"][:10]) + timedelta(days=1)

    def exported(*options: str) -> int:
        return len(good(log("audit-log", "export", *options)).splitlines())

    assert exported("--since", str(day), "--until", str(last)) == 3
    assert exported("--since", str(last)) == 0
    assert exported("--until", str(day)) == 0
    for wrong in ("yesterday", "2026-13-01", "01.02.2026"):
        assert log("audit-log", "export", "--since", wrong).exit_code == 2


def test_the_table_has_the_same_columns_for_every_line(log: Run) -> None:
    rows = list(csv.DictReader(io.StringIO(good(log("audit-log", "export", "--csv")))))
    assert list(rows[0]) == [
        "seq", "time", "what", "outcome", "status", "where", "objects", "patient", "user", "role",
        "via",
    ]  # fmt: skip
    assert [row["what"] for row in rows] == ["user add", "user role viewer", "user disable"]
    assert {row["objects"] for row in rows} != {""}  # the account's id


def test_a_log_line_that_is_a_formula_is_marked(
    log: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    administration = open_administration(ServeSettings(folder=tmp_path / "state"))
    administration.audit.append(Event(what="=HYPERLINK(1)", objects=("+1", "b")))
    administration.store.close()
    rows = list(csv.DictReader(io.StringIO(good(log("audit-log", "export", "--csv")))))
    assert (rows[-1]["what"], rows[-1]["objects"]) == ("'=HYPERLINK(1)", "'+1 b")
    assert (rows[-1]["user"], rows[-1]["role"]) == ("", "")


def test_a_log_that_was_deleted_with_its_mark_is_missed(
    administer: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PNEUMOSCOPE_SERVE_AUDIT_ANCHOR", str(tmp_path / "anchor.txt"))
    good(administer("user", "add", "lee", "--password-stdin", stdin=PASSWORD))
    for thread in threading.enumerate():
        if thread.name == "audit-anchor":  # the end of a process would wait for it
            thread.join()
    anchor = str(tmp_path / "anchor.txt")
    good(administer("audit-log", "verify", "--expect-from", anchor))
    for path in (tmp_path / "state").glob("audit-log*"):
        path.unlink()
    error = refused(administer("audit-log", "verify"))
    assert "whose hash is in the database" in str(error)
    assert "no such file" in str(
        refused(administer("audit-log", "verify", "--expect-from", anchor + "x"))
    )
