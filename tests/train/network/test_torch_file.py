"""Tensors of PyTorch's files, which the tests write without PyTorch."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pneumoscope.train.network.torch_file import is_torch_file, read_tensors
from torch_files import write_pickles, write_zip

TENSORS = {
    "a.weight": np.arange(6, dtype=np.float32).reshape(2, 3),
    "a.bias": np.array([0.5, -1.0], np.float32),
    "seen": np.array(7, np.int64),
}


@pytest.mark.parametrize("write", [write_pickles, write_zip])
def test_both_formats(write: Any, tmp_path: Path) -> None:
    file = tmp_path / "weights.pth"
    write(file, TENSORS)
    assert is_torch_file(file)
    tensors = read_tensors(file)
    assert list(tensors) == ["a.weight", "a.bias", "seen"]
    for name, values in TENSORS.items():
        assert tensors[name].dtype == values.dtype
        assert tensors[name].tolist() == values.tolist()


@pytest.mark.parametrize("write", [write_pickles, write_zip])
def test_a_checkpoint_of_a_training_has_them_in_an_entry(write: Any, tmp_path: Path) -> None:
    write(tmp_path / "checkpoint.pth", {"state_dict": TENSORS, "epoch": 3})
    assert read_tensors(tmp_path / "checkpoint.pth")["seen"] == 7


def test_a_view_of_a_larger_storage(tmp_path: Path) -> None:
    """A transposed part: PyTorch writes the whole storage, an offset and strides."""
    whole = np.arange(12, dtype=np.float32)
    write_pickles(tmp_path / "view.pth", {"part": whole}, view=(4, (2, 3), (1, 2)))
    # Element (i, j) is value 4 + i + 2 j.
    assert read_tensors(tmp_path / "view.pth")["part"].tolist() == [[4, 6, 8], [5, 7, 9]]


@pytest.mark.parametrize(
    "view",
    [
        (8, (2, 3), (1, 2)),
        (0, (13,), (1,)),
        (-1, (2,), (1,)),
        (0, (1 << 40,), (0,)),
        (0, (2,), (-1,)),
    ],
)
def test_a_view_beyond_its_storage(view: Any, tmp_path: Path) -> None:
    write_pickles(tmp_path / "view.pth", {"part": np.arange(12, dtype=np.float32)}, view=view)
    with pytest.raises(ValueError, match="beyond its storage"):
        read_tensors(tmp_path / "view.pth")


class Harmful:
    """What a pickle can do: call any function with any argument."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> Any:
        return (Path.touch, (self.file,))


@pytest.mark.parametrize("write", [write_pickles, write_zip])
def test_nothing_in_a_file_is_run(write: Any, tmp_path: Path) -> None:
    write(tmp_path / "harmful.pth", {"a": Harmful(tmp_path / "touched")})
    assert is_torch_file(tmp_path / "harmful.pth")
    with pytest.raises(ValueError, match="is no part of a tensor"):
        read_tensors(tmp_path / "harmful.pth")
    assert not (tmp_path / "touched").exists()


@pytest.mark.parametrize("write", [write_pickles, write_zip])
def test_damaged_files_are_errors(write: Any, tmp_path: Path) -> None:
    """Cut off or changed anywhere: the tensors, or a ValueError."""
    file = tmp_path / "weights.pth"
    write(file, TENSORS)
    content, rng = file.read_bytes(), np.random.default_rng(0)
    refused = 0
    for trial in range(100):
        damaged = bytearray(content[: rng.integers(1, len(content))] if trial % 2 else content)
        damaged[rng.integers(len(damaged))] = rng.integers(256)
        file.write_bytes(damaged)
        try:
            read_tensors(file)
        except ValueError:
            refused += 1
    assert refused >= 50  # all that are cut off


def test_other_files_are_not_pytorchs(tmp_path: Path) -> None:
    for name, content in {
        "h5": b"\x89HDF\r\n\x1a\n",
        "empty": b"",
        "pickle": pickle.dumps([1]),
    }.items():
        (tmp_path / name).write_bytes(content)
        assert not is_torch_file(tmp_path / name)
    with zipfile.ZipFile(tmp_path / "zip", "w") as archive:
        archive.writestr("config.json", "{}")
    assert not is_torch_file(tmp_path / "zip")
    for name, reason in {"empty": "exhausted", "pickle": "not a file", "zip": "not a file"}.items():
        with pytest.raises(ValueError, match=reason):
            read_tensors(tmp_path / name)
