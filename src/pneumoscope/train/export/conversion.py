"""From a Keras model to an ONNX file, and a calibration into the file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope.files import claim, replacing
from pneumoscope.train.export.exported import OUTPUTS
from pneumoscope.train.export.simplify import simplify
from pneumoscope.train.gate import features
from pneumoscope.train.network.calibration_values import PREFIX, values_of

if TYPE_CHECKING:
    from pathlib import Path

    from pneumoscope.decision.calibration import Calibration

ALSO = ("lungs", features.OUTPUT)
"""What ``model.onnx`` gives too: the lung field, if the head has one; and the input of the gate's heads,
if the network has suitable maps."""
_CATCH_ERRORS = "TF2ONNX_CATCH_ERRORS"


def convert(serving: Any, target: Path) -> None:
    """Writes a Keras model as ONNX, with constants folded, BatchNorm merged and the input simplified.

    ONNX Runtime would otherwise do both whenever it loads the file.

    Args:
        serving: A ``keras.Model`` whose outputs are a dictionary by `OUTPUTS`.
        target: The file to write.
    """
    import onnx
    import onnxruntime

    _teach_erfc()
    _teach_expm1()
    _let_numbers_be_added()
    raw = target.with_suffix(".raw.onnx")
    slim = target.with_suffix(".slim.onnx")
    try:
        _write_raw(serving, raw)
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
        simplify(model)
        features.add(model)
        by_name = {output.name: output for output in model.graph.output}
        del model.graph.output[:]
        model.graph.output.extend(by_name[name] for name in (*OUTPUTS, *ALSO) if name in by_name)
        films = [value for value in model.graph.input if not value.name.startswith(PREFIX)]
        for value in (*films, *model.graph.output):
            value.type.tensor_type.shape.dim[0].dim_param = "n"
        onnx.checker.check_model(model)
        with replacing(target) as stream:
            onnx.save(model, stream)
    finally:
        raw.unlink(missing_ok=True)
        slim.unlink(missing_ok=True)


def calibrate(network: Path, calibration: Calibration, target: Path) -> None:
    """Writes a network with the values of a calibration in it.

    Args:
        network: What `convert` wrote of a serving model that leaves these values open.
        calibration: The calibration.
        target: The file to write.
    """
    import onnx
    from onnx import numpy_helper

    model = onnx.load(str(network))
    inputs = {value.name: value for value in model.graph.input}
    outputs = {value.name: value for value in model.graph.output}
    columns = outputs["probabilities"].type.tensor_type.shape.dim[1].dim_value
    for field, values in values_of(calibration, columns - 1)._asdict().items():
        if (value := inputs.get(PREFIX + field)) is not None:
            model.graph.input.remove(value)
            model.graph.initializer.append(numpy_helper.from_array(values, value.name))
    onnx.checker.check_model(model)
    with replacing(target) as stream:
        onnx.save(model, stream)


def _write_raw(serving: Any, file: Path) -> None:
    """The model as tf2onnx writes it.

    ``keras.Model.export`` traces the model three times.
    """
    import tensorflow
    import tf2onnx

    def network(*inputs: Any) -> Any:
        return serving(inputs if len(inputs) > 1 else inputs[0], training=False)

    signature = [tensorflow.TensorSpec(x.shape, x.dtype, x.name) for x in serving.inputs]
    traced = tensorflow.function(network, autograph=False)
    # If it may catch errors, tf2onnx copies the whole graph before each of some 40 steps.
    os.environ[_CATCH_ERRORS] = "FALSE"
    # Keras compiles grouped convolutions with XLA, as a function inside the graph that ONNX does not have.
    # "Eagerly" concerns such inner functions: their operations become a part of the graph.
    eagerly = tensorflow.config.functions_run_eagerly()
    tensorflow.config.run_functions_eagerly(True)
    try:
        tf2onnx.convert.from_function(traced, signature, output_path=str(file))
    except Exception:  # noqa: BLE001 (a step that is not necessary may have failed)
        del os.environ[_CATCH_ERRORS]
        tf2onnx.convert.from_function(traced, signature, output_path=str(file))
    finally:
        os.environ.pop(_CATCH_ERRORS, None)
        tensorflow.config.run_functions_eagerly(eagerly)


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


def _teach_expm1() -> None:
    """Lets tf2onnx export exp(x) - 1, which CELU has."""
    from tf2onnx import utils
    from tf2onnx.handler import tf_op

    class Expm1:
        @classmethod
        def version_7(cls, graph: Any, node: Any, **_: Any) -> None:
            (x,), (output,) = node.input, node.output
            shape, dtype = graph.get_shape(output), graph.get_dtype(output)
            number = np.ones((), utils.map_onnx_to_numpy_type(dtype))
            unit = graph.make_const(utils.make_name("one"), number).output[0]
            graph.remove_node(node.name)
            power = graph.make_node("Exp", [x], shapes=[shape], dtypes=[dtype]).output[0]
            graph.make_node("Sub", [power, unit], shapes=[shape], dtypes=[dtype], outputs=[output])

    tf_op("Expm1")(Expm1)


def _let_numbers_be_added() -> None:
    """Lets tf2onnx move a transposition past the sum of a convolution and a single number.

    MobileNetV3's hard sigmoid has such sums. tf2onnx 1.17 takes the number for a bias and fails, so
    that all transpositions stay in the network.
    """
    from tf2onnx import optimizer
    from tf2onnx.optimizer.transpose_optimizer import TransposeOptimizer

    class Transposes(TransposeOptimizer):  # type: ignore[misc]
        def _add_handler(self, transposition: Any, node: Any) -> bool:
            added = node.inputs[1]
            if added.is_const() and not added.get_tensor_value(as_list=False).shape:
                return bool(self._handle_node_having_branches(transposition, node))
            return bool(super()._add_handler(transposition, node))

    optimizer._get_optimizers()["optimize_transpose"] = Transposes
