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


@pytest.mark.slow
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


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("films", "shown"), [(49, False), (50, True)])
def test_few_films_need_no_bar(
    films: int, shown: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    screen = Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    assert list(over_films(iter(range(films)), films)) == list(range(films))
    assert ("reading films" in screen.getvalue()) == shown
    assert capsys.readouterr().out == ""


def test_without_stderr_films_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", None)
    assert list(over_films(iter(range(60)), 60)) == list(range(60))


def test_bytes_are_counted_as_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    with progress_bar("copying", as_bytes=True) as count:
        count(1_500_000, 3_000_000)
    assert "1.5/3.0 MB" in screen.getvalue()


def test_the_bar_ends_with_what_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setenv("TERM", "xterm")

    def copy() -> None:
        with progress_bar("copying") as count:
            count(1, 2)
            raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        copy()
    assert screen.getvalue().rindex("\x1b[?25h") > screen.getvalue().rindex("copying")  # the cursor
