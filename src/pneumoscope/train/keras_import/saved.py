"""The forms in which notebooks save models: where architecture and weights are, without building either."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pneumoscope.bundle import sha256_of
from pneumoscope.errors import ConversionError, UsageError
from pneumoscope.train.keras_import import hdf5_child, other_files

if TYPE_CHECKING:
    from collections.abc import Callable

KERAS, H5, SAVED_MODEL, PARTS = ".keras", ".h5", "SavedModel", "architecture and weights"
_H5 = (".h5", ".hdf5")
_WHOLE = "Save the whole model, not only its weights: model.save('model.keras')."
_DAMAGED = "Is it complete? Copy it again, or save the model again where it was made."
_WEIGHTS = (
    "Give the weights that belong to it: model.save_weights('model.weights.h5') in the notebook, then "
    "--weights model.weights.h5."
)
_GRAPH = (
    "Only a SavedModel that Keras 2 wrote has the layers. In the notebook, save the model as .keras "
    "instead: model.save('model.keras')."
)


@dataclass(frozen=True, slots=True)
class SavedModel:
    """A saved model on disk.

    Attributes:
        path: What the user named.
        form: One of `KERAS`, `H5`, `SAVED_MODEL` and `PARTS`.
        config: The architecture, as Keras wrote it.
        weights: File of the weights; for a checkpoint of TensorFlow the files without ``.index``.
        files: Everything that was read, for the SHA-256.
    """

    path: Path
    form: str
    config: Any
    weights: Path
    files: tuple[Path, ...]

    @property
    def weights_bytes(self) -> int:
        """Size of the files; weights take at least two bytes each."""
        return sum(file.stat().st_size for file in self.files)

    @property
    def is_checkpoint(self) -> bool:
        """Whether the weights are a checkpoint of TensorFlow, and not HDF5."""
        return not self.weights.is_file()


def locate(path: Path, weights: Path | None) -> SavedModel:
    """Finds architecture and weights of a saved model.

    Args:
        path: ``.keras``, ``.h5``, the folder of a SavedModel, or the architecture as ``.json``.
        weights: The weights, if they are in another file, which then count also for a whole model; None
            to look beside a ``.json``.

    Raises:
        UsageError: There is no such file, or it has another ending.
        ConversionError: It is not a Keras model, or a part is missing.
    """
    if not path.exists():
        raise UsageError(
            f"{path}: no such file",
            "Name a model saved as .keras, .h5 or SavedModel, or its .json.",
        )
    if path.is_dir():
        return _in_folder(path, weights)
    if path.suffix.lower() == ".json":
        return _parts(path, weights)
    if path.name == "saved_model.pb":
        return _in_folder(path.parent, weights)
    _refuse_other_files(path)
    form = _form_of(path)
    if form is not None and weights is not None:
        config = _reading(path, _keras_config if form == KERAS else _h5_config)
        if config is not None:
            return _with_weights(path, path, config, weights)
    if form == KERAS:
        return SavedModel(path, KERAS, _reading(path, _keras_config), path, (path,))
    if form == H5:
        return _in_h5(path)
    raise UsageError(f"{path.name}: is neither .keras nor .h5", "Name a saved Keras model.")


def _refuse_other_files(file: Path) -> None:
    if (kind := other_files.kind_of(file)) is not None:
        raise ConversionError(f"{file.name}: is {kind.what}", kind.hint)


def _form_of(path: Path) -> str | None:
    """`KERAS` or `H5` by a file's content, or by its ending if the content is damaged; None for others."""
    if other_files.is_hdf5(path):
        return H5
    with path.open("rb") as stream:
        if stream.read(4) == b"PK\3\4":
            return KERAS
    ending = path.suffix.lower()
    return KERAS if ending == KERAS else H5 if ending in _H5 else None


def _in_h5(path: Path) -> SavedModel:
    beside = [path.with_suffix(".json"), path.with_name(path.name.split(".")[0] + ".json")]
    architecture = next((file for file in beside if file.is_file()), None)
    config = _reading(path, _h5_config)
    if config is not None:
        return SavedModel(path, H5, config, path, (path,))
    if architecture is not None:
        return _parts(architecture, path)
    raise ConversionError(
        f"{path.name}: is not a saved Keras model: it has weights, but no layers",
        _WHOLE + " Or save its layers, open('model.json', 'w').write(model.to_json()), and give "
        f"model.json --weights {path.name}.",
    )


def _in_folder(folder: Path, weights: Path | None) -> SavedModel:
    if (folder / "saved_model.pb").is_file():
        metadata, variables = folder / "keras_metadata.pb", folder / "variables" / "variables"
        if metadata.is_file():
            config = _reading(metadata, _metadata_config)
        else:
            metadata = folder / "saved_model.pb"
            config = _reading(metadata, _graph_config)
        if config is None:
            raise ConversionError(f"{folder.name}: is a SavedModel without Keras' layers", _GRAPH)
        if weights is not None:
            return _with_weights(folder, metadata, config, weights)
        files = (metadata, *_checkpoint_files(variables))
        return SavedModel(folder, SAVED_MODEL, config, variables, files)
    architectures = sorted(folder.glob("*.json"))
    named = [file for file in architectures if file.name in ("config.json", "model.json")]
    if len(named or architectures) == 1:
        return _parts((named or architectures)[0], weights)
    raise ConversionError(
        f"{folder}: is neither a SavedModel nor a folder with model.json and weights", _WHOLE
    )


def _parts(architecture: Path, weights: Path | None) -> SavedModel:
    config = _reading(architecture, lambda file: _dictionary(file.read_text(encoding="utf-8")))
    if "modelTopology" in config:
        raise ConversionError(
            f"{architecture.name}: is a model of TensorFlow.js",
            f"Give the model that it was made of. {_WHOLE}",
        )
    if not isinstance(config.get("config"), dict | list):
        raise ConversionError(
            f"{architecture.name}: is not the architecture of a Keras model",
            "Give what model.to_json() returns, with the weights beside it.",
        )
    file = weights or _weights_beside(architecture)
    if file is None:
        raise UsageError(f"{architecture.name}: has layers, but no weights", _WEIGHTS)
    return _with_weights(architecture, architecture, config, file)


def _with_weights(path: Path, architecture: Path, config: Any, file: Path) -> SavedModel:
    """An architecture, which is in the file that the user named or in a part of it, and other weights."""
    is_index = file.suffix.lower() == ".index"
    if file.is_file() and not is_index:
        _refuse_other_files(file)
        form = _form_of(file)
        if form == KERAS:
            raise UsageError(f"{file.name}: is a whole model", "Give it alone, without --weights.")
        if form is None:
            raise UsageError(f"{file.name}: is neither .h5 nor a checkpoint", _WEIGHTS)
        return SavedModel(path, PARTS, config, file, (architecture, file))
    prefix = file.with_suffix("") if is_index else file
    files = (architecture, *_checkpoint_files(prefix))
    return SavedModel(path, PARTS, config, prefix, files)


def _weights_beside(architecture: Path) -> Path | None:
    """The file of weights with an architecture's name, or the only one in its folder."""
    named = architecture.with_suffix(".weights.h5")
    if named.is_file():
        return named
    endings = (*_H5, ".index")
    files = [f for f in sorted(architecture.parent.iterdir()) if f.suffix.lower() in endings]
    stem = architecture.stem
    same = [f for f in files if f.name.split(".")[0] == stem]
    chosen = files if len(files) == 1 else same
    return chosen[0] if len(chosen) == 1 else None


def _checkpoint_files(prefix: Path) -> tuple[Path, ...]:
    index = prefix.with_name(prefix.name + ".index")
    data = tuple(sorted(prefix.parent.glob(prefix.name + ".data-*")))
    if not index.is_file() or not data:
        raise UsageError(f"{prefix}: no such weights", _WEIGHTS)
    return (index, *data)


def _reading(file: Path, read: Callable[[Path], Any]) -> Any:
    """The architecture in a file; damage becomes an error in words."""
    try:
        return read(file)
    except ConversionError:
        raise
    # h5py, zipfile and protobuf raise many classes for damaged files.
    except Exception as error:
        raise ConversionError(
            f"{file.name}: is not a saved Keras model ({reason_of(error)})", _DAMAGED
        ) from error


def reason_of(error: BaseException) -> str:
    """The cause of an error in one line; Keras puts it behind "Exception encountered:"."""
    text = re.sub(r"\x1b\[\d*m", "", str(error))  # Keras writes the cause in bold
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for i, line in enumerate(lines):
        marker = "Exception encountered:"
        if marker in line:
            cause = line.split(marker, 1)[1].strip() or " ".join(lines[i + 1 : i + 2])
            lines = [cause, *lines[i + 1 :]]
            break
    while len(lines) > 1 and (
        lines[0].endswith(":") or lines[0].startswith("Exception encountered when calling")
    ):
        lines.pop(0)  # "Example error message for object ...:"
    return (lines or [type(error).__name__])[0][:300]


def _keras_config(file: Path) -> Any:
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
        if "config.json" not in names and any(n.endswith("saved_model.pb") for n in names):
            raise ConversionError(
                f"{file.name}: is a packed SavedModel", "Unpack it, and give the folder."
            )
        return _dictionary(archive.read("config.json").decode())


def _h5_config(file: Path) -> Any:
    """The architecture, or None if the file has weights only."""
    import h5py

    hdf5_child.check(file)
    with h5py.File(file, "r") as content:
        if "model_config" not in content.attrs:
            return None
        config = content.attrs["model_config"]
        return _dictionary(config if isinstance(config, str) else config.decode())


def _metadata_config(file: Path) -> Any:
    """The architecture in the metadata of a SavedModel, or None if the model is a class of code."""
    from tensorflow.python.keras.protobuf import saved_metadata_pb2

    metadata = saved_metadata_pb2.SavedMetadata.FromString(file.read_bytes())
    root = next(node for node in metadata.nodes if node.node_path == "root")
    return _layers_in(root.metadata)


def _graph_config(file: Path) -> Any:
    """The same in the graph itself, where TensorFlow 2.4 and older have it; None without layers."""
    from tensorflow.core.protobuf import saved_model_pb2

    graphs = saved_model_pb2.SavedModel.FromString(file.read_bytes()).meta_graphs
    nodes = graphs[0].object_graph_def.nodes if graphs else ()
    metadata = nodes[0].user_object.metadata if nodes else ""
    return _layers_in(metadata) if metadata else None


def _layers_in(metadata: str) -> Any:
    content = _dictionary(metadata)
    config = content.get("config")
    if not isinstance(config, dict) or "layers" not in config:
        return None
    return {"class_name": content.get("class_name", "Functional"), "config": config}


def _dictionary(text: str) -> Any:
    content = json.loads(text)
    if not isinstance(content, dict):
        raise ValueError("no architecture")
    # Never loaded; it names losses, which may be functions of the notebook.
    content.pop("compile_config", None)
    return content


def sha256_of_all(files: tuple[Path, ...]) -> str:
    """SHA-256 of a model's only file, or of the hashes of its files."""
    hashes = [sha256_of(file) for file in files]
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()
