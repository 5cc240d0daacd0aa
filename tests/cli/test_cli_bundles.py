from __future__ import annotations

import io
import json
import os
import shutil
from pathlib import Path

import pytest

from command_line import run
from pneumoscope.bundle import META, MODEL, Bundle, open_bundle


def test_the_shipped_bundles_are_listed() -> None:
    adults, facts = json.loads(run("bundles", "--json").stdout)["bundles"]
    shipped = open_bundle()
    assert (facts["name"], facts["shipped"], facts["folder"]) == (
        "children",
        True,
        str(shipped.path),
    )
    assert (facts["bundle"], facts["bundle_sha256"]) == ("children 3", shipped.sha256)
    assert (facts["positive"], facts["licence"]) == ("PNEUMONIA", "CC BY 4.0")
    assert (facts["version"], facts["population"]) == ("3", shipped.meta.population.text)
    assert facts["size_bytes"] == sum(file.stat().st_size for file in shipped.path.iterdir())
    assert (adults["name"], adults["shipped"], adults["positive"]) == ("adults", True, "ABNORMAL")
    row = run("bundles").stdout.splitlines()[2]
    assert row.split()[:5] == ["children", "children", "3", shipped.sha256[:12], "PNEUMONIA"]
    assert f" {facts['size_bytes'] / 1e6:.1f} MB " in row
    assert shipped.meta.population.text in row


def test_a_damaged_bundle_is_listed_with_what_is_wrong(
    tiny_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(tiny_bundle.path, tmp_path / "damaged")
    (tmp_path / "damaged" / MODEL).write_bytes(b"x")
    monkeypatch.setenv("PNEUMOSCOPE_BUNDLES", str(tmp_path))
    _, second, first = json.loads(run("bundles", "--json").stdout)["bundles"]
    assert (first["name"], second["name"]) == ("damaged", "children")
    assert "model.onnx does not match" in first["error"]["message"]
    assert first["error"]["hint"]
    done = run("bundles")
    assert done.returncode == 0
    assert "not usable: bundle damaged: model.onnx does not match" in done.stdout


def test_json_has_the_documented_keys(
    tiny_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine").symlink_to(tiny_bundle.path)
    monkeypatch.setenv("PNEUMOSCOPE_BUNDLES", str(tmp_path))
    _, children, mine = json.loads(run("bundles", "--json").stdout)["bundles"]
    keys = [
        "name", "folder", "shipped", "bundle", "version", "bundle_sha256", "task", "labels",
        "positive", "population", "licence", "size_bytes",
    ]  # fmt: skip
    assert list(children) == list(mine) == keys
    assert (mine["name"], mine["shipped"], mine["licence"]) == ("mine", False, "")
    assert mine["folder"] == str(tmp_path / "mine")


def test_of_two_bundles_of_a_name_the_one_that_is_used_is_listed(
    tiny_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("first", "second"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "children").symlink_to(tiny_bundle.path)
    folders = [str(tmp_path / "first"), str(tmp_path / "second"), str(tmp_path / "none"), ""]
    monkeypatch.setenv("PNEUMOSCOPE_BUNDLES", os.pathsep.join(folders))
    _, listed = json.loads(run("bundles", "--json").stdout)["bundles"]
    assert (listed["folder"], listed["shipped"]) == (str(tmp_path / "first" / "children"), False)


def test_names_are_text_and_not_markup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "[red]mine"
    folder.mkdir()
    (folder / META).write_text("{}")
    monkeypatch.setenv("PNEUMOSCOPE_BUNDLES", str(tmp_path))
    done = run("bundles")
    assert done.returncode == 0
    (row,) = [line for line in done.stdout.splitlines() if "not usable" in line]
    assert row.startswith("[red]mine")
    assert str(folder) in row


def test_a_terminal_shows_long_texts_below_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    from pneumoscope.cli.read import bundles

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr("sys.stdout", screen := Terminal())
    bundles.bundles()
    lines = screen.getvalue().splitlines()
    assert all(len(line) <= 80 or "/" in line for line in lines)  # a path is not broken
    assert [line.split()[0] for line in lines if not line.startswith(" ")] == [
        "name", "adults", "children"
    ]  # fmt: skip
    assert "  children of one to five years" in screen.getvalue()
