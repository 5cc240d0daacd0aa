"""``pneumoscope report``."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread

from command_line import run
from pneumoscope.cli.read.report import kinds_of_option
from pneumoscope.errors import UsageError
from result_films import NAME, NUMBER, film_bytes

SAMPLES = Path(__file__).parents[2] / "samples"


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "film.dcm"
    path.write_bytes(film_bytes(200))
    return path


def test_the_default_objects_are_written(
    tiny: tuple[str, Path], film: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = run("report", film, "--out", out, *tiny)
    assert (done.returncode, done.stderr) == (0, "")
    names = {"sr.dcm", "sc.dcm", "seg.dcm", "pdf.dcm", "fhir.json"}
    assert {path.name for path in out.iterdir()} == {f"film.{name}" for name in names}
    assert "PNEUMONIA" in done.stdout
    assert all(str(out / f"film.{name}") in done.stdout for name in names)
    assert NAME not in done.stdout
    assert NUMBER not in done.stdout


@pytest.mark.slow
def test_chosen_objects_and_json(tiny: tuple[str, Path], film: Path, tmp_path: Path) -> None:
    arguments = ("--object", "sr,GSPS", "--object", "fhir", "--fhir-version", "R4", "--json")
    done = run("report", film, "--out", tmp_path / "out", *arguments, *tiny)
    [result] = json.loads(done.stdout)["results"]
    assert (result["source"], result["label"]) == (str(film), "PNEUMONIA")
    assert [made["kind"] for made in result["objects"]] == ["sr", "gsps", "fhir"]
    made = result["objects"][0]
    assert dcmread(made["file"]).SOPInstanceUID == made["sop_instance_uid"]
    assert "imagingStudy" in Path(result["objects"][2]["file"]).read_text()
    assert len(list((tmp_path / "out").iterdir())) == 3


def test_films_that_fail_do_not_stop_the_others(
    tiny: tuple[str, Path], film: Path, film_files: Path, tmp_path: Path
) -> None:
    shutil.copy(film, film_files / "z.dcm")
    out = tmp_path / "out"
    done = run("report", film_files, "--out", out, "--object", "sr", *tiny, "--json")
    assert done.returncode == 1
    assert done.stderr.count("not a DICOM film") == 2
    assert "Results go into the study of a DICOM film" in done.stderr
    assert [path.name for path in out.iterdir()] == ["z.sr.dcm"]
    results = json.loads(done.stdout)["results"]
    assert sorted("error" in result for result in results) == [False, True, True]


def test_nothing_is_replaced(tiny: tuple[str, Path], film: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "film.fhir.json").write_text("mine")
    done = run("report", film, "--out", out, *tiny)
    assert done.returncode == 1
    assert "film.fhir.json: exists, and is not replaced" in done.stderr
    assert [path.name for path in out.iterdir()] == ["film.fhir.json"]
    assert (out / "film.fhir.json").read_text() == "mine"


def test_a_bundle_without_heatmaps_says_so(
    tiny: tuple[str, Path], film: Path, tmp_path: Path
) -> None:
    done = run(
        "report", film, "--out", tmp_path / "o", "--object", "all", "--explain", "none", *tiny
    )
    assert done.returncode == 0
    assert "sc    not made:" in done.stdout
    assert "seg   not made:" in done.stdout
    assert len(list((tmp_path / "o").iterdir())) == 4


def test_adults_are_reported_in_their_words(tmp_path: Path) -> None:
    film, source = dcmread(SAMPLES / "pneumonia-3.dcm"), SAMPLES / "pneumonia-1.png"
    # The bundle of adults is sure of this picture only. The header says that black is the highest value.
    levels = np.asarray(Image.open(source).convert("L").resize((film.Columns, film.Rows)))
    film.PixelData = (4095 - 16 * levels.astype("<u2")).tobytes()
    film.save_as(tmp_path / "film.dcm")
    arguments = ("--bundle", "adults", "--force", "--object", "sr,fhir")
    done = run("report", tmp_path / "film.dcm", "--out", tmp_path / "out", *arguments)
    assert done.returncode == 0, done.stderr
    assert "ABNORMAL" in done.stdout
    report = dcmread(tmp_path / "out" / "film.sr.dcm")
    meanings = [e.value for e in report.iterall() if e.keyword == "CodeMeaning"]
    assert "Abnormal" in meanings
    assert "Pneumonia" not in meanings


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (
            ["--object", "sr,sx"],
            "--object sx: there is no such kind",
            "sr, sc, seg, gsps, pdf, fhir",
        ),
        (["--object", ","], "--object names no kind", "Choose among"),
        (["--fhir-version", "R3"], "FHIR version 'R3' is unknown", "R5, R4"),
    ],
)
def test_wrong_choices_name_the_right_ones(
    film: Path, tmp_path: Path, arguments: list[str], message: str, hint: str
) -> None:
    done = run("report", film, "--out", tmp_path / "out", *arguments)
    assert done.returncode == 1
    assert message in done.stderr
    assert hint in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_file_in_place_of_the_folder(film: Path) -> None:
    done = run("report", film, "--out", film)
    assert (done.returncode, "is not a folder" in done.stderr) == (1, True)


def test_without_the_extra(film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    done = run("report", film, "--out", tmp_path / "out")
    assert done.returncode == 1
    assert "pneumoscope report (highdicom) needs an optional part" in done.stderr
    assert "[pacs]" in done.stderr


def test_help_has_an_example() -> None:
    text = run("report", "--help").stdout
    assert "Example: pneumoscope report film.dcm --out results" in text


def test_kinds_keep_their_order() -> None:
    assert kinds_of_option(["fhir, sr"]) == ("sr", "fhir")
    assert len(kinds_of_option(["all"])) == 6
    with pytest.raises(UsageError):
        kinds_of_option([""])
