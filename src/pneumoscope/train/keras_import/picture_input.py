"""What an imported model takes: one square picture with one or three channels."""

from __future__ import annotations

from typing import Any

import keras

from pneumoscope.errors import ConversionError, UsageError
from pneumoscope.train.keras_import.serving import scalings_of


def side_and_channels(
    model: Any, size: int | None, channels: int | None, scaling: str
) -> tuple[int, int]:
    """Side in pixels and channels of the model's input.

    Args:
        model: The loaded model.
        size: The side, where the model leaves it open.
        channels: The channels, where the model leaves them open.
        scaling: One of `serving.SCALINGS`.

    Raises:
        ConversionError: The model does not take one picture.
        UsageError: Side, channels or scaling do not fit the model, or are needed and missing.
    """
    inputs = getattr(model, "inputs", None) or ()
    if not isinstance(model, keras.Model) or len(inputs) != 1:
        names = ", ".join(tensor.name for tensor in inputs)
        raise ConversionError(
            f"the model has {len(inputs)} inputs ({names})".replace(" ()", ""),
            "Only a model that takes one picture, and nothing else, can be imported.",
        )
    shape = tuple(model.inputs[0].shape)
    if len(shape) != 4:
        raise ConversionError(
            f"the model's input is {shape}, not pictures",
            "It has to be rows x columns x channels; a Reshape or Flatten may follow.",
        )
    _, rows, columns, model_channels = shape
    if rows in (1, 3) and columns == model_channels:
        raise ConversionError(
            f"the model's input is {shape}: its channels come first",
            "Build it with data_format 'channels_last', give it the same weights and save it again.",
        )
    if None not in (rows, columns) and rows != columns:
        raise ConversionError(
            f"the model takes {rows} x {columns} pixels, which are not square",
            "Films are resized to squares: train the model with as many rows as columns.",
        )
    size = size or rows or columns
    if size is None:
        raise UsageError("the model takes pictures of any size", "Say which with --size.")
    if any(side not in (None, size) for side in (rows, columns)):
        raise UsageError(
            f"the model takes {rows or columns} x {columns or rows} pixels, not {size} x {size}",
            "Leave --size out: the file knows.",
        )
    return int(size), _channels(model_channels, channels, scaling)


def _channels(model_channels: int | None, channels: int | None, scaling: str) -> int:
    channels = channels or model_channels
    if channels not in (1, 3):
        raise UsageError(
            f"the model's input has {model_channels or 'any number of'} channels",
            "Say --channels 1 or 3."
            if model_channels is None
            else "Grey (1) or RGB (3) is possible.",
        )
    if model_channels not in (None, channels):
        raise UsageError(
            f"the model takes {model_channels} channels, not {channels}", "Leave it out."
        )
    if scaling not in scalings_of(channels):
        raise UsageError(f"scaling {scaling} needs 3 channels", "Choose another --scaling.")
    return int(channels)
