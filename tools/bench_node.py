"""Measures a DICOM node beside what bounds it, in turns in one run: `pneumoscope pacs` on loopback.

    python tools/bench_node.py --json > benchmarks/node.json

The films are DX of 1,024 x 1,024 pixels in 16 bits, 2 MiB, which this tool makes of the sample films.
Each round measures, one after the other:

storescu   DCMTK's `storescu` to a null SCP, `storescp --ignore`
model      `predict_many` of the same files with heatmap, in one process
folder     the round trip: `storescu` to the node, SR, SC and SEG of every film in a folder
archive    the round trip to a null SCP

Then films arrive at half of the rate that was reached to the archive; the time from the answer to C-STORE
until the last of a film's three objects is in the folder of an archive is measured. Finally the
memory of all processes of a node is sampled while it reads many smaller films. Needs DCMTK (dcmtk).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from pydicom import dcmread
from pynetdicom import AE

import node_loopback as loopback
import pneumoscope
from node_loopback import FilmMaker, Node, wait_for

PATIENCE_S = 900.0
OBJECTS = 3
MEMORY_SIDE_PX = 512
_PORTION = 100


@dataclass
class Way:
    """What was measured of one way, a number for each round.

    Attributes:
        rate: Films a second.
        cpu_ms: Processor time for a film, of all processes of the way, in milliseconds.
        processes_ms: The same by process, in the round trips.
    """

    rate: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)
    processes_ms: dict[str, list[float]] = field(default_factory=dict)


class Bench:
    """Films, and the ways that they go."""

    def __init__(self, folder: Path, films: int) -> None:
        self.folder = folder
        self.count = films
        self.maker = FilmMaker(1024)
        self.ways: dict[str, Way] = {}
        self._next = 0

    def films(self, count: int = 0) -> Path:
        """A folder of new films."""
        folder, count = self.folder / "films", count or self.count
        self.maker.write(folder, self._next, count)
        self._next += count
        return folder

    def note(self, way: str, seconds: float, cpu: dict[str, float]) -> None:
        """Adds what a round has measured."""
        seen = self.ways.setdefault(way, Way())
        seen.rate.append(self.count / seconds)
        seen.cpu_ms.append(1000 * sum(cpu.values()) / self.count)
        for name, cpu_s in cpu.items():
            seen.processes_ms.setdefault(name, []).append(1000 * cpu_s / self.count)
        print(
            f"{way:9} {seen.rate[-1]:6.1f} films/s, {seen.cpu_ms[-1]:6.1f} ms of processor time a film "
            + ", ".join(f"{n} {values[-1]:.1f}" for n, values in seen.processes_ms.items())
            + f"; load {loopback.load()}",
            file=sys.stderr,
        )

    def storescu(self, port: int, pid: int) -> None:
        """Bare sending."""
        films = self.films()
        before, began = loopback.cpu_s(pid), time.perf_counter()
        sent_s = children_s(lambda: loopback.send(port, films, called="ARCHIVE"))
        seconds = time.perf_counter() - began
        self.note(
            "storescu", seconds, {"storescu": sent_s, "storescp": loopback.cpu_s(pid) - before}
        )

    def model(self, reader: Any) -> None:
        """Bare reading."""
        paths = sorted(self.films().iterdir())
        before, began = time.process_time(), time.perf_counter()
        assert all(outcome.prediction for outcome in reader.predict_many(paths))
        self.note("model", time.perf_counter() - began, {"model": time.process_time() - before})

    def round_trip(self, way: str, running: Node, archive: int | None = None) -> None:
        """The round trip."""
        films, target = self.films(), delivered(running) + self.count
        purposes = loopback.processes(running)
        before = {pid: loopback.cpu_s(pid) for pid in purposes}
        archive_s = 0.0 if archive is None else loopback.cpu_s(archive)
        began = time.perf_counter()
        cpu = {"storescu": children_s(lambda: loopback.send(running.port, films))}
        wait_for(lambda: delivered(running) >= target, PATIENCE_S)
        seconds = time.perf_counter() - began
        for pid, purpose in purposes.items():
            cpu[purpose] = cpu.get(purpose, 0.0) + loopback.cpu_s(pid) - before[pid]
        if archive is not None:
            cpu["storescp"] = loopback.cpu_s(archive) - archive_s
        self.note(way, seconds, cpu)


def delivered(running: Node) -> float:
    """Results that the node has delivered."""
    return running.metric("pneumoscope_node_deliveries_total")


def children_s(work: Callable[[], object]) -> float:
    """Processor time of the child processes that end within some work."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    work()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@contextmanager
def nodes(bench: Bench, null: int) -> Iterator[tuple[Node, Node]]:
    """A node with a folder and one with a null SCP as destination, both warm."""
    out = loopback.folder_table(bench.folder / "out")
    with (
        loopback.node(bench.folder / "a", out) as to_folder,
        loopback.node(bench.folder / "b", loopback.archive_table(null)) as to_archive,
    ):
        for running in (to_folder, to_archive):
            loopback.send(running.port, bench.films(8))
            wait_for(lambda running=running: delivered(running) >= 8, PATIENCE_S)
        yield to_folder, to_archive


def rounds(bench: Bench, count: int) -> None:
    """Measures all ways in turns."""
    reader = pneumoscope.load()
    assert all(
        outcome.prediction for outcome in reader.predict_many(sorted(bench.films(8).iterdir()))
    )
    with loopback.archive("--ignore") as (null, pid), nodes(bench, null) as (to_folder, to_archive):
        for _ in range(count):
            bench.storescu(null, pid)
            bench.model(reader)
            bench.round_trip("folder", to_folder)
            bench.round_trip("archive", to_archive, pid)
            shutil.rmtree(bench.folder / "out")


def latency(bench: Bench, rate: float, count: int) -> dict[str, float]:
    """Seconds from the answer to C-STORE until the result is stored, at a rate of films a second."""
    stored = bench.folder / "stored"
    stored.mkdir()
    answered: dict[str, float] = {}
    with (
        loopback.archive("-od", str(stored)) as (port, _),
        loopback.node(bench.folder / "c", loopback.archive_table(port)) as running,
    ):
        loopback.send(running.port, bench.films(8))
        wait_for(lambda: delivered(running) >= 8, PATIENCE_S)
        films = [dcmread(path) for path in sorted(bench.films(count).iterdir())]
        sender = AE()
        sender.add_requested_context(films[0].SOPClassUID, films[0].file_meta.TransferSyntaxUID)
        association = sender.associate("127.0.0.1", running.port, ae_title="PNEUMOSCOPE")
        began = time.time()
        for number, film in enumerate(films):
            time.sleep(max(0.0, began + number / rate - time.time()))
            assert association.send_c_store(film).Status == 0
            answered[film.StudyInstanceUID] = time.time()
        association.release()
        wait_for(lambda: delivered(running) >= 8 + count, PATIENCE_S)
    ends = last_objects(stored)
    times = [ends[study] - answered[study] for study in answered]
    return {
        "films": count,
        "rate": rate,
        "reached": count / (max(answered.values()) - began),
        "median_s": statistics.median(times),
        "p99_s": statistics.quantiles(times, n=100)[98],
    }


def last_objects(folder: Path) -> dict[str, float]:
    """When the last object of each study was written, by Study Instance UID."""
    written: dict[str, list[float]] = {}
    for path in folder.iterdir():
        study = dcmread(path, specific_tags=["StudyInstanceUID"]).StudyInstanceUID
        written.setdefault(study, []).append(path.stat().st_mtime)
    assert all(len(times) == OBJECTS for times in written.values())
    return {study: max(times) for study, times in written.items()}


def memory(bench: Bench, count: int) -> dict[str, float]:
    """Resident memory of all processes of a node while it reads many films."""
    bench.maker = FilmMaker(MEMORY_SIDE_PX)
    samples: list[float] = []
    out = bench.folder / "many"
    with loopback.node(bench.folder / "d", loopback.folder_table(out, ["sr"])) as running:

        def sample(target: int) -> bool:
            samples.append(loopback.memory_mib(list(loopback.processes(running))))
            return delivered(running) >= target

        for target in range(_PORTION, count + 1, _PORTION):
            loopback.send(running.port, bench.films(_PORTION))
            wait_for(partial(sample, target), PATIENCE_S, 0.5)
    tenth = max(1, len(samples) // 10)
    return {
        "films": count,
        "side_px": MEMORY_SIDE_PX,
        "first_mib": statistics.median(samples[tenth : 2 * tenth]),
        "last_mib": statistics.median(samples[-tenth:]),
        "most_mib": max(samples),
    }


def report(record: dict[str, Any]) -> None:
    """Prints the record for people."""
    for name, way in record["ways"].items():
        print(f"{name:9} {statistics.median(way['rate']):6.1f} films/s")
    for name, ratio in record["ratios"].items():
        print(f"{name}, of the slower of storescu and model: {ratio:.2f}")
    for name in ("latency", "memory"):
        if name in record:
            print(name, {key: round(value, 3) for key, value in record[name].items()})


def ratios(ways: dict[str, Way]) -> dict[str, float]:
    """Median over rounds of a round trip's rate over that of the slower of its two bounds."""
    bounds = [min(pair) for pair in zip(ways["storescu"].rate, ways["model"].rate, strict=True)]
    return {
        name: statistics.median(
            rate / bound for rate, bound in zip(ways[name].rate, bounds, strict=True)
        )
        for name in ("folder", "archive")
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").partition("\n")[0],
        epilog="example: python tools/bench_node.py --rounds 3 --films 60",
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--films", type=int, default=60, help="of 2 MiB in each part of a round")
    parser.add_argument("--latency-films", type=int, default=200, help="0: leave this out")
    parser.add_argument("--memory-films", type=int, default=2000, help="0: leave this out")
    parser.add_argument("--json", action="store_true", help="print the record for benchmarks/")
    options = parser.parse_args()
    if not (shutil.which("storescu") and shutil.which("storescp")):
        sys.exit("no storescu: apt-get install dcmtk")
    with tempfile.TemporaryDirectory(prefix="bench-node-") as name:
        bench = Bench(Path(name), options.films)
        rounds(bench, options.rounds)
        record: dict[str, Any] = {
            "rounds": options.rounds,
            "films": options.films,
            "cores": os.cpu_count(),
            "load": loopback.load(),
            "ways": {way: asdict(seen) for way, seen in bench.ways.items()},
            "ratios": ratios(bench.ways),
        }
        if options.latency_films:
            half = statistics.median(bench.ways["archive"].rate) / 2
            record["latency"] = latency(bench, half, options.latency_films)
        if options.memory_films:
            record["memory"] = memory(bench, options.memory_films)
    if options.json:
        print(json.dumps(record, indent=1))
    else:
        report(record)


if __name__ == "__main__":
    main()
