"""What the commands of administration share."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy", reason="needs the [serve] extra")

from administering import Run, good, refused
from command_line import run_process
from in_process import PASSWORD
from pneumoscope.audit_log.log import LOG
from pneumoscope.cli.administration import server
from pneumoscope.cli.administration.server import ServerData, on_server_data
from reference_cli import leaves


def test_what_does_not_exist_is_said_with_a_hint(administer: Run) -> None:
    assert "no such user" in str(refused(administer("user", "disable", "lee")))
    assert "no such user" in str(refused(administer("token", "add", "lee")))
    assert "no such token" in str(refused(administer("token", "revoke", "123")))
    good(administer("user", "add", "lee", "--password-stdin", stdin=PASSWORD))
    assert "scope" in str(refused(administer("token", "add", "lee", "--scope", "root")))
    assert "age" in str(refused(administer("purge")))


def test_every_command_finds_the_server_by_the_same_options() -> None:
    commands = [
        command for name, command in leaves()
        if name.split()[0] in ("user", "session", "token", "patient", "keys", "audit-log", "purge")
    ]  # fmt: skip
    assert len(commands) == 20
    for command in commands:
        options = [p for p in command.params if p.name in ("folder", "database", "key")]
        assert [(p.opts, p.envvar) for p in options] == [
            (["--folder"], "PNEUMOSCOPE_SERVE_FOLDER"),
            (["--database"], "PNEUMOSCOPE_SERVE_DATABASE"),
            (["--key"], "PNEUMOSCOPE_SERVE_KEY"),
        ]
        names = [p.name for p in command.params]
        assert "json" not in names or names[-4:] == ["folder", "database", "key", "json"]


def test_the_options_reach_a_command_as_one_value(tmp_path: Path) -> None:
    received: list[object] = []

    @on_server_data
    def command(server: ServerData, name: str = "") -> None:
        received.extend((server, name))

    command(name="lee", folder=tmp_path, database=None, key=None)
    assert received == [ServerData(folder=tmp_path), "lee"]


def test_what_is_written_is_of_nobody_else(administer: Run, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(mode=0o755)  # such as an administrator makes it
    before = os.umask(0o022)
    try:
        good(administer("user", "add", "lee", "--password-stdin", stdin=PASSWORD + "\n"))
        good(administer("patient", "export", "P1", "--out", str(tmp_path / "held.zip")))
    finally:
        os.umask(before)
    written = [*(tmp_path / "state").iterdir(), tmp_path / "held.zip"]
    assert {"reading-room.sqlite", "key", LOG} <= {path.name for path in written}
    assert [path.name for path in written if path.stat().st_mode & 0o077] == []


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "1970-01-01T00:00+00:00"), (59.9, "1970-01-01T00:00+00:00"),
     (1_800_000_000, "2027-01-15T08:00+00:00")],
)  # fmt: skip
def test_times_are_in_utc_to_the_minute(seconds: float, text: str) -> None:
    assert server.time_text(seconds) == text


def test_a_table_shows_words_and_not_values(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        {"name": "[lee]", "disabled": True, "used": None, "films": 3},
        {"name": "kim", "disabled": False, "used": "2027", "films": 12},
    ]
    server.print_rows(rows, as_json=False)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        ["name", "disabled", "used", "films"],
        ["[lee]", "yes", "3"],
        ["kim", "2027", "12"],
    ]
    server.print_rows(rows, as_json=True)
    assert json.loads(capsys.readouterr().out) == rows


def test_a_table_without_rows_says_so_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    server.print_rows([], as_json=False)
    assert capsys.readouterr() == ("", "none yet\n")
    server.print_rows([], as_json=True)
    assert capsys.readouterr() == ("[]\n", "")


def test_facts_are_a_line_or_json(capsys: pytest.CaptureFixture[str]) -> None:
    server.print_facts({"deleted": 1200}, "1,200 results deleted", as_json=False)
    server.print_facts({"deleted": 1200}, "1,200 results deleted", as_json=True)
    first, *rest = capsys.readouterr().out.splitlines()
    assert first == "1,200 results deleted"
    assert json.loads("\n".join(rest)) == {"deleted": 1200}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--database", "nonsense"), "the database URL cannot be used"),
        (("--database", "sqlite:////nowhere/at/all/x.sqlite"), "the database cannot be used"),
        (("--key", "none"), "none: no such key file"),
        (("--key", "short"), "the key has 3 bytes"),
        (("--key", "text"), "the key is not base64"),
        (("--folder", "text"), "text"),
    ],
)
def test_a_server_s_data_that_cannot_be_opened(
    administer: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text").write_text("no key!")
    (tmp_path / "short").write_text("YWJj")
    error = refused(administer("user", "list", *options))
    assert words in str(error)


def test_the_folder_of_the_option_comes_before_that_of_the_environment(
    administer: Run, tmp_path: Path
) -> None:
    good(administer("user", "add", "lee", "--password-stdin", stdin=PASSWORD))
    other = ("--folder", str(tmp_path / "other"))
    assert json.loads(good(administer("user", "list", "--json", *other))) == []
    assert (tmp_path / "other" / "reading-room.sqlite").is_file()
    assert len(json.loads(good(administer("user", "list", "--json")))) == 1


@pytest.mark.slow
@pytest.mark.parametrize("command", [["user", "list"], ["serve", "--port", "0"]])
def test_a_damaged_database_is_two_lines(tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "reading-room.sqlite").write_bytes(b"no database" * 500)
    done = run_process(*command, "--folder", tmp_path)
    assert done.returncode == 1
    first, second = done.stderr.splitlines()
    assert first == "error: the database is damaged"
    assert second.startswith("hint: Stop the server and restore a backup")
