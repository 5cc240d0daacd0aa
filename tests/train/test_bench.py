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
    import keras  # noqa: F401 (before warnings become errors)

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
