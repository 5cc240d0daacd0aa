from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import pneumoscope
from command_line import run, run_process
from pneumoscope.bundle import Bundle
from pneumoscope.installation import install_command


@pytest.fixture
def tiny(tiny_bundle: Bundle) -> tuple[str, Path]:
    return "--bundle", tiny_bundle.path


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
    (one,) = json.loads(run_process("predict", "-", "--json", *tiny, stdin=film).stdout)["results"]
    assert (one["label"], one["source"]) == ("PNEUMONIA", "<stdin>")
    found = json.loads(run("predict", film_files / "*.png", "--json", *tiny).stdout)["results"]
    assert [Path(r["source"]).name for r in found] == ["bright.png", "dark.png"]


def test_heatmaps_are_written_whole_and_never_overwrite_each_other(
    tiny: tuple[str, Path], film_files: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(film_files / "dark.png", other / "dark.png")
    target = tmp_path / "maps"
    done = run("predict", film_files, other, "--heatmaps", target, *tiny)
    assert done.returncode == 0, done.stderr
    names = ["bright.png", "dark.png-2", "dark.png"]
    assert sorted(p.name for p in target.iterdir()) == [f"{n}.heatmap.png" for n in names]
    with Image.open(target / "dark.png.heatmap.png") as picture:
        assert (picture.mode, picture.size) == ("RGB", (260, 240))


def test_sheet(tiny: tuple[str, Path], film_files: Path, tmp_path: Path) -> None:
    (film_files / "<b>.png").write_bytes(b"no film")
    done = run("predict", film_files, "--sheet", tmp_path / "sheet.html", *tiny)
    assert done.returncode == 1
    page = (tmp_path / "sheet.html").read_text()
    assert page.count("<article>") == 3
    assert page.count("data:image/jpeg;base64,") == 4
    assert "not a medical device" in page
    assert "<b>.png" not in page
    assert "&lt;b&gt;.png" in page
    assert "http" not in page


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


def test_pictures_never_replace_films(tiny: tuple[str, Path], film_files: Path) -> None:
    before = {p.name: p.read_bytes() for p in film_files.iterdir()}
    assert run("predict", film_files, "--heatmaps", film_files, *tiny).returncode == 0
    done = run("predict", film_files / "dark.png", "--sheet", film_files / "bright.png", *tiny)
    assert done.returncode == 1
    assert "is not a sheet" in done.stderr
    assert {name: (film_files / name).read_bytes() for name in before} == before


def test_results_are_shown_even_if_the_sheet_cannot_be_written(
    tiny: tuple[str, Path], film_files: Path
) -> None:
    done = run("predict", film_files, "--sheet", "/proc/none.html", *tiny)
    assert done.returncode == 1
    assert "error:" in done.stderr
    assert "hint:" in done.stderr
    assert "PNEUMONIA" in done.stdout


def test_a_sheet_replaces_an_older_one(
    tiny: tuple[str, Path], film_files: Path, tmp_path: Path
) -> None:
    sheet = tmp_path / "new" / "folder" / "sheet.html"
    for films in (film_files, film_files / "dark.png"):
        assert run("predict", films, "--sheet", sheet, *tiny).returncode == 0
    assert sheet.read_text().count("<article>") == 1


def test_a_name_that_is_no_text(tiny: tuple[str, Path], film_files: Path, tmp_path: Path) -> None:
    odd = os.fsencode(film_files) + b"/odd\xff.png"
    Path(os.fsdecode(odd)).write_bytes((film_files / "dark.png").read_bytes())
    done = run("predict", film_files, "--sheet", tmp_path / "s.html", *tiny)
    assert done.returncode == 0
    assert done.stdout.count("NORMAL") == 2


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


def test_a_full_disk_is_an_error_with_a_hint(tiny: tuple[str, Path], film_files: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "pneumoscope", "predict", str(film_files), *map(str, tiny)],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode != 0
    assert b"Traceback" not in done.stderr
    assert b"No space left" in done.stderr


def test_the_card_stands_alone(tiny: tuple[str, Path]) -> None:
    assert run("info", "--card", "--json", *tiny).returncode == 2


def test_info(tiny: tuple[str, Path], tiny_bundle: Bundle) -> None:
    text = run("info", "--check", *tiny).stdout
    assert tiny_bundle.sha256 in text
    assert "golden check" in text
    facts = json.loads(run("info", "--json", *tiny).stdout)
    assert facts["bundle"] == "tiny 1"
    assert facts["labels"] == ["normal", "bacterial", "viral"]
    assert facts["providers"] == ["CPUExecutionProvider"]
    assert run("info", "--card", *tiny).stdout == "# tiny\n"


def test_info_of_the_shipped_bundle_shows_figures_with_intervals() -> None:
    done = run("info")
    assert done.returncode == 0, done.stderr
    assert "validation AUC" in done.stdout
    assert "balanced accuracy" in done.stdout


def test_version_and_help() -> None:
    assert run_process("--version").stdout == f"pneumoscope {pneumoscope.__version__}\n"
    for command in ("predict", "info", "train"):
        done = run(command, "--help")
        assert done.returncode == 0
        assert "Example:" in done.stdout


def test_a_typo_suggests_the_command() -> None:
    done = run_process("predct")
    assert done.returncode == 2
    assert "predict" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no training films named"),
        (["--backend", "theano"], "One of tensorflow, jax, torch"),
    ],
)
def test_train_without_what_it_needs(
    arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PNEUMOSCOPE_DATA", raising=False)
    done = run("train", *arguments)
    assert done.returncode == 1
    missing_extra = install_command("train") in done.stderr
    assert message in done.stderr or (missing_extra and "backend" not in message)
    assert "Traceback" not in done.stderr


def test_a_closed_pipe_is_no_error_message(tiny: tuple[str, Path], film_files: Path) -> None:
    many = [str(film_files / "dark.png")] * 2000
    command = [sys.executable, "-m", "pneumoscope", "predict", "--json", *map(str, tiny), *many]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""


def test_every_film_at_full_size_in_one_call(films_dir: Path) -> None:
    done = run("predict", "--json", films_dir / "full_size")
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)["results"]
    assert len(results) == 29
    assert np.isfinite([r["p_positive"] for r in results]).all()
