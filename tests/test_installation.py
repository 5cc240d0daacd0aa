"""The command that adds an extra fits how the package was installed."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pneumoscope import installation
from pneumoscope.installation import install_command


def installed_from(folder: Path, origin: dict[str, Any] | str | None) -> str:
    """The command in a process that finds the package's metadata in a folder, as an installer leaves it."""
    info = folder / "pneumoscope-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.4\nName: pneumoscope\nVersion: 0.1.0\n")
    if origin is not None:
        text = origin if isinstance(origin, str) else json.dumps(origin)
        (info / "direct_url.json").write_text(text)
    code = "from pneumoscope.errors import MissingExtra; print(MissingExtra('it', 'serve').hint)"
    path = os.pathsep.join([str(folder), *filter(None, sys.path)])
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    start, _, command = done.stdout.strip().partition(": ")
    assert start == "Install it with"
    return command


@pytest.mark.slow
@pytest.mark.parametrize(
    ("origin", "command"),
    [
        (None, "pip install 'pneumoscope[serve]'"),
        ("no json", "pip install 'pneumoscope[serve]'"),
        (
            {"url": "file:///home/lee/pneumoscope", "dir_info": {"editable": True}},
            "pip install -e '/home/lee/pneumoscope[serve]'",
        ),
        (
            {"url": "file:///home/lee/pneumoscope", "dir_info": {}},
            "pip install '/home/lee/pneumoscope[serve]'",
        ),
        (
            {
                "url": "file:///tmp/pneumoscope-0.1.0-py3-none-any.whl",
                "archive_info": {"hashes": {"sha256": "00"}},
            },
            "pip install '/tmp/pneumoscope-0.1.0-py3-none-any.whl[serve]'",
        ),
        (
            {"url": "https://example.org/pneumoscope.whl", "archive_info": {}},
            "pip install 'pneumoscope[serve] @ https://example.org/pneumoscope.whl'",
        ),
        (
            {
                "url": "https://example.org/pneumoscope.git",
                "vcs_info": {"vcs": "git", "commit_id": "0f3a", "requested_revision": "main"},
            },
            "pip install 'pneumoscope[serve] @ git+https://example.org/pneumoscope.git@main'",
        ),
    ],
    ids=["index", "damaged", "clone", "folder", "wheel", "address", "repository"],
)
def test_the_hint_names_where_the_package_came_from(
    origin: dict[str, Any] | str | None, command: str, tmp_path: Path
) -> None:
    assert installed_from(tmp_path, origin) == command


def test_a_shell_reads_back_a_path_with_spaces_and_quotes(tmp_path: Path) -> None:
    origin = {"url": "file:///home/dr%20o%27hara/x%24y", "dir_info": {"editable": True}}
    command = installed_from(tmp_path, origin)
    path = "/home/dr o'hara/x$y[serve]"
    assert shlex.split(command) == ["pip", "install", "-e", path]
    shown = subprocess.run(
        ["sh", "-c", command.replace("pip install -e", "printf %s")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert shown.stdout == path


def test_quotes_of_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation, "_origin", dict)
    with monkeypatch.context() as windows:
        windows.setattr(installation.os, "name", "nt")
        command = install_command("serve")
    assert command == 'pip install "pneumoscope[serve]"'
