"""Sizes in a configuration that no weights of the file could fill: they would take all memory."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGEST_SIDE = 4096
"""Pixels along a side of the model's input."""
LARGEST = 2**22
"""Any other size, such as a shape to flatten to."""
_OF_WEIGHTS = ("filters", "units", "kernel_size", "depth_multiplier")
_OF_PICTURES = ("batch_shape", "batch_input_shape")
_OTHERS = (
    "pool_size", "strides", "dilation_rate", "padding", "size", "target_shape", "output_padding",
    "cropping", "height", "width", "key_dim", "value_dim", "num_heads", "input_dim", "output_dim",
)  # fmt: skip


def check(config: Any, weights_bytes: int) -> None:
    """Refuses a configuration before anything of its size is built.

    Args:
        config: The configuration of a model.
        weights_bytes: Size of its files. A layer has at least one weight of two bytes for each of its
            outputs and each cell of its kernel.

    Raises:
        ValueError: A size is out of range; the message names it.
    """
    most = weights_bytes // 2
    for name, settings in _layers(config, ""):
        weights = math.prod(number for key in _OF_WEIGHTS for number in _numbers(settings.get(key)))
        if weights > most:
            raise ValueError(f"layer {name!r} has more weights than the file")
        for keys, limit in ((_OF_PICTURES, LARGEST_SIDE), (_OTHERS, LARGEST)):
            for key in keys:
                numbers = _numbers(settings.get(key))
                # A nested head takes vectors, which may be long.
                most_of_key = LARGEST if len(numbers) < 2 else limit
                if any(number > most_of_key for number in numbers):
                    raise ValueError(f"{key} of layer {name!r} is {settings[key]}")


def _layers(config: Any, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every dictionary in a configuration, with the name of its layer."""
    if isinstance(config, dict):
        name = str(config.get("name", name))
        yield name, config
        for value in config.values():
            yield from _layers(value, name)
    elif isinstance(config, list):
        for value in config:
            yield from _layers(value, name)


def _numbers(value: Any) -> list[float]:
    """The numbers in a setting, without signs."""
    if isinstance(value, list):
        return [number for part in value for number in _numbers(part)]
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return [abs(value)] if is_number and value else []
