"""A training with a head that reads the lungs, from films and masks to a verdict."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

pytest.importorskip("tensorflow", reason="needs the [train] extra")

import onnx
import onnxruntime

import pneumoscope
from drawn import drawn_set
from train_marks import TRAINING
from trainings import exporting_here, train

pytestmark = [*TRAINING, pytest.mark.usefixtures("few_blocks")]

LUNGS = """
name = "lungs"
size = 64
head = "lungs"
tail = "undilated"
pyramid = 16
batch_size = 15
batch_norm_frozen = false
head_epochs = 0
epochs = 1
validation = 0.25
ema = 0.9
surroundings = 0.3
regions = 0.3
blanked = 0.1
mirror_loss = 0.2
mirror_balance = true
"""


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return drawn_set(tmp_path_factory.mktemp("drawn") / "films", 16, 24)


@pytest.fixture(scope="module")
def masks(tmp_path_factory: pytest.TempPathFactory, films: Path) -> Path:
    """Where drawn films have their lungs, for all films but one."""
    folder = tmp_path_factory.mktemp("masks")
    picture = Image.new("L", (224, 224))
    for x in (65, 159):
        ImageDraw.Draw(picture).ellipse((x - 34, 45, x + 34, 185), fill=255)
    for film in sorted(films.rglob("*.jpeg"))[1:]:
        target = (folder / film.relative_to(films)).with_suffix(".png")
        target.parent.mkdir(parents=True, exist_ok=True)
        picture.save(target)
    return folder


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, films: Path, masks: Path) -> Path:
    out = tmp_path_factory.mktemp("run") / "run"
    with exporting_here():
        done = train(LUNGS, out, films, "--masks", masks, "--json")
    assert done.returncode == 0, done.stderr
    return out


def test_the_bundle_gives_the_lungs_and_heat_only_there(trained: Path, films: Path) -> None:
    bundle = trained / "bundle"
    session = onnxruntime.InferenceSession(str(bundle / "model.onnx"))
    shapes = {output.name: output.shape[1:] for output in session.get_outputs()}
    assert shapes["lungs"] == [8, 8]
    assert shapes["heatmaps"] == [3, 8, 8]
    classifier = pneumoscope.load(bundle)
    film = next(films.rglob("*.jpeg"))
    prediction = classifier.predict(film)
    assert prediction.label in {"NORMAL", "PNEUMONIA", "UNDETERMINED", "REFUSED"}
    pixels = np.asarray(Image.open(film).convert("L").resize((64, 64)))[None, ..., None]
    outputs = classifier.run(pixels)
    assert outputs.lungs is not None
    assert (outputs.heatmaps.sum(axis=1) <= outputs.lungs + 1e-5).all()


def test_the_exported_evidence_is_balanced(trained: Path) -> None:
    model = onnx.load(trained / "bundle" / "model.onnx")
    values = [onnx.numpy_helper.to_array(value).squeeze() for value in model.graph.initializer]
    [favoured] = [value for value in values if value.shape == (8, 8) and np.any(value)]
    assert favoured == pytest.approx(-favoured[:, ::-1])


def test_the_field_learns_the_masks(trained: Path) -> None:
    """One epoch of 30 films are few, but cells of the lungs already differ from those around them."""
    classifier = pneumoscope.load(trained / "bundle")
    with np.load(trained / "bundle" / "golden.npz") as golden:
        films = golden["inputs"]
    fields = classifier.run(films).lungs
    assert fields is not None
    assert np.isfinite(fields).all()
    assert fields[:, 3:5, 1:3].mean() > fields[:, 0, 3:5].mean()


def test_the_log_and_the_record_are_those_of_any_training(trained: Path) -> None:
    with (trained / "log.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["phase"] for row in rows] == ["whole network"]
    assert all(float(row["loss"]) > 0 for row in rows)
    recipe = json.loads((trained / "bundle" / "bundle.json").read_text())["recipe"]
    assert (recipe["head"], recipe["pyramid"], recipe["blanked"]) == ("lungs", 16, 0.1)
    with Image.open(trained / "augmented.png") as sheet:
        assert sheet.size == (8 * 64 + 7 * 4, 4 * 64 + 3 * 4)


def test_without_masks_it_says_how_to_name_them(tmp_path: Path, films: Path) -> None:
    done = train(LUNGS, tmp_path / "run", films)
    assert done.returncode == 1
    assert "no training film has a lung mask" in done.stderr
    assert "--masks" in done.stderr
    assert not (tmp_path / "run" / "bundle").exists()


def test_masks_of_other_films(tmp_path: Path, films: Path) -> None:
    (tmp_path / "masks").mkdir()
    done = train(LUNGS, tmp_path / "run", films, "--masks", tmp_path / "masks")
    assert done.returncode == 1
    assert "has no mask of these films" in done.stderr
