"""The pictures and the sheet that ``pneumoscope predict`` writes."""

from __future__ import annotations

import io
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from command_line import run
from pneumoscope.cli.read import pictures
from pneumoscope.cli.read.pictures import Targets
from pneumoscope.errors import DiskFull, UsageError


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


@pytest.mark.parametrize(
    ("films", "names"),
    [
        (["a.png", "a.png", "a.png"], ["a.png", "a.png-2", "a.png-3"]),
        (["a.png-2", "a.png", "a.png"], ["a.png-2", "a.png", "a.png-3"]),
        (["<stdin>", "<bytes>"], ["stdin", "bytes"]),
        (["<>", ""], ["film", "film-2"]),
    ],
)
def test_every_picture_of_a_run_has_a_name_of_its_own(films: list[str], names: list[str]) -> None:
    taken: set[str] = set()
    made = [pictures._free_name(film, taken) for film in films]
    assert made == [f"{name}.heatmap.png" for name in names]
    assert taken == set(made)


def test_no_targets_are_false() -> None:
    assert not Targets()
    for name in ("heatmaps", "sheet", "occlusion"):
        assert Targets(**{name: Path("x")})


@pytest.mark.parametrize(
    ("targets", "words"),
    [
        (Targets(heatmaps=Path("file")), "file: is not a folder"),
        (Targets(occlusion=Path("file")), "file: is not a folder"),
        (Targets(sheet=Path("folder")), "folder: is a folder"),
        (Targets(sheet=Path("file")), "file: exists and is not a sheet"),
        (Targets(sheet=Path("link.html")), "link.html: exists and is not a sheet"),
    ],
)
def test_a_target_in_use_is_refused_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, targets: Targets, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("mine")
    Path("folder").mkdir()
    film = Path("film.png")
    film.write_bytes(b"<!doctype html>")  # a film whatever it looks like
    Path("link.html").symlink_to(film)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UsageError, match=words) as error:
        replace(targets, heatmaps=targets.heatmaps or Path("new") / "maps").prepare([film])
    assert error.value.hint
    assert sorted(tmp_path.rglob("*")) == before


def test_folders_are_made_and_an_older_sheet_passes(tmp_path: Path) -> None:
    sheet = tmp_path / "old.html"
    sheet.write_text("<!DOCTYPE html><title>old</title>")
    targets = Targets(tmp_path / "a" / "maps", sheet, tmp_path / "b")
    targets.prepare([tmp_path / "film.png", io.BytesIO(b"stdin")])
    assert (tmp_path / "a" / "maps").is_dir()
    assert (tmp_path / "b").is_dir()
    assert sheet.read_text().endswith("old</title>")  # until the films are read


def test_a_heatmap_that_cannot_be_written_is_an_error_and_the_rest_is_shown(
    tiny: tuple[str, Path], film_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []

    def write_png(path: Path, _picture: object) -> None:
        if written:
            raise DiskFull(str(path))
        written.append(path.name)

    monkeypatch.setattr("pneumoscope.cli.read.pictures.files.write_png", write_png)
    done = run("predict", film_files, "--heatmaps", tmp_path / "maps", *tiny)
    assert done.returncode == 1
    assert "dark.png.heatmap.png: cannot be written whole" in done.stderr
    assert "hint: Free some space" in done.stderr
    assert "bright.png" in done.stdout  # what was finished
    assert list((tmp_path / "maps").iterdir()) == []


def test_a_sheet_in_german(tiny: tuple[str, Path], film_files: Path, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.html"
    done = run("predict", film_files, "--json", "--sheet", sheet, "--language", "de", *tiny)
    assert done.returncode == 0
    assert '<html lang="de">' in sheet.read_text("utf-8")
    assert "PNEUMONIE" in sheet.read_text("utf-8")
    # What programs read stays English.
    assert "PNEUMONIE" not in done.stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--language", "de"), "--language is that of the page that --sheet writes"),
        (("--sheet", "x.html", "--language", "german"), "there are texts in en, de"),
    ],
)
def test_a_language_that_cannot_be_used(
    film_files: Path, options: tuple[str, ...], message: str
) -> None:
    done = run("predict", film_files, *options)
    assert done.returncode == 2
    assert message in " ".join(done.stderr.replace("│", " ").split())
