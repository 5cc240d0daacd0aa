"""Several devices that share every batch: data parallelism by ``keras.distribution``.

Every device has the whole network and computes a part of each batch; the gradients are summed. Keras
supports this on JAX only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from pneumoscope.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

ALL = "all"


def use(wanted: str, batch_size: int, note: Callable[[str], None]) -> int:
    """Makes networks that are built from now on train on several devices.

    Args:
        wanted: Number of devices, or ``"all"``.
        batch_size: Films per step.
        note: Called with a line that names the devices in use, or says that some are idle.

    Returns:
        How many devices share a batch.

    Raises:
        UsageError: ``wanted`` is not a number, the backend trains on one device only, there are
            fewer devices, or a batch cannot be shared evenly.
    """
    if wanted != ALL and not (wanted.isdecimal() and int(wanted)):
        raise UsageError(
            f"devices {wanted!r}: is not a number of devices", f"Give 1, 2, ... or {ALL!r}."
        )
    devices = keras.distribution.list_devices() if keras.backend.backend() == "jax" else []
    if wanted == "1":
        if len(devices) > 1:
            note(f"one of {len(devices)} devices is in use; --devices {ALL} takes them all")
        return 1
    if not devices:
        raise UsageError(
            f"Keras on {keras.backend.backend()} trains on one device only",
            "Add --backend jax, or leave --devices out.",
        )
    count = len(devices) if wanted == ALL else int(wanted)
    if count > len(devices):
        raise UsageError(
            f"{count} devices are wanted, JAX finds {len(devices)} ({', '.join(devices)})",
            "Install the JAX build for your accelerators, or name fewer devices.",
        )
    if batch_size % count:
        raise UsageError(
            f"{count} devices cannot share a batch of {batch_size} films evenly",
            f"Set batch_size in the recipe to a multiple of {count}, or name fewer devices.",
        )
    if count > 1:
        shared = keras.distribution.DataParallel(devices=devices[:count])
        keras.distribution.set_distribution(shared)
        note(f"each batch is shared among {', '.join(devices[:count])}")
    return count


def count() -> int:
    """How many devices share a batch."""
    distribution = keras.distribution.distribution()
    return 1 if distribution is None else int(distribution.device_mesh.devices.size)


def predict(model: Any, films: NDArray[np.uint8]) -> NDArray[Any]:
    """A model's outputs for films (n, ...); the devices share the films as in training."""
    distribution = keras.distribution.distribution()
    if distribution is None:
        return np.asarray(keras.ops.convert_to_numpy(model.predict_on_batch(films)))
    lacking = -len(films) % count()
    even = np.concatenate([films, films[:1].repeat(lacking, axis=0)])
    layout = distribution.get_data_layout(even.shape)
    outputs = model.predict_on_batch(keras.distribution.distribute_tensor(even, layout))
    return np.asarray(keras.ops.convert_to_numpy(outputs))[: len(films)]
