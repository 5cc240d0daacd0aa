"""Files that people give in place of a saved Keras model."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

h5py = pytest.importorskip("h5py", reason="needs the [train] extra")
from pneumoscope.train.keras_import.other_files import kind_of


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("m.h5", b"", "empty"),
        ("m.h5", b"version https://git-lfs.github.com/spec/v1\noid", "Git LFS"),
        ("m.h5", b"<!DOCTYPE html><html>", "web page"),
        ("m.h5", b"\xef\xbb\xbf\n <html>", "web page"),
        ("m.pkl", pickle.dumps({"a": 1}), "pickle"),
        ("m.h5", pickle.dumps({"a": 1}), "pickle"),
        ("old.pth", pickle.dumps({"a": 1}), "PyTorch"),
        ("m.tar.gz", b"\x1f\x8b\x08\x00", "packed"),
        ("m.tflite", b"\x1c\0\0\0TFL3", "TensorFlow Lite"),
        ("m.onnx", b"\x08\x07", "ONNX"),
        ("m.safetensors", b"\x10\0\0\0{}", "weights without a model"),
        ("frozen.pb", b"\n\x10", "graph without layers"),
    ],
)
def test_what_is_no_keras_model_is_called_what_it_is(
    name: str, content: bytes, what: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    other = kind_of(tmp_path / name)
    assert other is not None
    assert what in other.what
    assert other.hint


def zipped(file: Path, *names: str) -> Path:
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, b"")
    return file


def test_archives_are_known_by_their_contents(tmp_path: Path) -> None:
    torch = kind_of(zipped(tmp_path / "best.pt", "archive/data.pkl", "archive/data/0"))
    assert torch is not None
    assert "PyTorch" in torch.what
    packed = kind_of(zipped(tmp_path / "m.zip", "run/best.keras"))
    assert packed is not None
    assert "run/best.keras" in packed.hint
    np.savez(tmp_path / "x.npz", x=np.zeros(1))
    arrays = kind_of(tmp_path / "x.npz")
    assert arrays is not None
    assert "NumPy" in arrays.what


def test_keras_models_are_no_other_files_whatever_their_ending(tmp_path: Path) -> None:
    assert kind_of(zipped(tmp_path / "m.pt", "config.json", "model.weights.h5")) is None
    (tmp_path / "m.onnx").write_bytes(b"\x89HDF\r\n\x1a\n")
    assert kind_of(tmp_path / "m.onnx") is None


def test_a_packed_folder_is_given_as_a_folder(tmp_path: Path) -> None:
    """Its weights alone are no model."""
    names = "__MACOSX/run/._m.h5", "run/m/model.weights.h5", "run/m/config.json"
    packed = kind_of(zipped(tmp_path / "m.zip", *names))
    assert packed is not None
    assert "the folder in it (run/m)" in packed.hint
    names = "__MACOSX/._m.h5", "a.weights.h5", "m.h5"
    packed = kind_of(zipped(tmp_path / "m.zip", *names))
    assert packed is not None
    assert "the model in it (m.h5)" in packed.hint


@pytest.mark.parametrize("start", [b"<?xml", b"\x80", b"\x1f\x8b"])
def test_hdf5_behind_a_user_block_is_no_other_file(start: bytes, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "m.h5", "w", userblock_size=1024):
        pass
    with (tmp_path / "m.h5").open("r+b") as stream:
        stream.write(start)
    assert kind_of(tmp_path / "m.h5") is None
