"""Reads a saved Keras model without running any code from its file."""

from __future__ import annotations

import json
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras

from pneumoscope.errors import ConversionError, UsageError
from pneumoscope.train.keras_import import keras2

if TYPE_CHECKING:
    from collections.abc import Iterator


def load(file: Path) -> Any:
    """The model in a ``.keras`` or ``.h5`` file.

    Raises:
        UsageError: There is no such file, or it has another ending.
        ConversionError: It is not a Keras model, or contains code.
    """
    if not file.is_file():
        raise UsageError(f"{file}: no such file", "Name a model saved as .keras or .h5.")
    config = _config(file)
    _refuse_code(file, config)
    try:
        with tempfile.TemporaryDirectory() as folder:
            readable = keras2.rewritten(file, config, Path(folder, f"model{file.suffix}"))
            return keras.saving.load_model(readable, compile=False, safe_mode=True)
    except Exception as error:  # Keras passes on whatever its layers raise
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
        raise ConversionError(
            f"{file.name}: Keras {keras.__version__} cannot read it ({reason})",
            "Load it in the notebook that made it and save it again as .keras.",
        ) from error


def _config(file: Path) -> Any:
    """The model's architecture as the file holds it, before Keras builds anything from it."""
    no_model = ConversionError(
        f"{file.name}: is not a saved Keras model",
        "Save the whole model, not only its weights: model.save('model.keras').",
    )
    try:
        if file.suffix == ".keras":
            with zipfile.ZipFile(file) as archive:
                config = json.loads(archive.read("config.json"))
                # Never loaded; Keras 2 lists losses in it as functions.
                config.pop("compile_config", None)
                return config
        if file.suffix in (".h5", ".hdf5"):
            import h5py

            with h5py.File(file, "r") as content:
                config = content.attrs["model_config"]
                return json.loads(config if isinstance(config, str) else config.decode())
    except (OSError, KeyError, ValueError, AttributeError, zipfile.BadZipFile) as error:
        raise no_model from error
    raise UsageError(f"{file.name}: is neither .keras nor .h5", "Name a saved Keras model.")


# Layers that run code or graphs from the file.
_CODE = frozenset({"Lambda", "__lambda__", "function", "TFOpLambda", "SlicingOpLambda"}) | {
    "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer",
}  # fmt: skip


def _refuse_code(file: Path, config: Any) -> None:
    """Accepts layers of Keras itself only: opening a file must not run code from it."""
    for entry in _entries(config):
        kind, module = entry.get("class_name"), entry.get("module")
        foreign = isinstance(module, str) and module.split(".")[0] != "keras"
        # Names that Keras 2 gave its modules.
        foreign = foreign and not str(module).startswith(("tf_keras.", "tensorflow.python.keras."))
        if kind in _CODE or foreign:
            config_or_name = entry.get("name") or (entry.get("config") or {})
            name = (
                config_or_name.get("name", "")
                if isinstance(config_or_name, dict)
                else config_or_name
            )
            raise ConversionError(
                f"{file.name}: contains code ({kind} {name!r})".replace(" ''", ""),
                "Lambda layers and custom classes are not run. Rebuild the model without them "
                "(--scaling can do the preprocessing) and save it again.",
            )


def _entries(config: Any) -> Iterator[dict[str, Any]]:
    if isinstance(config, dict):
        if isinstance(config.get("class_name"), str):
            yield config
        for value in config.values():
            yield from _entries(value)
    elif isinstance(config, list):
        for value in config:
            yield from _entries(value)
