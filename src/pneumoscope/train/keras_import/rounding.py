"""How much the rounding of a processor changes the answers of a model.

TF32 is what GPUs of NVIDIA since Ampere compute convolutions in, unless a notebook turns it off.
TensorFlow calls this float32, but each factor has 10 bits of fraction in place of 23
(https://developer.nvidia.com/blog/accelerating-ai-training-with-tf32-tensor-cores/).
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

MOST: Final = 0.1
"""Largest |dp| between processors, because they round otherwise, at which answers still tell right from wrong."""
_DROPPED: Final = 23 - 10
"""Bits of a float32's fraction that TF32 does not have."""
_UNIT: Final = 2.0**-23
"""The last bit of a float32, relative to its value."""


@contextmanager
def in_tf32(model: Any) -> Iterator[None]:
    """Gives a model the weights that such a GPU multiplies with, and afterwards its own again."""
    weights = model.get_weights()
    # Only convolutions and matrix products are computed so; what a layer adds stays float32.
    model.set_weights([rounded(values) if values.ndim > 1 else values for values in weights])
    try:
        yield
    finally:
        model.set_weights(weights)


@contextmanager
def perturbed(model: Any, seed: int) -> Iterator[None]:
    """Changes each weight at random by about its last bit, and gives the model its own again afterwards.

    That changes the answers about as much as rounding may: processors differ in the order of sums. (Against
    float64, answers of networks whose logits are differences of sums of up to 1,000,000 differ by a tenth to three
    quarters of it.)
    """
    weights = model.get_weights()
    rng = np.random.default_rng(seed)
    model.set_weights(
        [
            (values * (1 + _UNIT * rng.uniform(-1, 1, values.shape))).astype(values.dtype)
            if values.dtype == np.float32
            else values
            for values in weights
        ]
    )
    try:
        yield
    finally:
        model.set_weights(weights)


def rounded(values: NDArray[Any]) -> NDArray[Any]:
    """The nearest values that TF32 has; halves are rounded away from zero. Other types stay as they are.

    Args:
        values: Any shape.
    """
    if values.dtype != np.float32:
        return values
    bits = values.view(np.uint32) + np.uint32(1 << (_DROPPED - 1))
    nearest = (bits >> _DROPPED << _DROPPED).view(np.float32)
    return np.where(np.isfinite(values), nearest, values)
