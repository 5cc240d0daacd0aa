"""Networks of ``keras.applications`` with fewer blocks.

Their stages repeat the same block, and building, training and exporting a network takes a time in
proportion to its layers. Each kind of block stays, and a block that adds its input; so do the names.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from typing import Any
from unittest import mock

MOBILE_NET_V2 = frozenset({2, 5, 7, 8, 9, 11, 14, 15})
"""Numbers of the blocks that are left out; 4 and 12 add their inputs; the gate sees the maps of 12, as in the whole network."""
MOBILE_NET_V3 = {"small": frozenset({5, 7, 9, 10}), "large": frozenset({5, 8, 9, 11, 13, 14})}
"""2 and 4 add their inputs, without and with squeeze and excitation."""


@contextlib.contextmanager
def few_blocks() -> Iterator[None]:
    """Builds the networks with few blocks until the context ends."""
    import keras

    stock = keras.src.applications
    with contextlib.ExitStack() as stack:

        def put(target: Any, name: str, value: Any) -> None:
            stack.enter_context(mock.patch.object(target, name, value))

        put(stock.mobilenet_v2, "_inverted_res_block", _without(stock.mobilenet_v2, MOBILE_NET_V2))
        for size, left_out in MOBILE_NET_V3.items():
            name = f"MobileNetV3{size.title()}"
            make = getattr(stock.mobilenet_v3, name)
            block = _without(stock.mobilenet_v3, left_out)
            put(keras.applications, name, _with_block(stock.mobilenet_v3, make, block))
        # In place of 6, 12, 24, 16.
        put(
            keras.applications,
            "DenseNet121",
            functools.partial(stock.densenet.DenseNet, [2, 2, 2, 2]),
        )
        # In place of 3, 4, 6, 3.
        stack_of = stock.resnet.stack_residual_blocks_v1
        put(
            stock.resnet,
            "stack_residual_blocks_v1",
            lambda x, filters, blocks, **more: stack_of(x, filters, min(blocks, 2), **more),
        )
        changes: list[tuple[Any, dict[str, Any]]] = [
            # In place of 3, 3, 9, 3 blocks of 96, 192, 384, 768 channels: 28 million weights.
            (
                stock.convnext.MODEL_CONFIGS["tiny"],
                {"depths": [1, 1, 1, 1], "projection_dims": [24, 48, 96, 192]},
            )
        ]
        # In place of 1, 2, 2, 3, 5, 8 or more; the second block of a stage is the first that adds its input.
        for number in range(4):
            stages = stock.efficientnet_v2.DEFAULT_BLOCKS_ARGS[f"efficientnetv2-b{number}"]
            counts = zip(stages, (1, 2, 1, 2, 1, 1), strict=True)
            changes += [(stage, {"num_repeat": count}) for stage, count in counts]
        # In place of 1, 2, 2, 3, 3, 4, 1.
        counts = zip(stock.efficientnet.DEFAULT_BLOCKS_ARGS, (1, 2, 1, 1, 1, 1, 1), strict=True)
        changes += [(stage, {"repeats": count}) for stage, count in counts]
        for settings, changed in changes:
            stack.enter_context(mock.patch.dict(settings, changed))
        yield


def _without(module: Any, left_out: frozenset[int]) -> Any:
    """The function for a block of MobileNet, which leaves out some; all of these add their inputs."""
    block = module._inverted_res_block

    def made(inputs: Any, *values: Any, **settings: Any) -> Any:
        number = settings["block_id"] if "block_id" in settings else values[-1]
        return inputs if number in left_out else block(inputs, *values, **settings)

    return made


def _with_block(module: Any, make: Any, block: Any) -> Any:
    """A function that makes a network, with another function for its blocks."""

    def made(**settings: Any) -> Any:
        with mock.patch.object(module, "_inverted_res_block", block):
            return make(**settings)

    return made
