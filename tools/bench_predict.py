"""Measures `predict_many` and the cold start, and their lower bounds, in one run.

    python tools/bench_predict.py --data PNEUMOSCOPE_DATA

The floor of `predict_many` is the bare ONNX Runtime on ready inputs, batch 32, all outputs. The
floor of the cold start is ``python -c "import numpy, onnxruntime"``. Each round measures floor and
product one after the other; medians of the rounds' ratios are printed.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnxruntime

import pneumoscope
from pneumoscope.bundle import open_bundle
from pneumoscope.runtime import Classifier

ROUNDS = 7


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, required=True)
    data = parser.parse_args().data
    classifier = pneumoscope.load(open_bundle())
    small = sorted((data / "chest_xray" / "train").glob("*/*.jpeg"))[::10]
    large = sorted((data / "full_size").glob("*/*.jpeg")) * 12
    report("224-pixel JPEGs", classifier, small)
    report("full-size JPEGs", classifier, large)
    single(classifier, small[:200])
    cold(small[0])


def report(name: str, classifier: Classifier, paths: Sequence[Path]) -> None:
    session = bare(classifier)
    size = classifier.bundle.meta.size
    inputs = np.random.default_rng(0).integers(0, 256, (len(paths), size, size, 1)).astype(np.uint8)

    def floor() -> None:
        for i in range(0, len(inputs), 32):
            session.run(None, {"films": inputs[i : i + 32]})

    def product() -> None:
        assert all(o.prediction for o in classifier.predict_many(paths))

    floor_s, product_s = side_by_side(floor, product)
    ratios = [f / p for f, p in zip(floor_s, product_s, strict=True)]
    print(
        f"{name}: floor {len(paths) / statistics.median(floor_s):.0f} films/s, predict_many "
        f"{len(paths) / statistics.median(product_s):.0f} films/s, "
        f"share of the floor {statistics.median(ratios):.2f} "
        f"({min(ratios):.2f} to {max(ratios):.2f} in {ROUNDS} rounds)"
    )


def single(classifier: Classifier, paths: Sequence[Path]) -> None:
    times = []
    for path in paths:
        began = time.perf_counter()
        classifier.predict(path)
        times.append(1000 * (time.perf_counter() - began))
    print(f"one 224-pixel JPEG, warm: median {statistics.median(times):.1f} ms")


def cold(film: Path) -> None:
    floor = [sys.executable, "-c", "import numpy, onnxruntime"]
    # The installed command where there is one, as a user starts it.
    script = Path(sys.executable).with_name("pneumoscope")
    start = [str(script)] if script.exists() else [sys.executable, "-m", "pneumoscope"]
    product = [*start, "predict", str(film)]
    floor_s, product_s = side_by_side(
        lambda: subprocess.run(floor, check=True),
        lambda: subprocess.run(product, check=True, capture_output=True),
    )
    ratios = [p / f for f, p in zip(floor_s, product_s, strict=True)]
    print(
        f"cold start: floor {1000 * statistics.median(floor_s):.0f} ms, predict one.jpg "
        f"{1000 * statistics.median(product_s):.0f} ms, ratio {statistics.median(ratios):.2f} "
        f"({min(ratios):.2f} to {max(ratios):.2f} in {ROUNDS} rounds)"
    )


def side_by_side(
    first: Callable[[], object], second: Callable[[], object]
) -> tuple[list[float], list[float]]:
    times: tuple[list[float], list[float]] = ([], [])
    for round_ in range(ROUNDS + 1):
        for run, kept in zip((first, second), times, strict=True):
            began = time.perf_counter()
            run()
            if round_:  # the first round warms caches
                kept.append(time.perf_counter() - began)
    return times


def bare(classifier: Classifier) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = classifier.threads
    return onnxruntime.InferenceSession(
        str(classifier.bundle.model), options, providers=["CPUExecutionProvider"]
    )


if __name__ == "__main__":
    main()
