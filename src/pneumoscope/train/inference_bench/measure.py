"""Measures ways to read films in turns, so that other load affects all of them alike."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from importlib import metadata, util
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from pneumoscope.errors import UsageError
from pneumoscope.runtime import load, usable_cores
from pneumoscope.train.inference_bench.films import draw
from pneumoscope.train.inference_bench.process import WayProcess
from pneumoscope.train.inference_bench.ways import LITERT, NEEDS, READS, WAYS, Job

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pneumoscope.bundle import Bundle
    from pneumoscope.train.inference_bench.films import Films
    from pneumoscope.train.progress import Progress

KINDS = ("small", "large", "dicom")
MANY = {"small": 256, "large": 32}
"""Films in a round of many; the drawn ones are repeated."""
REPEATS = {"small": 20, "large": 5, "dicom": 5}
"""Readings of one film in a round."""
SLOW = {"notebook": 16}
"""Ways that get so many times fewer films in a round."""
FLOOR = "imports"
"""The lower bound of a start: ``import numpy, onnxruntime``."""
OURS, NETWORK, DECODING = "pneumoscope", "onnxruntime", "decoding"


@dataclass(slots=True)
class Times:
    """What was measured of one way, a value per round.

    Attributes:
        start_s: Seconds from the start of a process to its first verdict.
        one_ms: Kind of film to the median milliseconds of one film.
        rate: Kind of film to films a second on all cores.
        peak_mib: Largest resident memory, or None.
        installed_mb: Size of the packages that it needs, in 10^6 bytes, or None.
    """

    start_s: list[float] = field(default_factory=list)
    one_ms: dict[str, list[float]] = field(default_factory=dict)
    rate: dict[str, list[float]] = field(default_factory=dict)
    peak_mib: float | None = None
    installed_mb: float | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """The result of a benchmark.

    Attributes:
        ways: Name of a way to its times.
        stages_ms: Kind of film to the stages of reading one film with pneumoscope, in ms.
        versions: Name of a package to its version.
        processor: What the system calls it.
        cores: Threads for many films.
        rounds: Rounds measured.
        missing: Name of a way that was left out to the reason.
    """

    ways: dict[str, Times]
    stages_ms: dict[str, dict[str, float]]
    versions: dict[str, str]
    processor: str
    cores: int
    rounds: int
    missing: dict[str, str]

    def ratios(self) -> dict[str, float]:
        """The ratios that the targets are about, medians over rounds; those of ways that were measured.

        ``bulk_small``: films a second of 224 pixels, of those of the network alone. ``bulk_large``: films a
        second of 2,890 pixels, of the lower of network and decoding alone. ``one_small``, ``one_large``:
        milliseconds of one film, of network and decoding together. ``start``: seconds to the first
        verdict, of those of the imports. ``start_notebook``: how many times as long a notebook takes.
        """
        ours, network = self.ways.get(OURS), self.ways.get(NETWORK)
        decoding, notebook = self.ways.get(DECODING), self.ways.get("notebook")
        ratios: dict[str, float] = {}
        if ours is None:
            return ratios
        if network is not None:
            ratios["bulk_small"] = _over(ours.rate["small"], network.rate["small"])
        if network is not None and decoding is not None:
            lower = [*map(min, network.rate["large"], decoding.rate["large"])]
            ratios["bulk_large"] = _over(ours.rate["large"], lower)
            for kind in ("small", "large"):
                both = [
                    a + b for a, b in zip(network.one_ms[kind], decoding.one_ms[kind], strict=True)
                ]
                ratios[f"one_{kind}"] = _over(ours.one_ms[kind], both)
        if FLOOR in self.ways:
            ratios["start"] = _over(ours.start_s, self.ways[FLOOR].start_s)
        if notebook is not None:
            ratios["start_notebook"] = _over(notebook.start_s, ours.start_s)
        return ratios

    def bounds_ms(self) -> dict[str, float]:
        """Kind of film to the milliseconds of decoder and network alone, where both were measured."""
        network, decoding = self.ways.get(NETWORK), self.ways.get(DECODING)
        if network is None or decoding is None:
            return {}
        return {
            kind: median(ms) + median(network.one_ms[kind]) for kind, ms in decoding.one_ms.items()
        }

    def to_json(self) -> dict[str, Any]:
        """Everything, for a file."""
        return asdict(self) | {"ratios": self.ratios()}


def _over(values: Sequence[float], others: Sequence[float]) -> float:
    return median(a / b for a, b in zip(values, others, strict=True))


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
    times = {name: Times(installed_mb=installed_mb(name)) for name in (FLOOR, *names)}
    with ExitStack() as stack:
        started = {n: stack.enter_context(WayProcess(n, job, films.small[0])) for n in names}
        for round_ in range(rounds + 1):
            progress.count("measuring", round_ + 1, rounds + 1)
            record = times if round_ else {name: Times() for name in times}
            _starts(names, job, films, record)
            for name, process in started.items():
                _round(process, films, record[name])
        for name, process in started.items():
            times[name].peak_mib = process.peak_mib()
    stages = {kind: _stages(reader, films.of(kind)[0]) for kind in KINDS}
    return Measured(
        ways=times,
        stages_ms=stages,
        versions=_versions(names),
        processor=_processor(),
        cores=cores,
        rounds=rounds,
        missing=missing,
    )


def _starts(names: Sequence[str], job: Job, films: Films, times: Mapping[str, Times]) -> None:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import numpy, onnxruntime"], check=True)
    times[FLOOR].start_s.append(time.perf_counter() - began)
    for name in names:
        if name == OURS:  # the command, as a user starts it
            command = [sys.executable, "-m", "pneumoscope", "predict", str(films.small[0])]
            began = time.perf_counter()
            subprocess.run(
                [*command, "--bundle", str(job.bundle)], check=True, stdout=subprocess.DEVNULL
            )
            times[name].start_s.append(time.perf_counter() - began)
        elif name not in (NETWORK, DECODING):
            with WayProcess(name, job, films.small[0]) as process:
                times[name].start_s.append(process.start_s)


def _round(process: WayProcess, films: Films, times: Times) -> None:
    fewer = SLOW.get(process.name, 1)
    for kind in READS.get(process.name, KINDS):
        readings_ms = process.one_ms(films.of(kind)[0], max(1, REPEATS[kind] // fewer))
        times.one_ms.setdefault(kind, []).append(median(readings_ms))
    for kind, count in MANY.items():
        paths = films.of(kind)
        paths = (paths * (count // len(paths) + 1))[: count // fewer]
        times.rate.setdefault(kind, []).append(len(paths) / process.many_s(paths))


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


def installed_mb(name: str) -> float | None:
    """Size of the packages that a way needs, with those that they need, in 10^6 bytes; None if unknown."""
    roots = {"onnxruntime": ["onnxruntime"], "decoding": ["simplejpeg"], FLOOR: ["onnxruntime"]}
    notebook = ["keras", "tensorflow-cpu", "matplotlib", "Pillow"]
    roots |= {"notebook": notebook, "litert": ["tensorflow-cpu", "Pillow"], OURS: ["pneumoscope"]}
    try:
        packages = set(_with_needs(roots.get(name, [name])))
    except metadata.PackageNotFoundError:
        return None
    return sum(_size_mb(package) for package in packages)


def _with_needs(packages: Sequence[str]) -> Iterator[str]:
    from packaging.requirements import Requirement

    waiting, seen = list(packages), set[str]()
    while waiting:
        name = waiting.pop().lower().replace("_", "-")
        if name in seen:
            continue
        seen.add(name)
        yield name
        for line in metadata.distribution(name).requires or ():
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(requirement.name)


def _size_mb(package: str) -> float:
    files = metadata.distribution(package).files or ()
    paths = (file.locate() for file in files if not str(file).endswith(".pyc"))
    return sum(path.stat().st_size for path in paths if path.is_file()) / 1e6  # type: ignore[attr-defined]


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())


def _versions(names: Sequence[str]) -> dict[str, str]:
    packages = ["pneumoscope", "numpy", "onnxruntime", "Pillow", "simplejpeg", "pydicom"]
    if {"litert", "notebook"} & set(names):
        packages += ["keras", "tensorflow-cpu"]
    if "openvino" in names:
        packages.append("openvino")
    return {"python": sys.version.split()[0]} | {p: metadata.version(p) for p in packages}
