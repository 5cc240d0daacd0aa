"""How fast training runs."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import pytest

from command_line import run
from trainings import TOY

pytest.importorskip("tensorflow", reason="needs the [train] extra")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # TensorFlow's own imports warn
    from pneumoscope import data
    from pneumoscope.train import bench
    from pneumoscope.train.progress import Progress
    from pneumoscope.train.recipe.settings import Recipe

pytestmark = [
    pytest.mark.train,
    # Keras 3.15 with NumPy 2 on TensorFlow.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    # Keras' generator for notebooks with SciPy 1.17.
    pytest.mark.filterwarnings("ignore:Please import `affine_transform`:DeprecationWarning"),
]


def test_the_bench_compares_three_ways(films_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "toy.toml").write_text(TOY.replace("batch_size = 16", "batch_size = 4"))
    done = run(
        "bench", "train", tmp_path / "toy.toml", "--data", films_folder, "--cache",
        tmp_path / "cache", "--steps", 1, "--rounds", 2, "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rates = json.loads(done.stdout)
    for name in ("random", "later", "first", "notebook", "decode", "later_share"):
        assert rates[name] > 0
    assert rates["first"] < min(rates["later"], rates["decode"])


def test_a_graph_is_measured_however_few_films_there_are(few_films: Path, tmp_path: Path) -> None:
    films = data.load(
        few_films, 32, task="multiclass", share=0.25, seed=0, cache=tmp_path / "cache"
    )
    recipe = Recipe(network="cnn", filters=(4,), size=32, head_epochs=0, epochs=1)
    trainer = bench._trainer(recipe, films, tmp_path, Progress(), 1)
    assert trainer.steps == 1
    assert not trainer.trainee.run_eagerly
