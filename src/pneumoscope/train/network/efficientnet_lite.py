"""EfficientNet-Lite, which ``keras.applications`` does not have, made of its layers.

EfficientNet (Tan and Le 2019) for phones: without squeeze-and-excitation, with ReLU6 in place of
swish, and with a first and a last stage that have the same size in every variant. Blocks, widths and
depths are those of the publishers' ``efficientnet_lite_builder``.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras

if TYPE_CHECKING:
    from collections.abc import Iterator

VARIANTS = {
    "EfficientNetLite0": (1.0, 1.0),
    "EfficientNetLite1": (1.0, 1.1),
    "EfficientNetLite2": (1.1, 1.2),
}
"""Name to the factors of width and depth."""

# Repeats, kernel, stride, expansion, channels of each stage, at width and depth 1.
_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
_STEM, _TOP = 32, 1280
_DIVISOR = 8
_EPSILON = 1e-3  # of BatchNorm
_DROPPED = 0.2
"""Share of the residual branches that the last block drops in training; earlier ones drop fewer."""


@dataclass(frozen=True, slots=True)
class Block:
    """An inverted residual block.

    Attributes:
        kernel: Side of the depthwise kernel.
        stride: Its stride.
        expansion: Factor of channels inside the block; 1 for no expansion.
        channels: Of the output.
    """

    kernel: int
    stride: int
    expansion: int
    channels: int


def blocks_of(width: float, depth: float) -> Iterator[Block]:
    """The blocks of a variant, from the stem to the top."""
    for i, (repeats, kernel, stride, expansion, channels) in enumerate(_STAGES):
        fixed = i in (0, len(_STAGES) - 1)
        for k in range(repeats if fixed else math.ceil(repeats * depth)):
            yield Block(kernel, 1 if k else stride, expansion, _rounded(channels * width))


def _rounded(channels: float) -> int:
    """The nearest multiple of 8, but never more than 10 % below."""
    nearest = max(_DIVISOR, int(channels + _DIVISOR / 2) // _DIVISOR * _DIVISOR)
    return nearest if nearest >= 0.9 * channels else nearest + _DIVISOR


def build(name: str, shape: tuple[int, int, int]) -> Any:
    """A variant without its top, with random weights.

    Args:
        name: One of `VARIANTS`.
        shape: Rows, columns and channels of its input.

    Returns:
        A ``keras.Model`` from float32 (n, *shape) to feature maps (n, h, w, 1280) of stride 32.
    """
    layers = keras.layers
    films = keras.Input(shape)

    def normalised(x: Any, conv: str, *, active: bool = True) -> Any:
        norm = layers.BatchNormalization(epsilon=_EPSILON, name=f"{conv}_BN")
        return layers.ReLU(6.0, name=f"{conv}_relu")(norm(x)) if active else norm(x)

    def pointwise(x: Any, channels: int, conv: str, *, active: bool = True) -> Any:
        x = layers.Conv2D(channels, 1, padding="same", use_bias=False, name=conv)(x)
        return normalised(x, conv, active=active)

    stem = layers.Conv2D(_STEM, 3, strides=2, padding="same", use_bias=False, name="stem")
    x = normalised(stem(films), "stem")
    blocks = list(blocks_of(*VARIANTS[name]))
    for i, block in enumerate(blocks):
        entry, inside = x, x.shape[-1] * block.expansion
        if block.expansion != 1:
            x = pointwise(x, inside, f"block_{i}_expand")
        depthwise = layers.DepthwiseConv2D(
            block.kernel,
            strides=block.stride,
            padding="same",
            use_bias=False,
            name=f"block_{i}_depthwise",
        )
        x = normalised(depthwise(x), f"block_{i}_depthwise")
        x = pointwise(x, block.channels, f"block_{i}_project", active=False)
        if block.stride == 1 and entry.shape[-1] == block.channels:
            rate = _DROPPED * i / len(blocks)
            x = layers.Dropout(rate, noise_shape=(None, 1, 1, 1), name=f"block_{i}_drop")(x)
            x = layers.Add(name=f"block_{i}_add")([x, entry])
    return keras.Model(films, pointwise(x, _TOP, "top"), name=name)


# What efficientnet-lite-pytorch calls the convolution and the BatchNorm of each of our layers.
_TORCH = {
    "stem": ("_conv_stem", "_bn0"),
    "expand": ("_expand_conv", "_bn0"),
    "depthwise": ("_depthwise_conv", "_bn1"),
    "project": ("_project_conv", "_bn2"),
    "top": ("_conv_head", "_bn1"),
}
_NAME = re.compile(r"(?:block_(?P<block>\d+)_)?(?P<part>[a-z]+)(?P<norm>_BN)?")


def torch_names(layer: str) -> tuple[str, ...]:
    """Names of a layer's weights in the PyTorch package, in the order of Keras."""
    match = _NAME.fullmatch(layer)
    assert match is not None  # noqa: S101 - only called for layers of `build`
    conv, norm = _TORCH[match["part"]]
    block = "" if match["block"] is None else f"_blocks.{match['block']}."
    if match["norm"] is None:
        return (f"{block}{conv}.weight",)
    kinds = ("weight", "bias", "running_mean", "running_var")
    return tuple(f"{block}{norm}.{kind}" for kind in kinds)
