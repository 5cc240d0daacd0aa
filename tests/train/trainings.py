"""Small trainings: recipes, films and commands."""

from __future__ import annotations

import contextlib
import io
import subprocess
import types
import warnings
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import numpy as np
from PIL import Image

from command_line import Done, run

SMALL = """
name = "small"
network = "cnn"
filters = [8, 16]
size = 32
batch_size = 16
head_epochs = 1
epochs = 3
validation = 0.25
ema = 0.9
"""
# A network that has weights to start from. Keras takes longest to build the graph of its training.
PRETRAINED = """
name = "pretrained"
size = 64
"""

TOY = """
name = "toy"
network = "cnn"
filters = [8]
size = 32
scaling = "unit"
head_epochs = 0
epochs = 6
batch_size = 16
validation = 0.3
sampling = "balanced"
loss = "focal"
patience = 1
learning_rate = 0.02
cosine = false
"""


def words(
    recipe: str, out: Path, films: Path, *more: object, weights: str | None = "none"
) -> list[object]:
    """The words of a command that trains a recipe; its files lie beside ``out``.

    Without ``weights`` the command takes its default.
    """
    file = out.parent / "recipe.toml"
    file.write_text(recipe)
    start = ["--weights", weights] if weights else []
    folders = ["--data", films, "--out", out, "--cache", out.parent / "cache"]
    return ["train", file, *folders, *start, *more]


def train(recipe: str, out: Path, films: Path, *more: object, weights: str | None = "none") -> Done:
    """Trains in this process."""
    return run(*words(recipe, out, films, *more, weights=weights))


@contextlib.contextmanager
def exporting_here() -> Iterator[None]:
    """Exports to ONNX in the tests' process: a new one starts Keras again, longer than it exports."""
    from pneumoscope.train.export import to_onnx

    def export(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        *_, module, job = command
        assert module == to_onnx.__name__
        written = io.StringIO()
        with contextlib.redirect_stdout(written), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # as the command does
            to_onnx.main(job)
        return subprocess.CompletedProcess(command, 0, written.getvalue(), "")

    with mock.patch.object(to_onnx, "subprocess", types.SimpleNamespace(run=export)):
        yield


def class_folders(root: Path) -> Path:
    """Three classes told apart by brightness."""
    rng = np.random.default_rng(0)
    for name, level, count in (("NORMAL", 60, 14), ("TUBERCULOSIS", 130, 30), ("COVID", 200, 9)):
        (root / name).mkdir(parents=True)
        for i in range(count):
            pixels = np.clip(rng.normal(level, 12, (96, 96)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(root / name / f"{i}.png")
    return root
