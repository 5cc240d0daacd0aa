"""What people give in place of a saved Keras model, by first bytes, contents or ending."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path


class FileKind(NamedTuple):
    """A file that is no Keras model.

    Attributes:
        what: What it is, after "is".
        hint: What to do.
    """

    what: str
    hint: str


_AGAIN = "Copy or download it again."
_MADE_OF = "Give the Keras model that it was made of: model.save('model.keras') in the notebook."
_EMPTY = FileKind("empty", _AGAIN)
_TORCH = FileKind(
    "a model of PyTorch",
    "Only models of Keras can be imported: build the network in Keras, and train it or give it the "
    "same weights there.",
)
_PICKLE = FileKind(
    "a pickle, which can contain any code and is not opened",
    "Save the model by Keras: model.save('model.keras').",
)
_STARTS = {
    b"version https://git-lfs": FileKind(
        "a pointer of Git LFS in place of the file", "Fetch the file itself: git lfs pull."
    ),
    b"<": FileKind("a web page", "Download the model again, signed in if the site asks for it."),
    b"\x80": _PICKLE,
    b"\x1f\x8b": FileKind("packed", "Unpack it, and give the model that is in it."),
}
_LITE = FileKind("a model of TensorFlow Lite", _MADE_OF)
_ENDINGS = {
    ".pt": _TORCH,
    ".pth": _TORCH,
    ".safetensors": FileKind("weights without a model (safetensors)", _MADE_OF),
    ".onnx": FileKind("a model in ONNX", _MADE_OF),
    ".tflite": _LITE,
    ".pb": FileKind(
        "a graph without layers", "Give the folder of a SavedModel, or a model saved as .keras."
    ),
}
_START_BYTES = 32


def kind_of(file: Path) -> FileKind | None:
    """What a file is, if it is known not to be a Keras model.

    Args:
        file: Any file.

    Raises:
        OSError: It cannot be read.
    """
    with file.open("rb") as stream:
        start = stream.read(_START_BYTES)
    if not start:
        return _EMPTY
    if is_hdf5(file):
        return None
    if start.startswith(b"PK\3\4"):
        return _kind_of_zip(file)
    ending = file.suffix.lower()
    if start[4:8] == b"TFL3":
        return _LITE
    if ending in _ENDINGS:
        return _ENDINGS[ending]
    start = start.lstrip(b"\xef\xbb\xbf \t\r\n")  # of a web page
    return next((kind for begin, kind in _STARTS.items() if start.startswith(begin)), None)


def is_hdf5(file: Path) -> bool:
    """Whether a file is HDF5, which may begin with other bytes, its user block."""
    import h5py

    return bool(h5py.is_hdf5(file))


def _kind_of_zip(file: Path) -> FileKind | None:
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile:
        return None
    if "config.json" in names or any(name.endswith("saved_model.pb") for name in names):
        return None
    if any(name.endswith("/data.pkl") for name in names):
        return _TORCH
    if names and all(name.endswith(".npy") for name in names):
        return FileKind("a file of NumPy arrays, not a model", _MADE_OF)
    folder = next((name for name in names if name.endswith("/config.json")), None)
    if folder is not None:
        folder = folder.rpartition("/")[0]
        return FileKind("packed", f"Unpack it, and give the folder in it ({folder}).")
    files = [name for name in names if not name.startswith("__MACOSX/")]
    models = [name for name in files if name.endswith((".keras", ".h5", ".hdf5"))]
    if models:
        # Weights alone are no model.
        model = min(models, key=lambda name: name.endswith(".weights.h5"))
        return FileKind("packed", f"Unpack it, and give the model in it ({model}).")
    return None
