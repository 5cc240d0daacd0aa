"""From a Keras model to an ONNX file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope.files import claim, replacing
from pneumoscope.train.export.exported import OUTPUTS
from pneumoscope.train.gate import features

if TYPE_CHECKING:
    from pathlib import Path

ALSO = ("lungs", features.OUTPUT)
"""What ``model.onnx`` gives too: the lung field, if the head has one; and the input of the gate's heads,
if the network has suitable maps."""


def convert(serving: Any, target: Path) -> None:
    """Writes a Keras model as ONNX, with constants folded and BatchNorm merged.

    ONNX Runtime would otherwise do both whenever it loads the file.

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
        # ONNX Runtime reports a full disk as "Protobuf serialization failed", so the space for its
        # file and for the final one is claimed first.
        claim(slim, 2 * raw.stat().st_size)
        options = onnxruntime.SessionOptions()
        options.optimized_model_filepath = str(slim)
        # "Basic" uses standard operators only, so the file runs on any processor.
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

    ONNX has no erfc. ONNX Runtime and LiteRT recognise x/2 (1 + erf(x / sqrt(2))) as GELU.
    """
    from tf2onnx import utils
    from tf2onnx.handler import tf_op

    class Erfc:
        @classmethod
        def version_9(cls, graph: Any, node: Any, **_: Any) -> None:
            (z,), (output,) = node.input, node.output
            shape, dtype = graph.get_shape(output), graph.get_dtype(output)

            def add(kind: str, *inputs: str, **options: Any) -> str:
                added = graph.make_node(kind, inputs, shapes=[shape], dtypes=[dtype], **options)
                return str(added.output[0])

            scaled = node.inputs[0]
            negated = scaled.inputs[0] if scaled.type == "Mul" else None
            if negated is not None and negated.type == "Neg":
                minus_z = add("Mul", negated.input[0], scaled.input[1])
            else:
                minus_z = add("Neg", z)
            unit = graph.make_const(
                utils.make_name("one"), np.ones((), utils.map_onnx_to_numpy_type(dtype))
            )
            graph.remove_node(node.name)
            add("Add", add("Erf", minus_z), unit.output[0], outputs=[output])

    tf_op("Erfc")(Erfc)
