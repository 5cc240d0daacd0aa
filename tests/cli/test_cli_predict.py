"""``pneumoscope predict``: what it reads, and which options it refuses."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from command_line import run, run_process
from pneumoscope.bundle import Bundle


def test_one_bad_film_among_many(tiny: tuple[str, Path], film_files: Path) -> None:
    (film_files / "broken.png").write_bytes((film_files / "dark.png").read_bytes()[:60])
    done = run("predict", film_files, film_files / "no.png", *tiny)
    assert done.returncode == 1
    assert done.stdout.count("NOT READ") == 2
    assert "PNEUMONIA" in done.stdout
    assert "NORMAL" in done.stdout
    assert done.stderr.count("error:") == done.stderr.count("hint:") == 2
    results = json.loads(run("predict", "--json", film_files, *tiny).stdout)["results"]
    assert [("error" in r, "label" in r) for r in results] == [
        (False, True), (True, False), (False, True)
    ]  # fmt: skip


def test_stdin_and_globs(tiny: tuple[str, Path], film_files: Path) -> None:
    film = (film_files / "bright.png").read_bytes()
    (film_record,) = json.loads(run_process("predict", "-", "--json", *tiny, stdin=film).stdout)[
        "results"
    ]
    assert (film_record["label"], film_record["source"]) == ("PNEUMONIA", "<stdin>")
    records = json.loads(run("predict", film_files / "*.png", "--json", *tiny).stdout)["results"]
    assert [Path(r["source"]).name for r in records] == ["bright.png", "dark.png"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--operating-point", "scren"], 1, "Choose one of: balanced, screen"),
        (["--bundle", "nowhere"], 1, "no such folder"),
        (["--threads", "0"], 2, "threads"),
        (["--json", "--csv"], 2, "exclude each other"),
        (["--heatmap", "x"], 2, "--heatmaps"),
        (["--sheet", "."], 1, "is a folder"),
        (["--heatmaps", str(Path(__file__))], 1, "is not a folder"),
        (["--heatmaps", "/proc/none"], 1, "error:"),
    ],
)
def test_bad_options(
    tiny: tuple[str, Path], film_files: Path, arguments: list[str], code: int, message: str
) -> None:
    bundle = () if "--bundle" in arguments else tiny
    done = run("predict", film_files, *arguments, *bundle)
    assert done.returncode == code
    assert message in done.stderr
    assert done.stdout == ""


def test_an_empty_folder_is_an_error(tiny: tuple[str, Path], tmp_path: Path) -> None:
    done = run_process("predict", tmp_path, *tiny)
    assert (done.returncode, done.stdout) == (1, "")
    assert "no films found" in done.stderr


def test_a_damaged_bundle_is_refused(tiny_bundle: Bundle, film_files: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(tiny_bundle.path, tmp_path / "copy"))
    (copy / "model.onnx").write_bytes(b"x")
    done = run("predict", film_files, "--bundle", copy)
    assert done.returncode == 1
    assert "does not match the hash" in done.stderr


@pytest.mark.parametrize(
    ("path", "message"),
    [("", "an empty path"), ("sampels/*.png", "no film matches this pattern")],
)
def test_paths_that_name_nothing(tiny: tuple[str, Path], path: str, message: str) -> None:
    done = run("predict", path, *tiny)
    assert done.returncode == 1
    assert message in done.stderr


def test_a_name_that_is_no_text(tiny: tuple[str, Path], film_files: Path, tmp_path: Path) -> None:
    odd = os.fsencode(film_files) + b"/odd\xff.png"
    Path(os.fsdecode(odd)).write_bytes((film_files / "dark.png").read_bytes())
    done = run("predict", film_files, "--sheet", tmp_path / "s.html", *tiny)
    assert done.returncode == 0
    assert done.stdout.count("NORMAL") == 2


def test_every_film_at_full_size_in_one_call(films_dir: Path) -> None:
    done = run("predict", "--json", films_dir / "full_size")
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)["results"]
    assert len(results) == 29
    assert np.isfinite([r["p_positive"] for r in results]).all()
