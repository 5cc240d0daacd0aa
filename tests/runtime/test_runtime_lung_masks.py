"""Lung masks drawn by a network: which pixels, which films, which files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import pneumoscope
from command_line import run
from pneumoscope.bundle import Bundle
from pneumoscope.data.masks import read_mask
from pneumoscope.errors import BundleMismatch
from pneumoscope.runtime.lung_masks import DrawnMasks, draw_masks, mask_of


@pytest.fixture
def films(tmp_path: Path) -> Path:
    """A film with a bright left half, a dark one, and a file that is none."""
    folder = tmp_path / "films"
    for name in ("NORMAL", "PNEUMONIA"):
        (folder / name).mkdir(parents=True)
    half = np.full((224, 224), 20, np.uint8)
    half[:, :112] = 240
    Image.fromarray(half).save(folder / "NORMAL" / "half.png")
    Image.fromarray(np.full((224, 224), 20, np.uint8)).save(folder / "PNEUMONIA" / "dark.png")
    return folder


def drawn(bundle: Bundle, films: Path, target: Path) -> DrawnMasks:
    names = sorted(p.relative_to(films).as_posix() for p in films.rglob("*.png"))
    return draw_masks(pneumoscope.load(bundle), [(n, films / n) for n in names], target)


def test_a_mask_is_where_the_field_is_above_one_half() -> None:
    field = np.zeros((8, 8), np.float32)
    field[:, 4:] = 0.9
    mask = mask_of(field)
    assert (mask.shape, mask.dtype) == ((224, 224), np.uint8)
    assert set(np.unique(mask)) == {0, 255}
    # Cells are 28 pixels wide; the edge of the fifth lies at 112, a little before it by 0.9 of 1.
    columns = np.flatnonzero(mask[100] > 0)
    assert columns[0] == pytest.approx(112, abs=3)
    assert columns[-1] == 223
    assert not mask_of(np.full((8, 8), 0.4)).any()


def test_masks_have_the_paths_of_their_films_and_can_be_read(
    lungs_bundle: Bundle, films: Path, tmp_path: Path
) -> None:
    made = drawn(lungs_bundle, films, tmp_path / "masks")
    assert made == DrawnMasks(1, ("PNEUMONIA/dark.png",), ())
    lungs = read_mask(tmp_path / "masks" / "NORMAL" / "half.png", 224).lungs
    assert lungs[:, :105].all()
    assert not lungs[:, 119:].any()


def test_a_broken_film_ends_nothing(lungs_bundle: Bundle, films: Path, tmp_path: Path) -> None:
    (films / "NORMAL" / "a.png").write_bytes(b"no film")
    made = drawn(lungs_bundle, films, tmp_path / "masks")
    assert made.written == 1
    ((name, reason),) = made.unreadable
    assert name == "NORMAL/a.png"
    assert reason


def test_a_bundle_that_looks_for_no_lungs(tiny_bundle: Bundle, films: Path, tmp_path: Path) -> None:
    with pytest.raises(BundleMismatch, match="does not look for lungs"):
        drawn(tiny_bundle, films, tmp_path / "masks")
    assert not (tmp_path / "masks").exists()


def test_a_prediction_s_heat_is_compared_with_the_lungs(lungs_bundle: Bundle, films: Path) -> None:
    prediction = pneumoscope.load(lungs_bundle).predict(films / "NORMAL" / "half.png")
    assert prediction.explanation is not None
    # Bright cells are lungs, and their heat is their grey level: on 32 of 64 columns 28 times 240,
    # then 226, 199, 171 and 144; beside them 116, 89, 61 and 34, then 28 times 20.
    assert prediction.explanation.checks["inside"] == pytest.approx(7460 / 8320, abs=0.01)
    assert "89 % of the heat lies on the lungs" in prediction.explanation.sentence


def test_a_positive_verdict_names_the_zones_with_heat(lungs_bundle: Bundle, tmp_path: Path) -> None:
    film = np.full((224, 224), 20, np.uint8)
    film[:, :84] = film[:, 140:] = 140  # two lungs of three cells each, eight cells high
    film[150:, :84] = 255
    Image.fromarray(film).save(tmp_path / "film.png")
    prediction = pneumoscope.load(lungs_bundle).predict(tmp_path / "film.png")
    assert prediction.label == "PNEUMONIA"
    assert prediction.lungs is not None
    assert prediction.lungs.shape == (8, 8)
    # All lung has heat, the right lower third nearly twice as much as each other.
    assert prediction.zones[0].name == "right lower zone"
    assert 0.2 < prediction.zones[0].share < 0.3
    assert len({zone.name for zone in prediction.zones}) == 6
    assert sum(zone.share for zone in prediction.zones) < 1


def test_a_film_that_is_called_normal_names_no_zone(lungs_bundle: Bundle, films: Path) -> None:
    prediction = pneumoscope.load(lungs_bundle).predict(films / "PNEUMONIA" / "dark.png")
    assert (prediction.label, prediction.zones) == ("NORMAL", ())


def test_the_field_is_one_of_the_network_s_outputs(
    lungs_bundle: Bundle, tiny_bundle: Bundle
) -> None:
    inputs = np.full((2, 32, 32, 1), 51, np.uint8)
    fields = pneumoscope.load(lungs_bundle).run(inputs).lungs
    assert fields is not None
    assert fields == pytest.approx(np.full((2, 8, 8), 0.2))
    assert pneumoscope.load(tiny_bundle).run(inputs).lungs is None


def test_the_command(lungs_bundle: Bundle, films: Path, tmp_path: Path) -> None:
    target = tmp_path / "masks"
    done = run("data", "masks", films, "--bundle", lungs_bundle.path, "--to", target, "--json")
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert (facts["written"], facts["no_lungs"]) == (1, ["PNEUMONIA/dark.png"])
    assert (target / "NORMAL" / "half.png").is_file()
    plain = run("data", "masks", films, "--bundle", lungs_bundle.path, "--to", target)
    assert "1 mask; no lungs seen on 1 film\n" in plain.stdout


def test_the_command_names_broken_films(lungs_bundle: Bundle, films: Path, tmp_path: Path) -> None:
    (films / "NORMAL" / "a.png").write_bytes(b"no film")
    done = run("data", "masks", films, "--bundle", lungs_bundle.path, "--to", tmp_path / "masks")
    assert done.returncode == 1
    assert "NORMAL/a.png" in done.stderr
    assert (tmp_path / "masks" / "NORMAL" / "half.png").is_file()


def test_the_command_needs_a_bundle_with_lungs(
    films: Path, tiny_bundle: Bundle, tmp_path: Path
) -> None:
    bundle = tiny_bundle.path
    done = run("data", "masks", films, "--bundle", bundle, "--to", tmp_path / "masks")
    assert done.returncode == 1
    assert "does not look for lungs" in done.stderr


def test_films_that_are_called_by_uids_get_masks_of_their_own(
    lungs_bundle: Bundle, films: Path, tmp_path: Path
) -> None:
    for uid in ("1.2.840.1", "1.2.840.2"):
        (films / uid).write_bytes((films / "NORMAL" / "half.png").read_bytes())
    named = [(uid, films / uid) for uid in ("1.2.840.1", "1.2.840.2")]
    made = draw_masks(pneumoscope.load(lungs_bundle), named, tmp_path / "masks")
    assert made.written == 2
    assert sorted(path.name for path in (tmp_path / "masks").iterdir()) == [
        "1.2.840.1.png", "1.2.840.2.png",
    ]  # fmt: skip
