"""Small films for evaluations, whose figures can be computed by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pneumoscope.bundle import Bundle, write_bundle
from tiny import tiny_files, tiny_meta

Run = Callable[..., tuple[int, dict[str, Any], str]]
QUICK = ("--no-report", "--draws", "200", "--skip", "robustness", "--skip", "shortcuts", "--skip", "anatomy",
         "--skip", "sanity")  # fmt: skip

# Means of 20 films a class: the tiny network's threshold 0.5 lies at grey 117.5, where
# exp(-4 + 8 m) (1 + 1/e) = 1 for m = grey / 255; its threshold 0.1 at grey 47.5.
DARK = [60, 70, 80, 90, 95, 99, 105, 109, 114, 111, 62, 72, 82, 92, 97, 102, 107, 112, 150, 160]
BRIGHT = [220, 210, 200, 190, 185, 180, 175, 170, 165, 162, 218, 208, 198, 188, 183, 178, 173, 168,
          110, 100]  # fmt: skip


def film(path: Path, grey: int, seed: int = 0) -> None:
    """A film of 96 x 96 pixels: grain around a mean, which is all that the tiny network sees."""
    path.parent.mkdir(parents=True, exist_ok=True)
    grain = np.random.default_rng(seed).integers(-20, 21, (96, 96))
    Image.fromarray((grey + grain - round(grain.mean())).astype(np.uint8)).save(path)


def folders(root: Path, **greys: list[int]) -> Path:
    """A folder per class with a film of every grey level."""
    for kind, levels in greys.items():
        for i, grey in enumerate(levels):
            film(root / kind / f"{kind}{i:02d}.png", grey, seed=100 * len(kind) + i)
    return root


def manifest(root: Path, header: str, *rows: str) -> Path:
    file = root / "manifest.csv"
    file.write_text("\n".join([header, *rows]) + "\n")
    return file


def scored_films(root: Path) -> Path:
    """The films above, and four that are too small to be judged: three normal ones and an ill one.

    With the limits of `tiny.scored_meta` films are NORMAL up to grey 73.3, where P is 0.2, PNEUMONIA
    from grey 144.5 on, where P is 0.7, and UNDETERMINED in between.
    """
    folders(root, NORMAL=DARK, PNEUMONIA=BRIGHT)
    for name, grey in (("NORMAL/a", 60), ("NORMAL/b", 160), ("NORMAL/c", 60), ("PNEUMONIA/d", 200)):
        Image.fromarray(np.full((72, 72), grey, np.uint8)).save(root / f"{name}.png")
    return root


def three_as_two(folder: Path, record: dict[str, Any]) -> Bundle:
    """The tiny network has three classes; this binary bundle has the first two of them."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    files = tiny_files(folder / "parts2")
    model = onnx.load(str(files["model.onnx"]))
    for node in model.graph.node:
        if node.op_type == "Concat":
            del node.input[2]
    for tensor in model.graph.initializer:
        if tensor.name in ("slopes", "offsets"):
            values = numpy_helper.to_array(tensor)[..., :2]
            tensor.CopyFrom(numpy_helper.from_array(values.copy(), tensor.name))
    del model.graph.output[:]
    model.graph.output.extend(
        [
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", 2]),
            helper.make_tensor_value_info("heatmaps", TensorProto.FLOAT, ["n", 2, 8, 8]),
            helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", 64]),
        ]
    )
    onnx.save(model, str(files["model.onnx"]))
    meta = tiny_meta(
        task="binary",
        labels=("NORMAL", "PNEUMONIA"),
        kinds=(),
        kinds_warning="",
        negative="NORMAL",
        recipe={"name": "tiny", "split": "patient", "validation": 0.25},
        data=record,
    )
    return write_bundle(folder / "binary", meta, files)


def no_constant(constant: str) -> None:
    raise AssertionError(f"{constant} in metrics.json")
