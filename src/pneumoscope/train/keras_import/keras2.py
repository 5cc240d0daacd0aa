"""Makes models saved by Keras 2, which most notebooks before 2024 used, readable for Keras 3.

Keras 3 reads the weights of such files but not all of their configuration: BatchNormalization's axis
as a list, DepthwiseConv2D's argument ``groups``, single inputs and outputs as lists, and modules that
have another name now.
"""

from __future__ import annotations

import json
import shutil
import zipfile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

# Where Keras 2 kept a class, by the beginning of its module's name.
_OLD_MODULES = ("tf_keras.", "tensorflow.python.keras.", "keras.src.engine.", "keras.engine.")
_NEW_MODULES = {
    "Functional": "keras.src.models.functional",
    "Model": "keras.src.models.functional",
    "Sequential": "keras",
}


def for_keras3(config: Any) -> Any:
    """The same architecture in terms of Keras 3.

    Args:
        config: Configuration of a model, from its file; not changed.
    """
    if isinstance(config, list):
        return [for_keras3(part) for part in config]
    if not isinstance(config, dict):
        return config
    translated = {key: for_keras3(value) for key, value in config.items()}
    kind, settings = translated.get("class_name"), translated.get("config")
    if isinstance(settings, dict):
        if kind == "DepthwiseConv2D":
            settings.pop("groups", None)
        axis = settings.get("axis")
        if kind == "BatchNormalization" and isinstance(axis, list) and len(axis) == 1:
            settings["axis"] = axis[0]
        for key in ("input_layers", "output_layers"):
            ends = settings.get(key)
            # One tensor in a list stays a list in Keras 3, which the next layer then refuses.
            if isinstance(ends, list) and len(ends) == 1 and isinstance(ends[0], list):
                settings[key] = ends[0]
    module = translated.get("module")
    if isinstance(module, str) and module.startswith(_OLD_MODULES):
        translated["module"] = _NEW_MODULES.get(str(kind), "keras.layers")
        if kind == "Model":
            translated["class_name"] = "Functional"
        translated["registered_name"] = None
    return translated


def rewritten(file: Path, config: Any, copy: Path) -> Path:
    """A file that Keras 3 can read: the given one, or a copy with its configuration translated.

    Args:
        file: ``.keras`` or ``.h5``.
        config: Its configuration.
        copy: Where to write the copy, if one is needed; it must have the ending of the file.
    """
    translated = for_keras3(config)
    if translated == config:
        return file
    text = json.dumps(translated)
    if file.suffix == ".keras":
        with zipfile.ZipFile(file) as old, zipfile.ZipFile(copy, "w") as new:
            for name in old.namelist():
                new.writestr(name, text if name == "config.json" else old.read(name))
        return copy
    import h5py

    shutil.copyfile(file, copy)
    with h5py.File(copy, "r+") as content:
        content.attrs["model_config"] = text
    return copy
