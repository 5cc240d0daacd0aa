"""``pneumoscope deidentify``."""

from __future__ import annotations

import csv
import gc
import json
from pathlib import Path
from typing import Any

import pytest

from command_line import run
from film_files import dicom
from planted import SECRET, film_pixels
from pneumoscope.deidentification import film

NAME = f"{SECRET}^JANE"


@pytest.fixture
def ward(tmp_path: Path) -> Path:
    """Three films of two patients in files and folders with names, and a picture."""
    folder = tmp_path / "ward" / SECRET
    folder.mkdir(parents=True)
    for number, patient in enumerate(("A1", "A1", "B2")):
        data = dicom(
            film_pixels(), PatientID=patient, PatientName=NAME, StudyDate="20260102",
            SOPInstanceUID=f"1.2.3.{number}", StudyInstanceUID="1.2.9", SeriesInstanceUID="1.2.8",
        )  # fmt: skip
        (folder / f"{SECRET}-{number}.dcm").write_bytes(data)
    return tmp_path / "ward"


def test_a_folder_is_copied_without_patients(ward: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = run("deidentify", ward, out, "--key", tmp_path / "key")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"3 films of 2 patients in {out}\n"
    paths = [path for path in out.rglob("*") if path.is_file()]
    assert len(paths) == 4
    for path in paths:
        assert SECRET not in str(path.relative_to(out))
        assert SECRET.encode() not in path.read_bytes()
        assert b"20260102" not in path.read_bytes()
    with (out / "deidentification.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert {row["action"] for row in rows} >= {"replaced", "emptied", "rewritten"}
    assert len({row["film"] for row in rows}) == 3


def test_the_same_key_gives_the_same_names(ward: Path, tmp_path: Path) -> None:
    names = []
    for number in range(2):
        run("deidentify", ward, tmp_path / f"out{number}", "--key", tmp_path / "key")
        names.append({p.name for p in (tmp_path / f"out{number}").rglob("*.dcm")})
    assert names[0] == names[1]
    run("deidentify", ward, tmp_path / "out2")
    assert names[0].isdisjoint(p.name for p in (tmp_path / "out2").rglob("*.dcm"))


def test_a_film_that_cannot_be_cleaned_is_left_out(ward: Path, tmp_path: Path) -> None:
    (ward / "burnt.dcm").write_bytes(dicom(film_pixels(), BurnedInAnnotation="YES"))
    done = run("deidentify", ward, tmp_path / "out", "--json")
    assert done.returncode == 1
    assert "its header says that text is burnt in" in done.stderr
    facts = json.loads(done.stdout)
    assert (facts["films"], facts["patients"], len(facts["left_out"])) == (3, 2, 1)


def test_a_copy_is_not_written_twice(ward: Path, tmp_path: Path) -> None:
    first = next(ward.rglob("*-0.dcm"))
    done = run("deidentify", first, first, tmp_path / "out")
    assert done.returncode == 1
    assert "came before" in done.stderr
    assert done.stdout.startswith("1 film of 1 patient in ")


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["--retain", "names"], "Choose among dates, device, characteristics, descriptors."),
        (["--burned-in", "ignore"], "Choose one of: refuse, blank, keep."),
    ],
)
def test_wrong_choices_name_the_right_ones(
    ward: Path, tmp_path: Path, arguments: list[str], hint: str
) -> None:
    done = run("deidentify", ward, tmp_path / "out", *arguments)
    assert done.returncode == 1
    assert f"error: {' '.join(arguments)}: is unknown\n" in done.stderr
    assert hint in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("place", ["out/ward.key", "out", "out/deep/../ward.key"])
def test_the_key_does_not_lie_beside_the_copies(ward: Path, tmp_path: Path, place: str) -> None:
    done = run("deidentify", ward, tmp_path / "out", "--key", tmp_path / place)
    assert (done.returncode, "is in the folder of the copies" in done.stderr) == (1, True)
    assert not (tmp_path / "out").exists()


def test_the_table_is_written_if_the_run_breaks_off(
    ward: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[int] = []

    def third_fails(*arguments: Any) -> film.DeidentifiedFilm:
        objects = gc.get_objects()
        held.append(sum(isinstance(each, film.DeidentifiedFilm) for each in objects))
        if len(held) == 3:
            raise RuntimeError("broken")
        return deidentified(*arguments)

    deidentified = film.deidentified
    monkeypatch.setattr(film, "deidentified", third_fails)
    with pytest.raises(RuntimeError, match="broken"):
        run("deidentify", ward, tmp_path / "out")
    with (tmp_path / "out" / "deidentification.csv").open(newline="") as stream:
        assert len({row["film"] for row in csv.DictReader(stream)}) == 2
    assert max(held) - held[0] <= 1  # no film but the last one is in memory


def test_a_folder_in_use_and_a_missing_target(ward: Path, tmp_path: Path) -> None:
    done = run("deidentify", ward, ward)
    assert "is not an empty folder" in done.stderr
    assert "films and a target folder" in run("deidentify", ward).stderr
