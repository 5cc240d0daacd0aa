from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from command_line import run
from documented_output import undocumented


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Class folders: three films of noise each, and one film in both."""
    rng = np.random.default_rng(0)
    for kind in ("normal", "tb"):
        (tmp_path / "set" / kind).mkdir(parents=True)
        for i in range(3):
            film = rng.integers(0, 256, (80, 80), dtype=np.uint8)
            Image.fromarray(film).save(tmp_path / "set" / kind / f"{i}.png")
    film_bytes = (tmp_path / "set" / "tb" / "0.png").read_bytes()
    (tmp_path / "set" / "normal" / "copy.png").write_bytes(film_bytes)
    return tmp_path / "set"


def test_check_as_a_table(folder: Path) -> None:
    done = run("data", "check", folder)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "class folders of set (class folders, multiclass)"
    assert lines[1].split() == ["split", "films", "patients", "normal", "tb"]
    assert lines[2].split() == ["films", "7", "?", "4", "3"]
    assert lines[3:] == [
        "broken films: 0",
        "exact duplicates: 1 groups (0 across splits, 1 across classes, 0 across patients)",
        "near duplicates: 0 groups",
        "  normal/copy.png = tb/0.png (same pixels, across class)",
        "warning: no patient keys for 7 of 7 films",
    ]


def test_check_as_json_with_a_broken_film(folder: Path) -> None:
    (folder / "tb" / "9.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    done = run("data", "check", folder, "--json", "--task", "binary")
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert "hint: " in done.stderr
    document = json.loads(done.stdout)
    assert undocumented("data check", document) == []
    assert document["names"] == ["normal", "tb"]
    assert document["counts"] == {"films": {"normal": 4, "tb": 4}}
    assert document["broken"][0]["path"] == "tb/9.png"
    assert document["twins"][0]["across"] == ["class"]


def test_check_of_nothing(tmp_path: Path) -> None:
    done = run("data", "check", tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "no training films in a layout" in done.stderr
    assert run("data", "check", tmp_path / "no").returncode == 1
    assert run("data", "check", tmp_path, "--task", "three").returncode == 1


def test_check_of_a_task_that_the_labels_do_not_answer(folder: Path) -> None:
    done = run("data", "check", folder, "--task", "multilabel")
    assert done.returncode == 1
    assert "hint: Use the task multiclass" in done.stderr


def test_download_from_a_folder(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "my copy"
    done = run("data", "download", "--from", folder, "--to", target)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "normal: 4 films",
        "tb: 3 films",
        f"Hashes: {target / 'SHA256SUMS'}",
        f"Now set: export PNEUMOSCOPE_DATA='{target}'",
    ]
    assert run("data", "download", "--from", folder, "--to", target).returncode == 1
    done = run("data", "download", "--from", folder, "--to", tmp_path / "b", "--json")
    assert json.loads(done.stdout) == {
        "folder": str(tmp_path / "b"),
        "films": {"normal": 4, "tb": 3},
        "warnings": [],
    }
