"""The blocks of EfficientNet-Lite, and how its weights are named in PyTorch.

With the published weights, maps agreed with those of efficientnet-lite-pytorch to 3e-5 of values up
to 6 when this was written, for each variant at its own size.
"""

from __future__ import annotations

import pytest

pytest.importorskip("tensorflow", reason="needs the [train] extra")

from pneumoscope.train.network.efficientnet_lite import VARIANTS, Block, blocks_of, torch_names
from train_marks import TRAINING

pytestmark = TRAINING


def test_blocks_of_the_smallest() -> None:
    blocks = list(blocks_of(*VARIANTS["EfficientNetLite0"]))
    assert [block.channels for block in blocks] == [
        16, 24, 24, 40, 40, 80, 80, 80, 112, 112, 112, 192, 192, 192, 192, 320,
    ]  # fmt: skip
    assert [block.stride for block in blocks] == [1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1]
    assert blocks[0] == Block(kernel=3, stride=1, expansion=1, channels=16)
    assert blocks[3] == Block(kernel=5, stride=2, expansion=6, channels=40)


def test_first_and_last_stage_are_not_repeated() -> None:
    """Depth 1.1 and 1.2 repeat 2, 3 and 4 blocks one time more."""
    for name in ("EfficientNetLite1", "EfficientNetLite2"):
        widths = [block.channels for block in blocks_of(*VARIANTS[name])]
        assert [widths.count(w) for w in dict.fromkeys(widths)] == [1, 3, 3, 4, 4, 5, 1]
    # Times 1.1, rounded to 8; 24 x 1.1 = 26.4 becomes 24, which is at least 90 % of it.
    assert list(dict.fromkeys(widths)) == [16, 24, 48, 88, 120, 208, 352]


def test_names_of_weights_in_pytorch() -> None:
    assert torch_names("stem") == ("_conv_stem.weight",)
    assert torch_names("block_12_depthwise") == ("_blocks.12._depthwise_conv.weight",)
    assert torch_names("block_3_project_BN") == (
        "_blocks.3._bn2.weight", "_blocks.3._bn2.bias",
        "_blocks.3._bn2.running_mean", "_blocks.3._bn2.running_var",
    )  # fmt: skip
    assert torch_names("top_BN")[0] == "_bn1.weight"
