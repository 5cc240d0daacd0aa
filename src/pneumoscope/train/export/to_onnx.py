"""From the weights of a training to a network in ONNX, checked against Keras.

tf2onnx needs Keras on TensorFlow, whichever backend trained the network, so the export runs as a
separate process: ``python -m pneumoscope.train.export.to_onnx JOB.json``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    target: Path,
    films: NDArray[np.uint8],
    ill_films: NDArray[np.uint8] | None = None,
) -> parities.Comparison:
    """Writes a network that leaves its calibration open, see `conversion.calibrate`.

    Args:
        recipe: Recipe of the trained network.
        classes: Number of classes or findings.
        weights: What ``checkpoint.save`` wrote.
        target: The file to write.
        films: uint8 (n, size, size, 1), on which it is compared with Keras, n > 0.
        ill_films: uint8 (m, size, size, 1), on which its evidence is balanced, see
            `pneumoscope.train.network.mirror_balance`; None for none.

    Returns:
        The comparison, before calibration.

    Raises:
        DiskFull: The disk of the file, or of the folder for temporary files, is full.
        TrainingError: The export failed, or an error exceeds a limit of `parity`.
    """
    from pneumoscope.train.recipe.reading import resolved

    with room_for(Path(tempfile.gettempdir())), tempfile.TemporaryDirectory() as folder:
        inputs, outputs, ill = (
            Path(folder, name) for name in ("films.npy", "keras.npy", "ill.npy")
        )
        np.save(inputs, films)
        if ill_films is not None:
            np.save(ill, ill_films)
        content = {
            "recipe": resolved(recipe),
            "classes": classes,
            "weights": str(weights.resolve()),
            "films": str(inputs),
            "ill_films": None if ill_films is None else str(ill),
            "probabilities": str(outputs),
            "target": str(target.resolve()),
        }
        done = _run(content, Path(folder, "job.json"))
        if done.returncode and tells_of_full_disk(done.stderr):
            raise DiskFull(str(target))
        if done.returncode:
            last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
            raise TrainingError(
                f"the export to ONNX failed: {last}",
                f"Is tensorflow-cpu installed? {install_command('train')}",
            )
        parity = json.loads(done.stdout.strip().splitlines()[-1])
        parities.check(parity)
        return parities.Comparison(parity, np.load(outputs))


def _run(job: dict[str, Any], job_file: Path) -> subprocess.CompletedProcess[str]:
    """Runs `main` in a process with Keras on TensorFlow."""
    job_file.write_text(json.dumps(job), encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "pneumoscope.train.export.to_onnx", str(job_file)],
        env=os.environ | {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=False,
    )


def main(job_file: str) -> None:
    """Runs one export job; prints its parity as the last line."""
    from pneumoscope.train.export import conversion
    from pneumoscope.train.fit import checkpoint
    from pneumoscope.train.network import keras_model
    from pneumoscope.train.network.mirror_balance import favoured_cells
    from pneumoscope.train.recipe import reading

    job = json.loads(Path(job_file).read_text(encoding="utf-8"))
    resolved = reading.from_json(job["recipe"])
    model = keras_model.build(resolved, job["classes"], None)
    checkpoint.restore(model, Path(job["weights"]))
    target = Path(job["target"])
    ill = job["ill_films"]
    favoured = None if ill is None else favoured_cells(model, np.load(ill))
    conversion.convert(keras_model.serving_model(model, None, resolved.task, favoured), target)
    with tempfile.TemporaryDirectory() as folder:
        uncalibrated = Path(folder, "model.onnx")
        conversion.calibrate(target, Calibration(), uncalibrated)
        serving = keras_model.serving_model(model, Calibration(), resolved.task, favoured)
        compared = parities.measure(model, serving, uncalibrated, np.load(job["films"]))
    np.save(job["probabilities"], compared.probabilities)
    sys.stdout.write("\n" + json.dumps(compared.parity) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
