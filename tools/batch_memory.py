"""Measures whether the memory of `pneumoscope batch` grows with the number of films.

    python tools/batch_memory.py --rows 1000000
    python tools/batch_memory.py --rows 20000 --films FOLDER

The first reads a manifest of made-up names, with a stub in place of decoder and network. The second reads films, linked as often
as needed, with as many processes as there are cores. Printed is the resident memory of all processes, the workers' included,
after every tenth of the rows; at the end the highest, and the rows that the Parquet files have.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import tempfile
import time
from collections.abc import Generator, Iterator
from pathlib import Path

import pyarrow.dataset as ds

from pneumoscope import runtime
from pneumoscope.batch.columns import PATH, SHA256, STAMP, Row
from pneumoscope.batch.films import Film
from pneumoscope.batch.job import ReadJob
from pneumoscope.batch.listing import Listing
from pneumoscope.batch.places import Folder
from pneumoscope.batch.run import SHARD_ROWS, Engine, Tally, run
from pneumoscope.batch.workers import Workers
from pneumoscope.train.inference_bench.http_load import memory_mib

STEPS = 10


class StubEngine:
    """Rows without films: the hash is that of the name."""

    chunk_films = capacity = 16

    def results(self, chunks: Iterator[list[Film]]) -> Generator[list[Row], None, None]:
        for films in chunks:
            yield [self._row(film) for film in films]

    def _row(self, film: Film) -> Row:
        sha256 = hashlib.sha256(film.name.encode()).hexdigest()
        return {
            PATH: film.name,
            SHA256: sha256,
            STAMP: film.stamp,
            "label": "NORMAL",
            "p_unadjusted": int(sha256[:4], 16) / 65536,
        }


class Watch:
    """Prints the memory after every tenth of the rows, and remembers the highest."""

    def __init__(self, rows: int) -> None:
        self.rows, self.next, self.highest, self.began = rows, 0, 0.0, time.monotonic()

    def __call__(self, tally: Tally) -> None:
        if tally.done < self.next * self.rows / STEPS:
            return
        mib = memory_mib(os.getpid())
        self.highest = max(self.highest, mib)
        seconds = time.monotonic() - self.began
        print(f"{tally.done:>9,} rows: {mib:.0f} MiB, {seconds:.0f} s", flush=True)
        self.next += 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--films", type=Path, help="folder of films that are read")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        if given.films is None:
            manifest = folder / "films.csv"
            with manifest.open("w", encoding="utf-8") as stream:
                stream.write("path\n")
                stream.writelines(f"{i:0100}.png\n" for i in range(given.rows))
            source = manifest
            engine: Engine = StubEngine()
            job = ReadJob.of(runtime.load(), None, heatmaps=False)
        else:
            source, (engine, job) = linked(given.films, given.rows, folder / "films"), workers()
        tally, watch = measured(source, folder / "out", job, engine, given.rows)
        count = ds.dataset(list((folder / "out").glob("part-*.parquet"))).count_rows()
        print(f"{tally.written:,} rows written, {count:,} in the files, {tally.failed:,} errors")
        print(f"highest: {watch.highest:.0f} MiB")


def workers() -> tuple[Workers, ReadJob]:
    cores = runtime.usable_cores()
    job = ReadJob.of(runtime.load(threads=cores), None, heatmaps=False)
    return Workers(job, cores, SHARD_ROWS), job


def measured(
    source: Path, out: Path, job: ReadJob, engine: Engine, rows: int
) -> tuple[Tally, Watch]:
    out.mkdir()
    watch = Watch(rows)
    return run(Listing(str(source)), Folder(out), job, engine, step=watch), watch


def linked(films: Path, rows: int, folder: Path) -> Path:
    """A folder with as many links to films."""
    paths = [Path(os.fspath(film.source)).resolve() for film in Listing(str(films)).films()]
    for i in range(rows):
        link = folder / f"{i // 1000:03}" / f"{i:06}{paths[i % len(paths)].suffix}"
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(paths[i % len(paths)])
    return folder


if __name__ == "__main__":
    main()
