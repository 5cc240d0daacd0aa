"""The smaller of the shipped recipes, each from one command to a bundle that predicts.

Their networks have few blocks. The larger recipes are trained in ``fit/test_loop.py``.
"""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from command_line import run
from trainings import exporting_here

pytest.importorskip("tensorflow", reason="needs the [train] extra")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # TensorFlow's own imports warn
    import keras  # noqa: F401 (before warnings become errors)

import pneumoscope
from pneumoscope.train.recipe import reading

pytestmark = [
    pytest.mark.train,
    pytest.mark.slow,
    pytest.mark.usefixtures("few_blocks"),
    # Keras 3.15 with NumPy 2 on TensorFlow.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]

LARGER = ("mobilenetv2-flatten", "mobilenetv2-gap", "resnet50")
LUNGS = ("adults", "children")
"""Need lung masks, and films of several sources."""
SMALLER = [name for name in sorted(reading.shipped()) if name not in (*LARGER, *LUNGS)]


def at_64_pixels(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes a shipped recipe one of 64 pixels."""
    smaller = folder / f"{name}.toml"
    text, changed = re.subn(r"(?m)^size = \d+", "size = 64", reading.shipped()[name].read_text())
    assert changed == 1
    smaller.write_text(text)
    monkeypatch.setattr(reading, "shipped", lambda: {name: smaller})


@pytest.mark.parametrize("name", SMALLER)
def test_the_smaller_recipes_run_from_one_command_to_a_bundle(
    name: str, few_films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """32 films of 64 pixels, one epoch."""
    recipe = reading.load(name)
    at_64_pixels(name, tmp_path, monkeypatch)
    epochs = ["--head-epochs", min(recipe.head_epochs, 1), "--epochs", min(recipe.epochs, 1)]
    with exporting_here():
        done = run(
            "train", name, "--data", few_films, "--weights", "none", "--out", tmp_path / "run",
            "--cache", tmp_path / "cache", *epochs, "--json",
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    classifier = pneumoscope.load(tmp_path / "run" / "bundle")
    prediction = classifier.predict(next((few_films / "train" / "PNEUMONIA").iterdir()))
    assert len(prediction.probabilities) == (2 if recipe.task == "binary" else 3)
    assert prediction.label in ("NORMAL", "PNEUMONIA")
    assert (prediction.subtype is None) or recipe.task == "multiclass"
    assert prediction.heatmap.ndim == 2
    assert not (tmp_path / "run" / "features.npy").exists()
    for picture in ("curves.png", "augmented.png"):
        assert (tmp_path / "run" / picture).stat().st_size > 10_000


@pytest.mark.parametrize(("name", "positive"), [("adults", "ABNORMAL"), ("children", "PNEUMONIA")])
def test_the_recipes_that_read_the_lungs_run_from_one_command_to_a_bundle(
    name: str, positive: str, few_films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """32 films of five sources for the adults, all of one for the children; one epoch."""
    at_64_pixels(name, tmp_path, monkeypatch)
    films, hospitals = few_films, tmp_path / "hospitals.csv"
    of_sources(few_films, hospitals)
    options = ["--other-patients", hospitals]
    if name == "adults":
        films, options = hospitals, []
    with exporting_here():
        done = run(
            "train", name, "--data", films, "--masks", masks_of(few_films, tmp_path / "masks"),
            "--weights", "none", "--out", tmp_path / "run", "--cache", tmp_path / "cache",
            "--head-epochs", 0, "--epochs", 1, "--json", *options,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    classifier = pneumoscope.load(tmp_path / "run" / "bundle")
    meta = classifier.bundle.meta
    assert meta.positive == positive
    assert meta.gate is not None
    assert meta.gate["measured"]["other-population"]["films"] > 0
    if name == "adults":
        assert set(meta.data["sources"]["validation"]) <= set(meta.recipe["population"])
    prediction = classifier.predict(next((few_films / "train" / "PNEUMONIA").iterdir()))
    assert prediction.lungs is not None
    assert prediction.heatmap is not None
    assert prediction.heatmap.shape == (8, 8)


def of_sources(films: Path, table: Path) -> None:
    """A manifest in which each class of the films is divided among the sources that have it."""
    rows = ["path,label,source"]
    for folder, label, sources in (
        ("NORMAL", "normal", ("chest_xray", "nih", "pakistan", "rsna")),
        ("PNEUMONIA", "abnormal", ("chest_xray", "nih", "pakistan", "covid")),
    ):
        for i, path in enumerate(sorted((films / "train" / folder).iterdir())):
            rows.append(f"{path},{label},{sources[i % 4]}")
    table.write_text("\n".join(rows) + "\n")


def masks_of(films: Path, folder: Path) -> Path:
    """A lung on each side of every film."""
    picture = Image.new("L", (224, 224))
    for x in (65, 159):
        ImageDraw.Draw(picture).ellipse((x - 34, 45, x + 34, 185), fill=255)
    for film in films.glob("train/*/*"):
        target = (folder / film.relative_to(films)).with_suffix(".png")
        target.parent.mkdir(parents=True, exist_ok=True)
        picture.save(target)
    return folder
