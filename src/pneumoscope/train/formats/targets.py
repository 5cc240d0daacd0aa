"""The formats of `convert`: how each is made from ``model.onnx``, and how it predicts."""

from __future__ import annotations

import contextlib
import csv
import io
import math
import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope.errors import ConversionError, MissingExtra
from pneumoscope.files import cause
from pneumoscope.train.export.exported import OUTPUTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Predict = Callable[[NDArray[np.uint8]], NDArray[np.float32]]

MIN_CALIBRATION = 16
"""Fewer films do not show the range of the activations."""

_FLOAT = (
    *("CAST", "SUB", "MEAN", "MUL", "RSQRT", "SQRT", "DIV", "MINIMUM", "MAXIMUM", "CONCATENATION"),
    *("SOFTMAX", "LOG", "SUM", "SLICE", "STRIDED_SLICE"),
)
"""LiteRT operators that int8 leaves in float: standardisation of the film, pooling, calibration."""


@dataclass(frozen=True, slots=True)
class Format:
    """How one format is made and run.

    Attributes:
        ending: Ending of the file; empty for a folder.
        mark: A file inside a folder of this format, by which an older export is recognised.
        write: From (ONNX file, target, calibration films) to a file or folder of this format.
        load: From its path to a function that predicts P per class, single-threaded if the library
            allows it.
    """

    ending: str
    mark: str
    write: Callable[[Path, Path, NDArray[np.uint8]], None]
    load: Callable[[Path], Predict]


def _write_onnx(model: Path, target: Path, _: NDArray[np.uint8]) -> None:
    shutil.copyfile(model, target)


def _load_onnx(path: Path) -> Predict:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    given = {output.name for output in session.get_outputs()}
    # All outputs, because the other formats compute all of them; some networks give no heatmaps.
    names = [name for name in OUTPUTS if name in given]
    return lambda films: session.run(names, {"films": films})[0]


def _write_keras(model: Path, target: Path, _: NDArray[np.uint8]) -> None:
    from pneumoscope.train.formats import from_onnx

    from_onnx.keras_model(model).save(target)


def _load_keras(path: Path) -> Predict:
    import keras
    import tensorflow as tf

    _one_thread()
    run = tf.function(keras.saving.load_model(path, compile=False), reduce_retracing=True)
    return lambda films: run(tf.constant(films))["probabilities"].numpy()


def _write_savedmodel(model: Path, target: Path, _: NDArray[np.uint8]) -> None:
    from pneumoscope.train.formats import from_onnx

    from_onnx.keras_model(model).export(str(target), verbose=False)


def _load_savedmodel(path: Path) -> Predict:
    import tensorflow as tf

    _one_thread()
    loaded = tf.saved_model.load(str(path))  # the signature is valid only while this exists
    run = loaded.signatures["serving_default"]
    return lambda films: (loaded, run(films=tf.constant(films)))[1]["probabilities"].numpy()


def _one_thread() -> None:
    """Limits TensorFlow to one thread, unless it has already computed in this process."""
    import tensorflow as tf

    try:
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    except RuntimeError:
        return


def _write_litert(model: Path, target: Path, _: NDArray[np.uint8]) -> None:
    saved = _saved(model, target)
    with _refusing():
        content = _converter(saved).convert()
    target.write_bytes(content)


@contextlib.contextmanager
def _refusing() -> Iterator[None]:
    """Names the operators that LiteRT lacks, instead of pages of compiler output."""
    try:
        yield
    except ConversionError:
        raise
    except Exception as error:  # the converter's own class is private
        lacking = re.search(r"(?:Select|Custom) ops: (.+)", str(error))
        what = lacking[1] if lacking else (cause(error).strip().splitlines() or ["?"])[0]
        raise ConversionError(
            f"LiteRT cannot express this network: {what}",
            "Nothing was written. The formats onnx and openvino read ONNX themselves.",
        ) from error


def _saved(model: Path, target: Path) -> Path:
    saved = target.with_name("savedmodel")
    _write_savedmodel(model, saved, np.zeros(0, np.uint8))
    return saved


def _converter(saved: Path) -> Any:
    import tensorflow as tf

    return tf.lite.TFLiteConverter.from_saved_model(str(saved))


def _write_litert_bundle(model: Path, target: Path, _: NDArray[np.uint8]) -> None:
    from pneumoscope.train.formats import phone_bundle

    with _refusing():
        phone_bundle.write(model, target)


def _load_litert(path: Path) -> Predict:
    import tensorflow as tf

    interpreter = tf.lite.Interpreter(str(path), num_threads=1)
    run = interpreter.get_signature_runner("serving_default")
    return lambda films: run(films=films)["probabilities"]


def _write_openvino(model: Path, target: Path, _: NDArray[np.uint8]) -> None:
    openvino = _openvino()
    target.mkdir()
    # Half precision would halve the file, but is no faster on CPUs and slightly less accurate.
    openvino.save_model(
        openvino.convert_model(str(model)), str(target / "model.xml"), compress_to_fp16=False
    )


def _load_openvino(path: Path) -> Predict:
    openvino = _openvino()
    settings = {
        "INFERENCE_NUM_THREADS": 1,
        "PERFORMANCE_HINT": "LATENCY",
        # On some processors the default is bfloat16.
        "INFERENCE_PRECISION_HINT": "f32",
    }
    compiled = openvino.compile_model(str(path / "model.xml"), "CPU", settings)
    return lambda films: compiled({"films": films})["probabilities"]


def _openvino() -> Any:
    try:
        import openvino
    except ImportError as error:
        raise MissingExtra("export to OpenVINO", "openvino") from error
    return openvino


def _write_litert_int8(model: Path, target: Path, films: NDArray[np.uint8]) -> None:
    """Weights and activations in int8, except `_FLOAT` operators and `_fragile` first layers."""
    import tensorflow as tf

    # The debugger is LiteRT's only interface for selective quantisation.
    tools = tf.lite.experimental
    # Only once: a second Keras model would have other names, and layers are left out by name.
    saved = _saved(model, target)

    def debugger(feed: Callable[[], Any], left_out: Sequence[str] = ()) -> Any:
        converter = _converter(saved)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ({"films": film[None]} for film in films)
        converter.target_spec.supported_ops = [
            tf.lite.OpsSet.TFLITE_BUILTINS_INT8,
            tf.lite.OpsSet.TFLITE_BUILTINS,
        ]
        options = tools.QuantizationDebugOptions(
            denylisted_ops=list(_FLOAT), denylisted_nodes=list(left_out)
        )
        with _refusing():
            return tools.QuantizationDebugger(
                converter=converter, debug_dataset=feed, debug_options=options
            )

    step = max(1, len(films) // MIN_CALIBRATION)
    first = debugger(lambda: ([film[None]] for film in films[::step]))
    first.run()
    table = io.StringIO()
    first.layer_statistics_dump(table)
    rows = list(csv.DictReader(io.StringIO(table.getvalue())))
    fragile = _fragile(rows)
    content = (debugger(lambda: (), fragile) if fragile else first).get_nondebug_quantized_model()
    target.write_bytes(content)


def _fragile(layers: Sequence[Mapping[str, str]]) -> list[str]:
    """First layers that int8 would damage, up to the last that loses twice the error of rounding.

    A uniform rounding error is 1/sqrt(12) of a step. In the network of ``flagship`` one expansion after the
    stem loses 3.5 steps. With it in int8, mean |dp| was 0.041; with the five layers up to it in float,
    0.008, for 0.02 MB more. Later layers stay in int8 whatever they lose; otherwise little would.
    """
    early = layers[: max(1, len(layers) // 3)]
    loss = [math.sqrt(float(row["mean_squared_error"])) / float(row["scale"]) for row in early]
    bad = [i for i, steps in enumerate(loss) if steps > 2 / math.sqrt(12)]
    return [row["tensor_name"] for row in early[: bad[-1] + 1]] if bad else []


FORMATS = {
    "keras": Format(".keras", "", _write_keras, _load_keras),
    "savedmodel": Format("", "saved_model.pb", _write_savedmodel, _load_savedmodel),
    "onnx": Format(".onnx", "", _write_onnx, _load_onnx),
    "litert": Format(".tflite", "", _write_litert, _load_litert),
    "litert-bundle": Format(".tflite", "", _write_litert_bundle, _load_litert),
    "litert-int8": Format(".tflite", "", _write_litert_int8, _load_litert),
    "openvino": Format("", "model.xml", _write_openvino, _load_openvino),
}
"""Every format by its name on the command line."""
