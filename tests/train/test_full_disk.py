"""What a full disk leaves behind: a message that names the file, and nothing half-written."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import subprocess
import sys
import types
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pneumoscope.bundle import Bundle, open_bundle, write_bundle
from pneumoscope.decision.calibration import Calibration
from pneumoscope.errors import DiskFull
from pneumoscope.files import replacing, room_for, whole_array
from tiny import tiny_files, tiny_meta

pytest.importorskip("tensorflow", reason="needs the [train] extra")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # TensorFlow's own imports warn
    from pneumoscope.train.export import to_onnx
    from pneumoscope.train.formats import convert
    from pneumoscope.train.recipe.settings import Recipe

pytestmark = pytest.mark.train


def full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_file_that_does_not_fit_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    path = tmp_path / "log.csv"
    path.write_text("before")

    def fsync(_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(DiskFull, match=r"log\.csv") as caught, replacing(path) as stream:
        stream.write(b"after")
    assert "Free some space" in caught.value.hint
    assert isinstance(caught.value, OSError)
    assert path.read_text() == "before"
    assert [p.name for p in tmp_path.iterdir()] == ["log.csv"]


def test_an_array_that_does_not_fit_is_not_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(DiskFull, match=r"a\.npy"), whole_array(tmp_path / "a.npy", np.uint8, (9,)):
        pytest.fail("nothing can be written")
    assert list(tmp_path.iterdir()) == []


def test_errors_of_other_libraries_that_speak_of_a_full_disk() -> None:
    with pytest.raises(DiskFull, match="model"), room_for(Path("model")):
        raise RuntimeError("ResourceExhausted: model.pb; No space left on device [Op:Save]")
    with pytest.raises(RuntimeError, match="else"), room_for(Path("model")):
        raise RuntimeError("something else")
    inner = DiskFull("inner")
    with pytest.raises(DiskFull) as caught, room_for(Path("outer")):
        raise inner
    assert caught.value is inner


def test_a_bundle_that_does_not_fit_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = tiny_files(tmp_path / "parts")
    before = write_bundle(tmp_path / "out" / "bundle", tiny_meta(), files)
    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(DiskFull, match="bundle"):
        write_bundle(before.path, tiny_meta(version="2"), files)
    assert open_bundle(before.path).sha256 == before.sha256
    assert [p.name for p in before.path.parent.iterdir()] == ["bundle"]


def test_an_export_that_does_not_fit(
    tiny_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(DiskFull, match=r"out\.onnx"):
        convert.export(tiny_bundle, "onnx", tmp_path / "out.onnx", None, lambda _: None)
    assert list(tmp_path.iterdir()) == []


def test_an_export_whose_own_process_finds_the_disk_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = f"Traceback ...\nOSError: [Errno 28] {os.strerror(errno.ENOSPC)}: 'model.raw.onnx'"
    done = types.SimpleNamespace(returncode=1, stderr=said, stdout="")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
    with pytest.raises(DiskFull, match=r"model\.onnx"):
        to_onnx.export_onnx(
            Recipe(), 3, tmp_path / "weights.npz", Calibration(), tmp_path / "model.onnx"
        )


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
