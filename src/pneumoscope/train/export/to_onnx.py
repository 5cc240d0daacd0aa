"""From the weights of a training to ``model.onnx``, checked against Keras.

tf2onnx needs Keras on TensorFlow, whichever backend trained the network, so the export runs as a
separate process: ``python -m pneumoscope.train.export.to_onnx JOB.json``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.decision.calibration import Calibration
from pneumoscope.errors import DiskFull, TrainingError
from pneumoscope.files import room_for, tells_of_full_disk
from pneumoscope.installation import install_command
from pneumoscope.train.export import parity as parities

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pneumoscope.train.recipe.settings import Recipe


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
        recipe: Recipe of the trained network.
        classes: Number of classes or findings.
        weights: What ``checkpoint.save`` wrote.
        calibration: Makes the logits calibrated probabilities.
        target: The file to write.
        films: uint8 (n, size, size, 1) for the parity, or None.

    Returns:
        See `parity.measure`.

    Raises:
        DiskFull: The disk of the file, or of the folder for temporary files, is full.
        TrainingError: The export failed, or an error exceeds a limit of `parity`.
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
    parity: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    parities.check(parity)
    return parity


def main(job_file: str) -> None:
    """Runs one export job; prints its parity as the last line."""
    from pneumoscope.train.export import conversion
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
    conversion.convert(serving, target)
    films = np.load(job["films"]) if job["films"] else np.zeros((0, size, size, 1), np.uint8)
    sys.stdout.write("\n" + json.dumps(parities.measure(model, serving, target, films)) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
