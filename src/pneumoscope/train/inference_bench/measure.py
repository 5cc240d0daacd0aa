"""Measures ways to read films in turns, so that other load affects all of them alike."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from contextlib import ExitStack
from importlib import util
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any

from pneumoscope.errors import BenchError, UsageError
from pneumoscope.records import REFUSED
from pneumoscope.runtime import GOLDEN_TOLERANCE, load, usable_cores
from pneumoscope.train.inference_bench.films import draw
from pneumoscope.train.inference_bench.installed import installed_mb, processor, versions
from pneumoscope.train.inference_bench.measured import FLOOR, OURS, SERVER, Measured, Times
from pneumoscope.train.inference_bench.process import WayProcess
from pneumoscope.train.inference_bench.way import Job
from pneumoscope.train.inference_bench.ways import LITERT, NEEDS, READS, WAYS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pneumoscope.bundle import Bundle
    from pneumoscope.train.inference_bench.films import Films
    from pneumoscope.train.progress import Progress

KINDS = ("small", "large", "dicom")
MANY = {"small": 256, "large": 32}
"""Films in a round of many; the drawn ones are repeated."""
REPEATS = {"small": 20, "large": 5, "dicom": 5}
"""Readings of one film in a round."""
SLOW = {"notebook": 16, "torch": 4, "torch-compiled": 4}
"""Ways that get so many times fewer films in a round."""
LOAD_S = 5.0
"""Seconds for which a server gets films at half its rate."""
_COMMANDS = {
    FLOOR: ("-c", "import numpy, onnxruntime"),
    OURS: ("-m", "pneumoscope", "predict", "{film}", "--bundle", "{bundle}"),
}
"""Name of a way to the arguments of Python that its start is measured with; other ways have their own process."""


def available(names: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """The ways that can run here, and why others cannot.

    Raises:
        UsageError: There is no way of this name.
    """
    for name in names:
        if name not in WAYS:
            raise UsageError(f"there is no way {name!r}", f"Choose among: {', '.join(WAYS)}.")
    missing = {
        name: f"{', '.join(lacking)} not installed"
        for name in names
        if (lacking := [m for m in NEEDS.get(name, ()) if util.find_spec(m) is None])
    }
    return [name for name in names if name not in missing], missing


def measure(
    bundle: Bundle, names: Sequence[str], folder: Path, progress: Progress, rounds: int
) -> Measured:
    """Measures ways to read films.

    Args:
        bundle: The bundle whose network all of them run.
        names: Names of `WAYS`.
        folder: For the films and for a copy of the bundle.
        progress: Shows how many rounds are done.
        rounds: Rounds, after one that warms up.

    Raises:
        UsageError: There is no way of this name.
        BenchError: A way failed.
    """
    names, missing = available(names)
    reader = load(bundle)
    cores = usable_cores()
    job = Job(_copy(bundle, folder, names), cores, reader.draft_px or 0)
    films = draw(folder)
    drawn = [film for kind in KINDS for film in films.of(kind)]
    refused = sum(
        o.prediction is not None and o.prediction.label == REFUSED
        for o in reader.predict_many(drawn)
    )
    times = {name: Times(installed_mb=installed_mb(name)) for name in (FLOOR, *names)}
    environ = with_bytecode(folder / "bytecode")
    _starts({name: Times() for name in times}, job, films, environ)  # compiling takes memory, too
    with ExitStack() as stack:
        started = {
            n: stack.enter_context(WayProcess(n, job, films.small[0], environ)) for n in names
        }
        for name, process in started.items():
            times[name].golden_dp = _agreement(process)
        for round_ in range(rounds + 1):
            progress.count("measuring", round_ + 1, rounds + 1)
            record = times if round_ else {name: Times() for name in times}
            if round_:
                _starts(record, job, films, environ)
            for name, process in started.items():
                _round(process, films, record[name])
        for name, process in started.items():
            times[name].peak_mib = process.memory_mib()
    stages = {kind: _stages(reader, films.of(kind)[0]) for kind in KINDS}
    return Measured(
        ways=times,
        stages_ms=stages,
        versions=versions(names),
        processor=processor(),
        cores=cores,
        rounds=rounds,
        missing=missing,
        refused=refused,
    )


def _agreement(process: WayProcess) -> float | None:
    """The largest |dp| of a way's network from the golden outputs; None if it has another network."""
    dp = process.golden_dp()
    if dp is not None and not dp <= GOLDEN_TOLERANCE:
        raise BenchError(
            f"{process.name}: its network differs from the bundle's by {dp:.2g}",
            "Leave it out with --ways.",
        )
    return dp


def with_bytecode(folder: Path) -> dict[str, str]:
    """Environment variables of processes that keep the bytecode of every module, as an installed package does.

    Without it, a start would compile the package anew where it is a checkout, or where the system forbids to write
    bytecode, but not NumPy and ONNX Runtime, whose bytecode is installed.

    Args:
        folder: Where they keep it.
    """
    environ = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return environ | {"PYTHONPYCACHEPREFIX": str(folder)}


def _starts(times: Mapping[str, Times], job: Job, films: Films, environ: Mapping[str, str]) -> None:
    for name in times:
        if name in _COMMANDS:  # the command, as a user starts it
            command = [
                part.format(film=films.small[0], bundle=job.bundle) for part in _COMMANDS[name]
            ]
            began = time.perf_counter()
            subprocess.run(
                [sys.executable, *command], check=True, stdout=subprocess.DEVNULL, env=environ
            )
            times[name].start_s.append(time.perf_counter() - began)
        else:
            with WayProcess(name, job, films.small[0], environ) as process:
                times[name].start_s.append(process.start_s)


def _round(process: WayProcess, films: Films, times: Times) -> None:
    fewer = SLOW.get(process.name, 1)
    for kind in READS.get(process.name, KINDS):
        readings_ms = process.one_ms(films.of(kind)[0], max(1, REPEATS[kind] // fewer))
        times.one_ms.setdefault(kind, []).append(median(readings_ms))
    for kind, count in MANY.items():
        paths = films.of(kind)
        paths = (paths * (count // len(paths) + 1))[: max(1, count // fewer)]
        seconds, cpu_s = process.many_s(paths)
        times.rate.setdefault(kind, []).append(len(paths) / seconds)
        times.cpu_ms.setdefault(kind, []).append(1000 * cpu_s / len(paths))
    if process.name == SERVER:
        each_ms = process.at_rate_ms(films.small, times.rate["small"][-1] / 2, LOAD_S)
        times.p99_ms.append(quantiles(each_ms, n=100)[98])


def _stages(reader: Any, film: Path) -> dict[str, float]:
    """Medians of the stages that a prediction reports, in ms."""
    each = [reader.predict(film).timings_ms for _ in range(REPEATS["small"])]
    return {stage: median(times[stage] for times in each) for stage in each[0]}


def _copy(bundle: Bundle, folder: Path, names: Sequence[str]) -> Path:
    """The bundle's folder, in which an export of it may lie."""
    if "litert" not in names:
        return bundle.path
    from pneumoscope.train.formats.convert import export
    from pneumoscope.train.quiet import no_chatter

    copy = folder / "bundle"
    shutil.copytree(bundle.path, copy)
    with no_chatter():
        exported = export(bundle, "litert", folder / "exported.tflite", None, lambda _note: None)
    shutil.move(exported.path, copy / LITERT)
    return copy
