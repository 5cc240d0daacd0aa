"""A training on a full disk: a message that names the file, and nothing half-written."""

from __future__ import annotations

import contextlib
import resource
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from trainings import train

pytest.importorskip("tensorflow", reason="needs the [train] extra")

from train_marks import TRAINING

pytestmark = TRAINING

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


@contextlib.contextmanager
def files_up_to(most_bytes: int) -> Iterator[None]:
    """In this process, a file that would become larger is an error, as on a full disk."""
    before, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before, most))


def test_training_where_files_may_not_grow(
    films_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """64 films of 64 x 64 are 262 kB; 76,163 weights 0.3 MB."""
    # Python's own caches of compiled modules are files too.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    out, cache = tmp_path / "run", tmp_path / "cache"
    for most_bytes, file in ((50_000, cache), (280_000, out / "checkpoint.npz")):
        with files_up_to(most_bytes):
            done = train(RECIPE, out, films_folder, weights=None)
        assert done.returncode == 1, done.stderr
        assert f"error: {file}" in done.stderr
        assert "cannot be written whole" in done.stderr
        assert "hint: Free some space" in done.stderr
        assert not [path for path in tmp_path.rglob("*") if "part" in path.name]
        assert len(list(cache.iterdir())) == (0 if file == cache else 2)
    # What stands there can be gone on from.
    assert not (out / "checkpoint.npz").exists()
    assert (out / "log.csv").read_text().count("\n") == 2
