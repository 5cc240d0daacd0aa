"""The pictures and the sheet that ``pneumoscope predict`` writes."""

from __future__ import annotations

import shutil
from pathlib import Path

from PIL import Image

from command_line import run


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
