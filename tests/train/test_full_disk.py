"""A training on a full disk: a message that names the file, and nothing half-written."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("tensorflow", reason="needs the [train] extra")

pytestmark = pytest.mark.train

RECIPE = """
name = "wide"
network = "cnn"
filters = [64, 128]
size = 32
source_size = 64
scaling = "unit"
head_epochs = 1
epochs = 1
batch_size = 16
validation = 0.25
"""


def limit(most_bytes: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))


@pytest.mark.slow
def test_training_where_files_may_not_grow(films_folder: Path, tmp_path: Path) -> None:
    """64 films of 64 x 64 are 262 kB; 76,163 weights 0.3 MB."""
    recipe, out, cache = tmp_path / "wide.toml", tmp_path / "run", tmp_path / "cache"
    recipe.write_text(RECIPE)
    arguments = [
        sys.executable, "-m", "pneumoscope", "train", str(recipe), "--data", str(films_folder),
        "--out", str(out), "--cache", str(cache),
    ]  # fmt: skip
    for most_bytes, file in ((50_000, cache), (280_000, out / "checkpoint.npz")):
        done = subprocess.run(
            arguments,
            capture_output=True,
            text=True,
            check=False,
            # Python's own caches of compiled modules are files too.
            env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
            preexec_fn=limit(most_bytes),
        )
        assert done.returncode == 1, done.stderr
        assert f"error: {file}" in done.stderr
        assert "cannot be written whole" in done.stderr
        assert "hint: Free some space" in done.stderr
        assert "Traceback" not in done.stderr
        assert not [path for path in tmp_path.rglob("*") if "part" in path.name]
        assert len(list(cache.iterdir())) == (0 if file == cache else 2)
    # What stands there can be gone on from.
    assert not (out / "checkpoint.npz").exists()
    assert (out / "log.csv").read_text().count("\n") == 2
