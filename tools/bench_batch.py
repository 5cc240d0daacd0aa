"""Measures `pneumoscope batch` beside `predict_many`, in one run: the inputs of the how-to's formula.

    python tools/bench_batch.py --films FOLDER

Each round reads the films with both, one after the other. Printed are films per second, and CPU time per film
of all processes together, which other work on the machine disturbs less.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from pneumoscope import runtime
from pneumoscope.batch.job import ReadJob
from pneumoscope.batch.listing import Listing
from pneumoscope.batch.places import Folder
from pneumoscope.batch.run import SHARD_ROWS, run
from pneumoscope.batch.workers import Workers


class Cost(NamedTuple):
    """Seconds of one pass over all films: on the clock, and of all cores."""

    clock_s: float
    cpu_s: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--films", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=runtime.usable_cores())
    given = parser.parse_args()
    reader = runtime.load(threads=given.workers)
    job = ReadJob.of(reader, None, heatmaps=False)
    listing = Listing(str(given.films))
    paths = [film.source for film in listing.films()]

    def threads() -> None:
        assert sum(1 for _ in reader.predict_many(paths)) == len(paths)

    def batch() -> None:
        with tempfile.TemporaryDirectory() as out:
            engine = Workers(job, given.workers, SHARD_ROWS)
            assert run(listing, Folder(Path(out)), job, engine).written == len(paths)

    costs = [(cost(threads), cost(batch)) for _ in range(given.rounds + 1)][
        1:
    ]  # the first warms up
    for name, pick in (("predict_many", 0), ("batch", 1)):
        clock_s = statistics.median(pair[pick].clock_s for pair in costs)
        cpu_s = statistics.median(pair[pick].cpu_s for pair in costs)
        print(
            f"{name}: {len(paths) / clock_s:.0f} films/s with {given.workers} workers, "
            f"{1000 * cpu_s / len(paths):.2f} ms of CPU per film, "
            f"{len(paths) / cpu_s:.0f} films per core and second"
        )
    for name, field in (("films/s", "clock_s"), ("films per core and second", "cpu_s")):
        ratios = [getattr(a, field) / getattr(b, field) for a, b in costs]
        print(
            f"batch against predict_many, {name}: {statistics.median(ratios):.2f} "
            f"({min(ratios):.2f} to {max(ratios):.2f} in {given.rounds} rounds)"
        )


def cost(work: Callable[[], None]) -> Cost:
    began, used = time.perf_counter(), cpu_s()
    work()
    return Cost(time.perf_counter() - began, cpu_s() - used)


def cpu_s() -> float:
    """CPU time of this process and of all children that have ended."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


if __name__ == "__main__":
    main()
