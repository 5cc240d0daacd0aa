"""The export in its own process."""

from __future__ import annotations

import errno
import os
import subprocess
import types
import warnings
from pathlib import Path

import numpy as np
import pytest

from pneumoscope.errors import DiskFull

pytest.importorskip("tensorflow", reason="needs the [train] extra")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # TensorFlow's own imports warn
    from pneumoscope.train.export import to_onnx
    from pneumoscope.train.recipe.settings import Recipe

pytestmark = pytest.mark.train


def test_an_export_whose_own_process_finds_the_disk_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = f"Traceback ...\nOSError: [Errno 28] {os.strerror(errno.ENOSPC)}: 'model.raw.onnx'"
    done = types.SimpleNamespace(returncode=1, stderr=said, stdout="")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
    with pytest.raises(DiskFull, match=r"model\.onnx"):
        to_onnx.export_onnx(
            Recipe(), 3, tmp_path / "weights.npz", tmp_path / "model.onnx", np.zeros((1, 8, 8, 1))
        )
