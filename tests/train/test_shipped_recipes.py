"""The smaller of the shipped recipes, each from one command to a bundle that predicts.

The larger ones are trained in ``fit/test_loop.py``.
"""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import pytest

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
    # Keras 3.15 with NumPy 2 on TensorFlow.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]

LARGER = ("mobilenetv2-flatten", "mobilenetv2-gap", "resnet50")


@pytest.mark.parametrize("name", [name for name in sorted(reading.shipped()) if name not in LARGER])
def test_the_smaller_recipes_run_from_one_command_to_a_bundle(
    name: str, few_films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """32 films of 64 pixels, one epoch."""
    recipe = reading.load(name)
    smaller = tmp_path / f"{name}.toml"
    text, changed = re.subn(r"(?m)^size = \d+", "size = 64", reading.shipped()[name].read_text())
    assert changed == 1
    smaller.write_text(text)
    monkeypatch.setattr(reading, "shipped", lambda: {name: smaller})
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
