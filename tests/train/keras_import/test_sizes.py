"""Sizes that would take all memory are refused before anything is built."""

from __future__ import annotations

from typing import Any

import pytest

from pneumoscope.train.keras_import import sizes


def model(**settings: Any) -> dict[str, Any]:
    layer = {"class_name": "Conv2D", "config": {"name": "conv", **settings}}
    return {"class_name": "Sequential", "config": {"name": "all", "layers": [layer]}}


def test_sizes_that_the_file_can_fill() -> None:
    sizes.check(model(filters=8, kernel_size=[3, 3], strides=[2, 2]), 2 * 8 * 9)
    sizes.check(
        model(units=4, batch_input_shape=[None, 25088], build={"input_shape": [None, 9**6]}), 8
    )
    sizes.check(model(units=4, batch_input_shape=[None, 224, 224, 3], use_bias=True), 8)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"filters": 8, "kernel_size": [3, 3]}, "more weights than the file"),
        ({"filters": 1e9}, "more weights than the file"),
        ({"units": -(10**12)}, "more weights than the file"),
        ({"batch_shape": [None, 10**6, 64, 1]}, "batch_shape of layer 'conv'"),
        ({"size": [10**9, 2]}, "size of layer 'conv'"),
        ({"padding": [[0, 10**8], [0, 0]]}, "padding of layer 'conv'"),
    ],
)
def test_sizes_out_of_range(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sizes.check(model(**settings), 143)
