"""What the commands of administration share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy", reason="needs the [serve] extra")

from administering import Run, good, refused
from in_process import PASSWORD
from pneumoscope.cli.administration.server import ServerData, on_server_data
from pneumoscope.serve.security.audit_log import LOG
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
        if name.split()[0] in ("user", "token", "patient", "audit-log", "purge")
    ]  # fmt: skip
    assert len(commands) == 14
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
