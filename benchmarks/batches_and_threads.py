"""Why `predict_many` runs the network on 8 films at once, each thread on its own films.

    python benchmarks/batches_and_threads.py --rounds 9

Three tables, each measured in turns: `predict_many` with other batch sizes; the network alone with two
threads for one run, with a run in each thread, and with a run in each thread that is pinned to a core;
and `predict_many` in threads and in processes. Films are the synthetic ones, 224 pixels.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from in_turns import in_turns, table
from pneumoscope.bundle import MODEL, Bundle, open_bundle
from pneumoscope.runtime import Classifier, load, usable_cores
from pneumoscope.train.inference_bench.films import draw

BATCHES = (8, 1, 2, 4, 16, 32)
"""The first is the one in use, which the others are compared with."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--bundle", default="children")
    parser.add_argument("--films", type=int, default=256, help="films in a round")
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    bundle, cores = open_bundle(options.bundle), usable_cores()
    with tempfile.TemporaryDirectory() as folder:
        drawn = draw(Path(folder), small=64, large=0, dicom=0).small
        films = (drawn * (options.films // len(drawn) + 1))[: options.films]
        for ways in (batches(bundle, films), threads(bundle, len(films), cores)):
            costs = in_turns(ways, options.rounds)
            print(table(costs, next(iter(ways)), len(films)), end="\n\n")
        with ProcessPoolExecutor(cores, get_context("spawn"), opened, (str(bundle.path),)) as pool:
            ways = {
                f"{cores} threads": partial(read_all, load(bundle, threads=cores), films),
                f"{cores} processes": partial(read_in_processes, pool, films),
            }
            costs = in_turns(ways, options.rounds)
        print(table(costs, next(iter(ways)), len(films)))


def batches(bundle: Bundle, films: Sequence[Path]) -> dict[str, Callable[[], float | None]]:
    """`predict_many` with each batch size, on all cores."""
    reader = load(bundle)
    return {
        f"batches of {size}": partial(read_all, reader, films, batch_size=size) for size in BATCHES
    }


def threads(bundle: Bundle, films: int, cores: int) -> dict[str, Callable[[], float | None]]:
    """The network alone, in batches of 8, with threads around runs, pinned or not, and inside of them."""
    inputs = np.random.default_rng(0).integers(
        0, 256, (BATCHES[0], bundle.meta.size, bundle.meta.size, 1), np.uint8
    )
    runs = -(-films // len(inputs))
    outer, inner = session(bundle, 1), session(bundle, cores)
    allowed = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []

    def around(*, pinned: bool) -> None:
        def work(share: int) -> None:
            if pinned and allowed:
                os.sched_setaffinity(0, {allowed[share % len(allowed)]})
            for _ in range(share, runs, cores):
                outer.run(None, {"films": inputs})

        with ThreadPoolExecutor(cores) as pool:  # new threads, which are pinned for this alone
            list(pool.map(work, range(cores)))

    def inside() -> None:
        for _ in range(runs):
            inner.run(None, {"films": inputs})

    return {
        f"{cores} threads, a run in each": partial(around, pinned=False),
        f"{cores} pinned threads, a run in each": partial(around, pinned=True),
        f"{cores} threads in one run": inside,
    }


def session(bundle: Bundle, intra: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = intra, 1
    path = str(bundle.path / MODEL)
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def read_all(reader: Classifier, films: Sequence[Path], batch_size: int = BATCHES[0]) -> None:
    for outcome in reader.predict_many(films, batch_size=batch_size):
        if outcome.error is not None:
            raise outcome.error


_readers: list[Classifier] = []
"""Of a child process."""


def opened(bundle: str) -> None:
    _readers.append(load(bundle, threads=1))


def read_in_processes(pool: ProcessPoolExecutor, films: Sequence[Path]) -> float:
    """Reads films; returns the processor time of the processes in seconds."""
    shares = [films[i : i + BATCHES[0]] for i in range(0, len(films), BATCHES[0])]
    return sum(pool.map(read_share, shares))


def read_share(films: Sequence[Path]) -> float:
    """Reads films; returns the processor time of this process in seconds."""
    began_s = time.process_time()
    read_all(_readers[0], films)
    return time.process_time() - began_s


if __name__ == "__main__":
    main()
