"""From a trained Keras network to ``model.onnx``, with the parity that proves it the same.

tf2onnx needs Keras on TensorFlow, whatever backend trained the network, so the export runs as its
own process: ``python -m pneumoscope.train.export.to_onnx JOB.json``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope.decision.calibration import Calibration
from pneumoscope.errors import DiskFull, TrainingError
from pneumoscope.files import claim, replacing, room_for, tells_of_full_disk
from pneumoscope.installation import install_command
from pneumoscope.train.gate import features

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pneumoscope.train.recipe.settings import Recipe

OUTPUTS = ("probabilities", "heatmaps", "embedding")
ALSO = (features.OUTPUT,)
"""What ``model.onnx`` gives beyond the outputs of the Keras network, where it has maps."""
MAX_DP = 1e-4
MAX_HEATMAP_ERROR = 1e-3
MAX_EMBEDDING_ERROR = 1e-3


def export_onnx(
    recipe: Recipe,
    classes: int,
    weights: Path,
    calibration: Calibration,
    target: Path,
    films: NDArray[np.uint8] | None = None,
) -> dict[str, float]:
    """Writes ``model.onnx`` and, given films, measures its parity with Keras.

    Args:
        recipe: Of the trained network.
        classes: How many it tells apart.
        weights: What ``checkpoint.save`` wrote.
        calibration: What makes the logits honest probabilities.
        target: The file to write.
        films: uint8 (n, size, size, 1) for the parity, or None.

    Returns:
        See `parity`.

    Raises:
        DiskFull: It does not fit, or its inputs do not fit into the folder for temporary files.
        TrainingError: The export failed, or parity is worse than `MAX_DP`, `MAX_HEATMAP_ERROR` or
            `MAX_EMBEDDING_ERROR`.
    """
    from pneumoscope.train.recipe.reading import resolved

    with room_for(Path(tempfile.gettempdir())), tempfile.TemporaryDirectory() as folder:
        job, inputs = Path(folder, "job.json"), Path(folder, "films.npy")
        if films is not None:
            np.save(inputs, films)
        content = {
            "recipe": resolved(recipe),
            "classes": classes,
            "weights": str(weights.resolve()),
            "calibration": asdict(calibration),
            "films": str(inputs) if films is not None else None,
            "target": str(target.resolve()),
        }
        job.write_text(json.dumps(content), encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "pneumoscope.train.export.to_onnx", str(job)],
            env=os.environ | {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode and tells_of_full_disk(done.stderr):
        raise DiskFull(str(target))
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise TrainingError(
            f"the export to ONNX failed: {last}",
            f"Is tensorflow-cpu installed? {install_command('train')}",
        )
    found: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    limits = {
        "max_dp": MAX_DP,
        "max_heatmap_error": MAX_HEATMAP_ERROR,
        "max_embedding_error": MAX_EMBEDDING_ERROR,
    }
    if not all(found[name] <= limit for name, limit in limits.items()):
        raise TrainingError(f"ONNX and Keras differ: {found}", "Please report this as a bug.")
    return found


def convert(serving: Any, target: Path) -> None:
    """Keras to ONNX, constants folded and BatchNorm merged once here instead of at every start.

    Args:
        serving: A called ``keras.Model`` whose outputs are a dictionary by `OUTPUTS`.
        target: The file to write.
    """
    import onnx
    import onnxruntime

    _teach_erfc()
    raw = target.with_suffix(".raw.onnx")
    slim = target.with_suffix(".slim.onnx")
    try:
        serving.export(str(raw), format="onnx", verbose=False)
        # Of a full disk ONNX Runtime says "Protobuf serialization failed": room for its file and
        # for the last one.
        claim(slim, 2 * raw.stat().st_size)
        options = onnxruntime.SessionOptions()
        options.optimized_model_filepath = str(slim)
        # "Basic" keeps to standard operators, so the file runs on any processor.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.log_severity_level = 3
        onnxruntime.InferenceSession(str(raw), options, providers=["CPUExecutionProvider"])
        model = onnx.load(str(slim))
        features.add(model)
        by_name = {output.name: output for output in model.graph.output}
        del model.graph.output[:]
        model.graph.output.extend(by_name[name] for name in (*OUTPUTS, *ALSO) if name in by_name)
        for value in (*model.graph.input, *model.graph.output):
            value.type.tensor_type.shape.dim[0].dim_param = "n"
        onnx.checker.check_model(model)
        with replacing(target) as stream:
            onnx.save(model, stream)
    finally:
        raw.unlink(missing_ok=True)
        slim.unlink(missing_ok=True)


def _teach_erfc() -> None:
    """Lets tf2onnx export the exact GELU, which TensorFlow computes as x/2 erfc(-x / sqrt(2)).

    ONNX has no erfc. As x/2 (1 + erf(x / sqrt(2))) ONNX Runtime and LiteRT know it as GELU.
    """
    from tf2onnx import utils
    from tf2onnx.handler import tf_op

    class Erfc:
        @classmethod
        def version_9(cls, graph: Any, node: Any, **_: Any) -> None:
            (z,), (output,) = node.input, node.output
            shape, dtype = graph.get_shape(output), graph.get_dtype(output)

            def add(kind: str, *inputs: str, **more: Any) -> str:
                made = graph.make_node(kind, inputs, shapes=[shape], dtypes=[dtype], **more)
                return str(made.output[0])

            scaled = node.inputs[0]
            negated = scaled.inputs[0] if scaled.type == "Mul" else None
            if negated is not None and negated.type == "Neg":
                minus_z = add("Mul", negated.input[0], scaled.input[1])
            else:
                minus_z = add("Neg", z)
            one = graph.make_const(
                utils.make_name("one"), np.ones((), utils.map_onnx_to_numpy_type(dtype))
            )
            graph.remove_node(node.name)
            add("Add", add("Erf", minus_z), one.output[0], outputs=[output])

    tf_op("Erfc")(Erfc)


def parity(model: Any, serving: Any, onnx_file: Path, films: NDArray[np.uint8]) -> dict[str, float]:
    """What ONNX makes of films, against Keras on TensorFlow.

    Args:
        model: The trained network, see `network.build`.
        serving: What `network.serving_model` made of it.
        onnx_file: What `convert` made of that.
        films: uint8 (n, size, size, 1).

    Returns:
        ``films``, their number; ``max_dp`` between Keras and ONNX; ``max_heatmap_error``, relative
        to each film's peak, between the closed form in ONNX and Grad-CAM by automatic
        differentiation; ``max_embedding_error``, relative to each film's largest magnitude.
    """
    import keras
    import onnxruntime

    from pneumoscope.train.network import gradcam, keras_model

    features_of = keras.Model(model.input, model.get_layer(keras_model.FEATURES).output)
    session = onnxruntime.InferenceSession(str(onnx_file), providers=["CPUExecutionProvider"])
    worst = np.zeros(3)
    for i in range(0, len(films), 32):
        part = films[i : i + 32]
        probabilities, heatmaps, embedding = session.run(OUTPUTS, {"films": part})
        expected = serving(part)
        reference = gradcam.autodiff_grad_cam(features_of(part), keras_model.layers_of_head(model))
        errors = (
            float(np.abs(expected["probabilities"] - probabilities).max()),
            _relative(heatmaps, reference, (1, 2, 3)),
            _relative(embedding, np.asarray(expected["embedding"]), (1,)),
        )
        worst = np.maximum(worst, errors)
    names = ("max_dp", "max_heatmap_error", "max_embedding_error")
    return {"films": len(films), **dict(zip(names, worst.tolist(), strict=True))}


def _relative(
    found: NDArray[np.float32], expected: NDArray[np.float32], axes: tuple[int, ...]
) -> float:
    """Largest error, relative to each film's largest magnitude."""
    peak = np.abs(expected).max(axis=axes, keepdims=True)
    return float((np.abs(expected - found) / np.maximum(peak, 1e-12)).max())


def main(job_file: str) -> None:
    """Runs one export job; prints its parity as the last line."""
    from pneumoscope.train.fit import checkpoint
    from pneumoscope.train.network import keras_model
    from pneumoscope.train.recipe import reading

    job = json.loads(Path(job_file).read_text(encoding="utf-8"))
    resolved = reading.from_json(job["recipe"])
    model = keras_model.build(resolved, job["classes"], None)
    checkpoint.restore(model, Path(job["weights"]))
    serving = keras_model.serving_model(model, Calibration(**job["calibration"]), resolved.task)
    size = resolved.size
    serving(np.zeros((1, size, size, 1), np.uint8))  # Keras exports called models only
    target = Path(job["target"])
    convert(serving, target)
    films = np.load(job["films"]) if job["films"] else np.zeros((0, size, size, 1), np.uint8)
    sys.stdout.write("\n" + json.dumps(parity(model, serving, target, films)) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
