"""``pneumoscope predict`` with a bundle for each of two populations."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from command_line import run
from film_files import dicom, ramp
from pneumoscope.bundle import names
from pneumoscope.cli import completion
from two_populations import children_and_adults

WORDS = {
    "age": "adults, by the age in the film's header",
    "film": "children, by the film itself",
    "reader": "adults, as the reader chose",
}


@pytest.fixture(autouse=True)
def _shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundles = children_and_adults(tmp_path / "shipped")
    monkeypatch.setattr(names, "SHIPPED_SET", tuple(bundle.path for bundle in bundles.values()))


@pytest.fixture
def films(film_files: Path) -> Path:
    """A dark film, a bright one, and one of an adult with the age in its header."""
    (film_files / "old.dcm").write_bytes(dicom(ramp(200, 220) // 4, PatientAge="054Y"))
    return film_files


def test_every_output_says_population_and_why(films: Path, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.html"
    done = run("predict", films, "--json", "--sheet", sheet)
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)["results"]
    chosen = [(Path(r["source"]).name, r["population"], r["population_source"]) for r in results]
    assert chosen == [
        ("bright.png", "adults", "film"),
        ("dark.png", "children", "film"),
        ("old.dcm", "adults", "age"),
    ]
    assert [r["bundle"] for r in results] == ["adults 1", "children 1", "adults 1"]
    assert f"population: {WORDS['film']}</p>" in sheet.read_text()
    rows = list(csv.DictReader(io.StringIO(run("predict", films, "--csv").stdout)))
    assert [(r["population"], r["population_source"]) for r in rows] == [c[1:] for c in chosen]
    assert (rows[0]["p_bacterial"], rows[1]["p_opacity"]) == ("", "")
    assert float(rows[0]["p_opacity"]) == results[0]["probabilities"]["opacity"]
    assert float(rows[1]["p_bacterial"]) == results[1]["probabilities"]["bacterial"]


def test_the_table_has_a_line_for_each_bundle(films: Path) -> None:
    done = run("predict", films)
    assert done.returncode == 0, done.stderr
    head = done.stdout.splitlines()[0].split()
    assert head[:5] == ["film", "verdict", "P(positive)", "kind", "population"]
    assert WORDS["age"] in done.stdout
    assert WORDS["film"] in done.stdout
    for line in ("children 1 (", "adults 1 ("):
        assert done.stdout.count(line) == 1
    assert done.stdout.count("Research use") == 1
    dark = run("predict", films / "dark.png").stdout
    assert "P(pneumonia)" in dark
    assert "adults 1" not in dark


def test_the_reader_chooses_the_population(films: Path) -> None:
    done = run("predict", films, "--population", "adults")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(WORDS["reader"]) == 3
    wrong = run("predict", films, "--population", "elderly")
    assert wrong.returncode == 1
    assert "Choose one of: children, adults." in wrong.stderr


def test_a_bundle_that_is_named_turns_the_choice_off(films: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "shipped" / "adults"
    record = json.loads(run("predict", films / "dark.png", "--json", "--bundle", bundle).stdout)
    (result,) = record["results"]
    assert (result["bundle"], result["population"], result["population_source"]) == (
        "adults 1", None, None
    )  # fmt: skip
    both = run("predict", films, "--bundle", bundle, "--population", "adults")
    assert both.returncode == 2
    assert "exclude each other" in both.stderr


def test_occlusion_maps_of_both_populations(films: Path, tmp_path: Path) -> None:
    (films / "old.dcm").unlink()
    done = run("predict", films, "--occlusion", tmp_path / "maps")
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "maps").iterdir())) == 2


def test_the_shell_completes_the_populations() -> None:
    assert completion.populations() == [
        ("children", "children in tests"),
        ("adults", "adults in tests"),
    ]
