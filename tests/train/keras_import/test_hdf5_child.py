"""HDF5 files are read in a process of their own before they are opened in this one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

h5py = pytest.importorskip("h5py", reason="needs the [train] extra")
from pneumoscope.train.keras_import import hdf5_child


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    with h5py.File(tmp_path / "whole.h5", "w") as content:
        content.attrs["model_config"] = "{}"
        content["a/b"] = np.arange(1000.0)
    return tmp_path / "whole.h5"


def test_a_whole_file_passes(whole: Path) -> None:
    hdf5_child.check(whole)


def test_a_part_of_a_file_is_damaged(whole: Path) -> None:
    whole.write_bytes(whole.read_bytes()[:3000])
    with pytest.raises(ValueError, match="damaged: OSError"):
        hdf5_child.check(whole)


def test_a_dataset_larger_than_its_file(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "huge.h5", "w") as content:
        content.create_dataset("huge", (10**12,), chunks=(1000,))  # no chunk is written
    with pytest.raises(ValueError, match="huge is larger than the file"):
        hdf5_child.check(tmp_path / "huge.h5")


def test_reading_that_does_not_end_is_given_up(whole: Path) -> None:
    with pytest.raises(ValueError, match="does not read it within 0 s"):
        hdf5_child.check(whole, 0.0)
