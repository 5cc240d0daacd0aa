"""What ``pneumoscope predict`` prints."""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path

import pytest

from command_line import run, run_process
from tiny import KINDS_WARNING


def test_predict_table(tiny: tuple[str, Path], film_files: Path) -> None:
    done = run_process("predict", film_files, *tiny)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split() for line in lines[1:3]] == [
        [str(film_files / "bright.png"), "PNEUMONIA", "0.938", "bacterial", "(0.69)"],
        [str(film_files / "dark.png"), "NORMAL", "0.110"],
    ]
    assert "not a medical device" in done.stdout
    assert "operating point balanced" in done.stdout


def test_predict_json(tiny: tuple[str, Path], film_files: Path) -> None:
    document = json.loads(run("predict", "--json", film_files, *tiny).stdout)
    assert document["notice"] == "Research use, not a medical device."
    bright, dark = document["results"]
    assert (bright["label"], bright["subtype"]) == ("PNEUMONIA", "bacterial")
    assert (dark["label"], dark["subtype"]) == ("NORMAL", None)
    assert sum(dark["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert dark["film"]["format"] == "PNG"
    assert (dark["film"]["rows"], dark["film"]["columns"]) == (240, 260)
    assert dark["operating_point"] == {
        "name": "balanced",
        "threshold": 0.5,
        "rule": "by hand",
        "finding": None,
    }


def test_predict_csv(tiny: tuple[str, Path], film_files: Path) -> None:
    done = run("predict", "--csv", film_files, film_files / "no.png", *tiny)
    bright, dark, missing = csv.DictReader(io.StringIO(done.stdout))
    assert done.returncode == 1
    assert (bright["label"], dark["label"], missing["label"]) == ("PNEUMONIA", "NORMAL", "")
    assert float(dark["p_normal"]) == pytest.approx(1 - float(dark["p_positive"]), abs=1e-5)
    assert "no such file" in missing["error"]


def test_records_name_their_overlays(
    tiny: tuple[str, Path], film_files: Path, tmp_path: Path
) -> None:
    arguments = ("predict", film_files, "--heatmaps", tmp_path / "maps", *tiny)
    for record in json.loads(run(*arguments, "--json").stdout)["results"]:
        overlay = Path(record["heatmap_file"])
        assert overlay.is_file()
        assert overlay.name.startswith(Path(record["source"]).name)
    rows = csv.DictReader(io.StringIO(run(*arguments, "--csv").stdout))
    assert all(Path(row["heatmap_file"]).is_file() for row in rows)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_folder_of_odd_names_and_pipes(
    tiny: tuple[str, Path], film_files: Path, tmp_path: Path
) -> None:
    film = (film_files / "dark.png").read_bytes()
    for name in ("two\nlines.png", "\x1b[2Jescape.png", "turned\u202e.png"):
        (tmp_path / name).write_bytes(film)
    os.mkfifo(tmp_path / "x.png")
    done = run_process("predict", tmp_path, *tiny)
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    shown = [line.split()[0].removeprefix(f"{tmp_path}/") for line in done.stdout.splitlines()[1:4]]
    assert shown == [r"\x1b[2Jescape.png", r"turned\u202e.png", r"two\nlines.png"]
    assert "a named pipe, left out" in done.stderr


def test_the_sentences_of_a_bundle_are_printed_once_and_the_verdicts_are_counted(
    tiny: tuple[str, Path], film_files: Path
) -> None:
    done = run("predict", film_files, film_files / "bright.png", film_files / "no.png", *tiny)
    lines = done.stdout.splitlines()
    assert lines[-1] == "1 NORMAL, 2 PNEUMONIA, 1 not read"
    assert done.stdout.count(KINDS_WARNING[1:]) == 1
    assert [line for line in lines if line.startswith("  ")] == ["  no such file"]
    assert not any(line.endswith(" ") for line in lines)


def test_without_a_verdict_the_table_names_no_disease(
    tiny: tuple[str, Path], tmp_path: Path
) -> None:
    (tmp_path / "text.png").write_bytes(b"no film")
    done = run("predict", tmp_path / "text.png", *tiny)
    assert done.stdout.splitlines()[0].split() == ["film", "verdict", "P(positive)", "kind"]
