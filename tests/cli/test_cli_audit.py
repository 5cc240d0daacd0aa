"""``pneumoscope audit``: its folder, its output, and what an interruption leaves."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import NoReturn

import pytest

for module in ("cv2", "scipy", "sklearn"):
    pytest.importorskip(module, reason="needs the [evidence] extra")

from command_line import run
from documented_output import undocumented
from drawn import draw
from grey_films import zipped


@pytest.fixture
def films(tmp_path: Path) -> Path:
    """Six films of one class, for which nothing can reveal the label."""
    return draw(tmp_path / "set", *(f"sick/{i}.png" for i in range(6)))


def test_a_report_a_record_and_a_table(films: Path, tiny: tuple[str, Path], tmp_path: Path) -> None:
    out = tmp_path / "new" / "audit"
    done = run("audit", films, "--out", out, *tiny)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0].endswith(": 6 films")
    assert done.stdout.splitlines()[-1] == f"LOOK: {out / 'audit.html'}"
    assert "All labelled films are sick" in done.stdout
    lines = done.stdout.splitlines()
    assert "unknown\tprior shift" in lines or any(line.startswith("look\t") for line in lines)
    assert not any(line.endswith(" ") or len(line) - len(line.lstrip()) > 2 for line in lines)
    assert sorted(path.name for path in out.iterdir()) == ["audit.html", "audit.json", "films.csv"]
    with (out / "films.csv").open() as table:
        rows = list(csv.DictReader(table))
    assert [row["path"] for row in rows] == [f"sick/{i}.png" for i in range(6)]


def test_data_that_do_not_exist_are_refused_before_a_bundle_is_chosen(tmp_path: Path) -> None:
    done = run("audit", tmp_path / "none", "--out", tmp_path / "out")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"error: {tmp_path / 'none'}: no such folder",
        "hint: Give the folder of the films, or a CSV manifest.",
    ]
    assert not list(tmp_path.iterdir())


def test_an_archive_of_films(films: Path, tiny: tuple[str, Path], tmp_path: Path) -> None:
    members = [(f"set/sick/{path.name}", path.read_bytes()) for path in films.rglob("*.png")]
    (tmp_path / "a.zip").write_bytes(zipped(*members))
    out = tmp_path / "out"
    done = run("audit", tmp_path / "a.zip", "--out", out, *tiny)
    assert done.returncode == 0
    assert done.stdout.splitlines()[0].endswith(": 6 films")
    assert "data:image" in (out / "audit.html").read_text()  # made while the films were there
    assert "set/sick/5.png" in (out / "films.csv").read_text()


def test_json_is_what_the_file_has_and_broken_films_are_named(
    films: Path, tiny: tuple[str, Path], tmp_path: Path
) -> None:
    (films / "sick" / "6.png").write_bytes(b"no film")
    done = run("audit", films, "--out", tmp_path / "a", "--json", *tiny)
    assert done.returncode == 3  # more than 5 % cannot be read: stop
    assert done.stdout == (tmp_path / "a" / "audit.json").read_text()
    record = json.loads(done.stdout)
    assert undocumented("audit", record) == []
    assert record["verdict"] == "stop"
    (broken,) = record["broken"]
    assert (broken["path"], broken["code"]) == ("sick/6.png", "UnknownFormat")
    assert done.stderr.count("error:") == done.stderr.count("hint:") == 1
    assert "not an image format" in done.stderr


def test_the_data_may_stand_in_the_environment(
    films: Path, tiny: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PNEUMOSCOPE_DATA", str(films))
    done = run("audit", "--out", tmp_path / "a", *tiny)
    assert done.returncode == 0, done.stderr


def test_an_older_audit_is_replaced_and_nothing_else(
    films: Path, tiny: tuple[str, Path], tmp_path: Path
) -> None:
    out = tmp_path / "audit"
    for _ in range(2):
        assert run("audit", films, "--out", out, *tiny).returncode == 0
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "one.tex").write_text("chapter one")
    (tmp_path / "file").write_text("mine")
    for target, words in (("thesis", "is not empty and no audit"), ("file", "is not a folder")):
        done = run("audit", films, "--out", tmp_path / target, *tiny)
        assert (done.returncode, done.stdout) == (1, "")
        assert f"error: {tmp_path / target}: {words}" in done.stderr
        assert "with --out" in done.stderr
    assert (tmp_path / "thesis" / "one.tex").read_text() == "chapter one"
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("failure", [KeyboardInterrupt, OSError])
def test_an_audit_that_is_interrupted_writes_nothing(
    films: Path,
    tiny: tuple[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    failure: type[BaseException],
) -> None:
    def broken(*_: object) -> NoReturn:
        raise failure("the disk is gone")

    monkeypatch.setattr("pneumoscope.evidence.audit.audit.audit", broken)
    done = run("audit", films, "--out", tmp_path / "a", *tiny)
    assert done.returncode != 0
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "a").exists()


def test_a_bundle_that_cannot_be_used(films: Path, tmp_path: Path) -> None:
    done = run("audit", films, "--out", tmp_path / "a", "--bundle", tmp_path / "none")
    assert (done.returncode, done.stdout) == (1, "")
    assert "no such folder" in done.stderr
    assert not (tmp_path / "a").exists()
