"""Compares the LiteRT bundle of phones with `predict`, film by film, through the example of docs/how-to/export.md.

    python tools/phone_parity.py DATA --films 300 [--bundle children]

Prints the largest and the mean difference of P(positive), the largest one of the heatmaps, and every film whose
verdict differs, with what of its file the phone does not see. Exits with 1 if P differs by more than 0.01, or a
verdict differs that is not close to a limit and not due to the file.

DATA is a folder of films; the sample is drawn evenly from its subfolders. DICOM is left out: the example reads
what Pillow reads.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image, ImageOps

from pneumoscope import load
from pneumoscope.bundle import open_bundle
from pneumoscope.render.serialise import outcome_to_json
from pneumoscope.train.formats import convert, phone_bundle
from web_parity import TOLERANCE, chosen, is_close

_OF_FILES = frozenset({"too-small", "truncated", "header-says-otherwise"})


def judged(runner: Any, words: dict[str, Any], path: Path) -> dict[str, Any]:
    """The outputs for one film, decoded and resized as in the example."""
    with Image.open(path) as image:
        image.draft("L", (words["source_size"],) * 2)
        film = ImageOps.exif_transpose(image)
        if film.mode.startswith("I"):
            bits = next(bits for bits in (8, 10, 12, 14, 16) if film.getextrema()[1] < 2**bits)
            film = Image.fromarray(np.uint8(np.asarray(film) / (2**bits - 1) * 255 + 0.5))
        grey = film.convert("L")
    for side in (words["source_size"], words["size"]):
        grey = grey.resize((side, side), Image.Resampling.BILINEAR)
    outputs = runner(films=np.asarray(grey)[None, ..., None])
    return {name: value[0] for name, value in outputs.items()}


def main() -> int:
    """Runs the comparison; the exit code is 1 if it fails."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("data", type=Path)
    parser.add_argument("--films", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--bundle", default="children")
    options = parser.parse_args()
    everything = chosen(options.data, 4 * options.films, options.seed)
    endings = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff")
    films = [f for f in everything if f.name.lower().endswith(endings)][: options.films]
    bundle = open_bundle(options.bundle)
    reader = load(bundle)
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "phone.tflite"
        convert.export(bundle, "litert-bundle", target, None, lambda _note: None)
        words = phone_bundle.words_in(target)
        interpreter = tf.lite.Interpreter(str(target), num_threads=1)
        runner = interpreter.get_signature_runner("serving_default")
        dps, heats, same, failures = [], [], 0, 0
        for outcome, path in zip(reader.predict_many(films), films, strict=True):
            if outcome.prediction is None:
                print(f"{path}: not read by Python: {outcome.error}")
                continue
            prediction = outcome.prediction
            result = judged(runner, words, path)
            label = words["verdicts"][result["verdict"]]
            dp = abs(float(result["p_positive"]) - prediction.p_unadjusted)
            dps.append(dp)
            if label == prediction.label:
                same += 1
                if prediction.heatmap is not None and label != "REFUSED":
                    heats.append(float(np.abs(result["heatmap"] - prediction.heatmap).max()))
            due = {r.code for r in prediction.gate.reasons} & _OF_FILES
            due |= {"colour"} if prediction.facts.colour else set()
            close = is_close(outcome_to_json(outcome), reader)
            failed = dp > TOLERANCE or (label != prediction.label and not close and not due)
            failures += failed
            if label != prediction.label or failed:
                words_due = f", of its file: {', '.join(sorted(due))}" if due else ""
                print(
                    f"{'FAILED ' if failed else ''}{path}: Python {prediction.label}, phone {label}, "
                    f"dp {dp:.1e}{' (close to a limit)' if close else ''}{words_due}"
                )
    print(
        f"{len(dps)} films; |dp| at most {max(dps):.2e}, on average {statistics.mean(dps):.2e}; "
        f"heatmaps differ by {max(heats):.1e} at most; {same} verdicts are the same; {failures} failures"
    )
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())
