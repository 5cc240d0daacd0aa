"""Ways to read a film: ours, the usual ones, and the lower bounds of decoding and of the network.

Each runs in its own process (`pneumoscope.train.inference_bench.process`), so that the libraries of
one neither slow down another nor count as its memory.
"""

from __future__ import annotations

import os
from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope.bundle import MODEL
from pneumoscope.train.inference_bench.way import BATCH, Way, by_pillow

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from pneumoscope.train.inference_bench.way import Job


LITERT = "model.tflite"
"""The export of the bundle, in a copy of its folder."""


class Pneumoscope(Way):
    """`pneumoscope.load`: the gate, calibration, heatmaps and checks of explanations included."""

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        from pneumoscope.runtime import load

        self._reader = load(job.bundle, threads=job.cores)

    def read(self, film: Path) -> object:
        return self._reader.predict(film)

    def probabilities(self, inputs: NDArray[np.uint8]) -> NDArray[np.float32]:
        return self._reader.run(inputs).probabilities

    def read_many(self, films: Sequence[Path]) -> None:
        for outcome in self._reader.predict_many(films):
            if outcome.error is not None:
                raise outcome.error


class Network(Way):
    """The network alone on ready inputs: the lower bound of what follows decoding."""

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self._run, side_px = self._opened()
        shape = (BATCH, side_px, side_px, 1)
        self._inputs = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)

    @abstractmethod
    def _opened(self) -> tuple[Callable[[NDArray[np.uint8]], Any], int]:
        """What runs the network and gives all its outputs by name, and the side of its input."""

    def probabilities(self, inputs: NDArray[np.uint8]) -> NDArray[np.float32]:
        p: NDArray[np.float32] = self._run(inputs)["probabilities"]
        return p

    def read(self, film: Path) -> object:  # noqa: ARG002 (its input is ready)
        return self._run(self._inputs[:1])

    def read_many(self, films: Sequence[Path]) -> None:
        self._in_threads(lambda chunk: self._run(self._inputs[: len(chunk)]), films)


class OnnxRuntime(Network):
    """ONNX Runtime without anything around it."""

    def _opened(self) -> tuple[Callable[[NDArray[np.uint8]], Any], int]:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        session = onnxruntime.InferenceSession(
            str(self.job.bundle / MODEL), options, providers=["CPUExecutionProvider"]
        )
        names = [output.name for output in session.get_outputs()]

        def run(films: NDArray[np.uint8]) -> dict[str, Any]:
            return dict(zip(names, session.run(None, {"films": films}), strict=True))

        return run, session.get_inputs()[0].shape[1]


class OpenVino(Network):
    """OpenVINO without anything around it."""

    def _opened(self) -> tuple[Callable[[NDArray[np.uint8]], Any], int]:
        import threading

        import openvino

        model = openvino.Core().read_model(self.job.bundle / MODEL)
        # By default processors that know bfloat16 compute in it: this changes probabilities by 0.2.
        options = {
            "INFERENCE_NUM_THREADS": self.job.cores,
            "NUM_STREAMS": self.job.cores,
            "INFERENCE_PRECISION_HINT": "f32",
        }
        compiled = openvino.compile_model(model, "CPU", options)
        local = threading.local()

        def run(films: NDArray[np.uint8]) -> Any:
            if not hasattr(local, "request"):
                local.request = compiled.create_infer_request()
            return local.request.infer({"films": films})

        return run, model.input("films").get_partial_shape()[1].get_length()


class Decoding(Way):
    """libjpeg-turbo alone, at the least size that keeps the network's input: the bound of decoding."""

    def read(self, film: Path) -> object:
        import simplejpeg

        least = self.job.least_px
        return simplejpeg.decode_jpeg(
            film.read_bytes(), "GRAY", min_height=least, min_width=least, fastdct=False
        )

    def read_many(self, films: Sequence[Path]) -> None:
        self._in_threads(lambda chunk: [self.read(film) for film in chunk], films)


class Notebook(Way):
    """As the notebooks do: Pillow, ``model.predict`` on one film, Grad-CAM by a tape, Matplotlib.

    The network is that of the bundle's recipe with random weights, of which its time does not depend.
    """

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        import keras
        import matplotlib as mpl
        import tensorflow as tf

        from pneumoscope.bundle import open_bundle
        from pneumoscope.train.network import keras_model
        from pneumoscope.train.recipe import reading

        mpl.use("agg")
        meta = open_bundle(job.bundle).meta
        recipe = reading.from_json(dict(meta.recipe))
        model = keras_model.build(recipe, len(meta.labels), None)
        maps = model.get_layer("features").output
        self._size, self._tf, self._model = meta.size, tf, model
        self._with_maps = keras.Model(model.input, [maps, model.output])

    def read(self, film: Path) -> object:
        x = by_pillow(film, self._size).astype(np.float32)[None, ..., None]
        answer = self._model.predict(x, verbose=0)
        with self._tf.GradientTape() as tape:
            maps, logits = self._with_maps(x)
            score = self._tf.reduce_max(logits)
        weights = self._tf.reduce_mean(tape.gradient(score, maps), axis=(0, 1, 2))
        heat = self._tf.nn.relu(self._tf.reduce_sum(maps[0] * weights, axis=-1)).numpy()
        return answer, self._overlay(x[0, ..., 0], heat)

    @staticmethod
    def _overlay(film: NDArray[np.float32], heat: NDArray[np.float32]) -> bytes:
        from io import BytesIO

        from matplotlib import pyplot

        figure, axes = pyplot.subplots()
        axes.imshow(film, cmap="gray")
        side = film.shape[0]
        axes.imshow(heat, cmap="jet", alpha=0.4, extent=(0, side, side, 0))
        stream = BytesIO()
        figure.savefig(stream)
        pyplot.close(figure)
        return stream.getvalue()


class LiteRt(Way):
    """The bundle's network in LiteRT, with Pillow before it; heatmaps come from the network."""

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        import threading

        self._local = threading.local()
        self._size = int(self._runner().get_input_details()["films"]["shape"][1])

    def _runner(self) -> Any:
        """Of this thread."""
        if not hasattr(self._local, "runner"):
            try:
                from ai_edge_litert.interpreter import Interpreter
            except ImportError:  # TensorFlow contains it, too
                from tensorflow.lite import Interpreter

            interpreter = Interpreter(str(self.job.bundle / LITERT), num_threads=1)
            self._local.runner = interpreter.get_signature_runner("serving_default")
        return self._local.runner

    def read(self, film: Path) -> object:
        return self._runner()(films=by_pillow(film, self._size)[None, ..., None])

    def probabilities(self, inputs: NDArray[np.uint8]) -> NDArray[np.float32]:
        runner = self._runner()
        return np.concatenate([runner(films=x[None])["probabilities"] for x in inputs])

    def read_many(self, films: Sequence[Path]) -> None:
        self._in_threads(lambda chunk: [self.read(film) for film in chunk], films)


def _torch(job: Job) -> Way:
    from pneumoscope.train.inference_bench.torch_way import Torch

    return Torch(job)


def _torch_compiled(job: Job) -> Way:
    from pneumoscope.train.inference_bench.torch_way import Torch

    return Torch(job, compiled=True)


def _server(job: Job) -> Way:
    from pneumoscope.train.inference_bench.server_way import Server

    return Server(job)


WAYS: dict[str, Callable[[Job], Way]] = {
    "pneumoscope": Pneumoscope,
    "server": _server,
    "onnxruntime": OnnxRuntime,
    "decoding": Decoding,
    "openvino": OpenVino,
    "litert": LiteRt,
    "torch": _torch,
    "torch-compiled": _torch_compiled,
    "notebook": Notebook,
}
"""By name, as ``--ways`` takes them."""
NEEDS = {
    "server": ("fastapi", "uvicorn", "sqlalchemy"),
    "openvino": ("openvino",),
    "litert": ("tensorflow",),
    "torch": ("torch", "onnx"),
    "torch-compiled": ("torch", "onnx"),
    "notebook": ("tensorflow", "keras", "matplotlib"),
}
"""Packages beyond the base installation."""
READS = {
    "decoding": ("small", "large"),
    "litert": ("small", "large"),
    "torch": ("small", "large"),
    "torch-compiled": ("small", "large"),
    "notebook": ("small", "large"),
}
"""Kinds of films that a way reads; without an entry all: a network alone reads none of them."""
