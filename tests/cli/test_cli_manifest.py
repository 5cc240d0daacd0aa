"""``pneumoscope data manifest``, and what ``data check`` says of sources."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from command_line import run


@pytest.fixture
def hospitals(tmp_path: Path) -> Path:
    """Two folders of class folders; the second has tuberculosis only. One film has a mask."""
    rng = np.random.default_rng(0)
    for name in ("north/normal", "north/tb", "south/tb"):
        (tmp_path / name).mkdir(parents=True)
        for i in range(2):
            film = rng.integers(0, 256, (80, 80), dtype=np.uint8)
            Image.fromarray(film).save(tmp_path / name / f"{i}.png")
    (tmp_path / "lungs" / "tb").mkdir(parents=True)
    Image.fromarray(np.full((80, 80), 255, np.uint8)).save(tmp_path / "lungs" / "tb" / "1.png")
    return tmp_path


def test_folders_become_a_manifest(hospitals: Path) -> None:
    target = hospitals / "all.csv"
    done = run(
        "data", "manifest", f"cold={hospitals / 'north'}", hospitals / "south", "--to", target
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split() for line in done.stdout.splitlines()[:3]] == [
        ["source", "normal", "tb"], ["cold", "2", "2"], ["south", "0", "2"],
    ]  # fmt: skip
    assert done.stdout.splitlines()[3] == f"{target}: 6 films, 0 with a lung mask"
    assert target.read_text().splitlines()[0] == "path,label,source,patient"
    checked = json.loads(run("data", "check", target, "--json").stdout)
    assert checked["sources"] == {"cold": {"normal": 2, "tb": 2}, "south": {"tb": 2}}
    assert (checked["masks"], checked["boxes"]) == (0, 0)
    assert not [w for w in checked["warnings"] if "no source" in w]


def test_masks_and_json(hospitals: Path) -> None:
    done = run(
        "data", "manifest", hospitals / "south", "--masks", hospitals / "lungs", "--to",
        hospitals / "south.csv", "--json",
    )  # fmt: skip
    assert json.loads(done.stdout) == {
        "manifest": str(hospitals / "south.csv"),
        "films": 2,
        "masks": 1,
        "sources": {"south": {"tb": 2}},
        "warnings": [],
    }
    assert "lungs/tb/1.png" in (hospitals / "south.csv").read_text()


def test_a_distinction_between_hospitals_only_is_named(hospitals: Path) -> None:
    for film in (hospitals / "north" / "tb").iterdir():
        film.unlink()
    target = hospitals / "all.csv"
    run("data", "manifest", hospitals / "north", hospitals / "south", "--to", target)
    done = run("data", "check", target)
    assert "warning: no source holds both sides of normal and tb:" in done.stdout
    assert ["north", "2", "0"] in [line.split() for line in done.stdout.splitlines()]
