"""Progress bars."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pneumoscope.cli.progress import over_films, progress_bar


def test_results_go_to_the_file_while_a_bar_is_on_the_terminal(
    tiny: tuple[str, Path], film_files: Path, tmp_path: Path
) -> None:
    paths = [str(film_files / "dark.png")] * 60
    command = [sys.executable, "-m", "pneumoscope", "predict", "--json", *map(str, tiny), *paths]
    leader, follower = os.openpty()
    with (tmp_path / "out.json").open("wb") as out:
        code = subprocess.run(command, stdout=out, stderr=follower, check=False).returncode
    os.close(follower)
    shown = os.read(leader, 100_000)
    os.close(leader)
    assert code == 0
    assert len(json.loads((tmp_path / "out.json").read_text())["results"]) == 60
    assert b"reading films" in shown
    assert b"p_positive" not in shown


def test_without_a_terminal_nothing_is_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar("reading films") as count:
        count(1, 2)
        count(1, 3, "measuring")
    assert list(over_films(iter(range(100)), 100)) == list(range(100))
    assert capsys.readouterr() == ("", "")


def test_a_bar_for_each_text(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(screen, "isatty", lambda: True)
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    with progress_bar("reading films") as count:
        count(1, 2)
        count(2, 3, "measuring")
    shown = screen.getvalue()
    assert "reading films" in shown
    assert "1/2" in shown
    assert "measuring" in shown
    assert "2/3" in shown
