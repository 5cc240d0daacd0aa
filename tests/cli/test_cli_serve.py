"""`pneumoscope serve`: what it says when it cannot start."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from command_line import run, run_process
from pneumoscope.bundle import Bundle
from pneumoscope.serve.settings import ServeSettings


def test_help_has_an_example() -> None:
    done = run("serve", "--help")
    assert done.returncode == 0
    assert "Example: pneumoscope serve --port 8000" in done.stdout


@pytest.mark.server
def test_a_start_that_fails_is_told_in_two_lines(tiny_bundle: Bundle, tmp_path: Path) -> None:
    state = ("--folder", tmp_path / "state", "--port", 0)
    wrong = run_process("serve", "--bundle", tmp_path / "none", *state)
    assert wrong.returncode == 1
    assert f"error: bundle {tmp_path / 'none'}: no such folder" in wrong.stderr
    assert "hint: Name a folder" in wrong.stderr
    assert "Traceback" not in wrong.stderr
    url = "sqlite:////nowhere/at/all/x.sqlite"
    wrong = run_process("serve", "--bundle", tiny_bundle.path, "--database", url, *state)
    assert (wrong.returncode, "error: the database cannot be used" in wrong.stderr) == (1, True)
    assert "Traceback" not in wrong.stderr
    (tmp_path / "file").write_bytes(b"")
    for folder in (tmp_path / "file", "/proc/none"):
        wrong = run_process("serve", "--bundle", tiny_bundle.path, "--folder", folder, "--port", 0)
        assert (wrong.returncode, f"error: {folder}: " in wrong.stderr) == (1, True)
        assert "Traceback" not in wrong.stderr


@pytest.mark.server
def test_a_port_that_is_taken(tiny_bundle: Bundle, tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = run_process(
            "serve", "--bundle", tiny_bundle.path, "--folder", tmp_path, "--port", port
        )
    assert done.returncode == 1
    assert f"error: cannot listen on 127.0.0.1 port {port}" in done.stderr
    assert "hint: Is another server running?" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_bundles_are_served_in_the_order_of_their_options(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    started: list[ServeSettings] = []
    monkeypatch.setattr("pneumoscope.cli.serve.serve._run", started.append)
    bundles = ("--bundle", "flagship", "--bundle", tmp_path)
    for options in ((), bundles):
        assert run("serve", "--folder", tmp_path, *options).returncode == 0
    assert [settings.bundle for settings in started] == [(), ("flagship", str(tmp_path))]
