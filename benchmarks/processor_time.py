"""Processor times behind the targets that are missed: of one film and its steps, of the start, and of the server by its threads.

    python benchmarks/processor_time.py film --rounds 9
    python benchmarks/processor_time.py steps --rounds 9
    python benchmarks/processor_time.py start --rounds 20
    python benchmarks/processor_time.py server --rounds 8
    python benchmarks/processor_time.py server --profile FILE

What is compared takes turns, and other load on the machine changes processor time least of all. ``server`` needs Linux and the
extra `serve`; it also prints how long a film takes at an eighth, a quarter and half of the server's rate. With ``--profile`` the
thread that speaks HTTP runs under cProfile, which slows it down: what it calls is printed in the place of all times.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from pstats import Stats
from statistics import median, quantiles

import numpy as np

import pneumoscope
from batches_and_threads import read_all, session
from in_turns import Cost, in_turns, speeds, table
from pneumoscope import images
from pneumoscope.bundle import Bundle, open_bundle
from pneumoscope.decision import gate
from pneumoscope.runtime import Classifier, load
from pneumoscope.train.inference_bench import measure
from pneumoscope.train.inference_bench.films import draw
from pneumoscope.train.inference_bench.http_load import (
    Server,
    at_once,
    at_rate,
    cpu_s,
    processes,
    request,
    serving,
)
from pneumoscope.train.inference_bench.server_way import CLIENTS
from pneumoscope.train.inference_bench.way import Job
from pneumoscope.train.inference_bench.ways import Decoding

OURS = "`predict_many`"
SHARES = (1 / 8, 1 / 4, 1 / 2)
"""Of the server's rate, at which films come to it."""
NAMED = """
import ctypes, runpy, sys, threading
run, prctl = threading.Thread.run, ctypes.CDLL(None).prctl
def named(thread):
    prctl(15, thread.name.encode()[:15], 0, 0, 0)  # PR_SET_NAME, prctl(2)
    run(thread)
threading.Thread.run = named
runpy.run_module("pneumoscope", run_name="__main__")
"""
"""Runs the command line so that the system knows the names of its threads."""
PROFILED = """
import cProfile, os, runpy, sys, time
os._exit = sys.exit  # the command line ends by it, and the profile would be lost
file, profile = sys.argv.pop(1), cProfile.Profile(time.thread_time)
try:
    profile.runcall(runpy.run_module, "pneumoscope", run_name="__main__")
finally:
    profile.dump_stats(file)
"""
"""Runs the command line with its first thread under cProfile."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=("film", "steps", "start", "server"))
    parser.add_argument("--bundle", default="children")
    parser.add_argument("--films", type=int, default=128, help="films in a round, but of start")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--profile", type=Path, help="file of cProfile, of server only")
    options = parser.parse_args()
    bundle = open_bundle(options.bundle)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        drawn = draw(folder, small=64, large=0, dicom=0).small
        films = (drawn * (options.films // len(drawn) + 1))[: options.films]
        if options.what == "film":
            costs = in_turns(of_a_film(bundle, films), options.rounds)
            print(table(costs, next(iter(costs)), len(films)))
        elif options.what == "steps":
            print(step_table(bundle, films, options.rounds))
        elif options.what == "start":
            print(start_table(in_turns(of_the_start(bundle, films[0], folder), options.rounds)))
        elif options.profile:
            profile(bundle, films, options.rounds, options.profile)
        else:
            of_the_server(bundle, films, options.rounds)


def of_a_film(bundle: Bundle, films: Sequence[Path]) -> dict[str, Callable[[], None]]:
    """The steps of a verdict, each called by itself for one film after another; `predict` calls all."""
    reader = load(bundle, threads=1)
    assert isinstance(reader, Classifier)
    prepared = [reader.prepare(film) for film in films]
    inputs = [np.ascontiguousarray(item.pixels[None, ..., None]) for item in prepared]
    alone = session(bundle, 1)
    decoding = Decoding(Job(bundle.path, 1, reader.draft_px or 0))
    steps: dict[str, tuple[Callable[..., object], Sequence[object]]] = {
        "the network alone": (lambda film: alone.run(None, {"films": film}), inputs),
        "`measure`: with the gate": (lambda item: reader.measure([item]), prepared),
        "`judge`: with the decision and the check of the heatmap": (lambda item: reader.judge([item]), prepared),
        "the decoder alone": (decoding.read, films),
        "`prepare`": (reader.prepare, films),
        "`predict`": (reader.predict, films),
    }  # fmt: skip
    return {name: partial(_each, call, items) for name, (call, items) in steps.items()}


def _each(call: Callable[..., object], items: Sequence[object]) -> None:
    for item in items:
        call(item)


def step_table(bundle: Bundle, films: Sequence[Path], rounds: int) -> str:
    """Steps in a loop of their own, and each after a run of the network, which displaces code and data from the caches."""
    reader = load(bundle, threads=1)
    assert isinstance(reader, Classifier)
    meta = bundle.meta
    read = partial(images.read, at_least_px=reader.draft_px)
    content = [film.read_bytes() for film in films]
    decoded = [read(data) for data in content]
    prepared = [reader.prepare(film) for film in films]
    measured = [reader.measure([item])[0] for item in prepared]
    inputs = [np.ascontiguousarray(item.pixels[None, ..., None]) for item in prepared]
    alone = session(bundle, 1)
    steps: dict[str, Callable[[int], object]] = {
        "the file": lambda i: images.load_bytes(films[i], "film"),
        "decoding it": lambda i: read(content[i]),
        "the network's input": lambda i: images.model_input(decoded[i], meta.size, meta.source_size),
        "the gate's statistics": lambda i: gate.grey_statistics(prepared[i].pixels),
        "decision, check of the heatmap, zones": lambda i: reader.conclude(prepared[i], measured[i]),
        "the network again": lambda i: alone.run(None, {"films": inputs[i]}),
    }  # fmt: skip
    lines = ["| | in a loop of its own, ms | after a run of the network, ms |", "|---|---|---|"]
    for name, step in steps.items():
        warm, cold = [], []
        for _ in range(rounds):
            warm += [_thread_ms(step, i) for i in range(len(films))]
            for i in range(len(films)):
                alone.run(None, {"films": inputs[i]})
                cold.append(_thread_ms(step, i))
        lines.append(f"| {name} | {median(warm):.2f} | {median(cold):.2f} |")
    return "\n".join(lines)


def _thread_ms(step: Callable[[int], object], i: int) -> float:
    before = time.thread_time_ns()
    step(i)
    return (time.thread_time_ns() - before) / 1e6


def of_the_start(bundle: Bundle, film: Path, folder: Path) -> dict[str, Callable[[], float]]:
    """Commands from their start to their end; they return their processor time in seconds."""
    compiled = measure.with_bytecode(folder / "bytecode")
    package = Path(pneumoscope.__file__).parent
    shutil.copytree(package, folder / package.name, ignore=shutil.ignore_patterns("__pycache__"))
    checkout = os.environ | {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(folder)}
    predict = ("-m", "pneumoscope", "predict", str(film), "--bundle", str(bundle.path))
    return {
        "`import numpy, onnxruntime`": partial(_command_s, ("-c", "import numpy, onnxruntime"), compiled),
        "`pneumoscope predict`": partial(_command_s, predict, compiled),
        "the same in a checkout without bytecode": partial(_command_s, predict, checkout),
    }  # fmt: skip


def _command_s(arguments: Sequence[str], environ: Mapping[str, str]) -> float:
    def spent() -> float:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    before = spent()
    command = [sys.executable, *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environ)
    return spent() - before


def start_table(costs: Mapping[str, list[Cost]]) -> str:
    """Costs of commands as a Markdown table, compared with those of the first."""
    first = next(iter(costs))
    lines = [f"| | s | processor time, ms | as long as {first}, by processor time |", "|---|---|---|---|"]  # fmt: skip
    for name, ratios in speeds(costs, first).items():
        middle, fastest, slowest = (1 / ratio.cpu_s for ratio in (ratios[0], ratios[2], ratios[1]))
        clock_s, cpu = (median(values) for values in zip(*costs[name], strict=True))
        lines.append(f"| {name} | {clock_s:.2f} | {1000 * cpu:.0f} | {middle:.2f} ({fastest:.2f} to {slowest:.2f}) |")  # fmt: skip
    return "\n".join(lines)


def of_the_server(bundle: Bundle, films: Sequence[Path], rounds: int) -> None:
    """Prints where the server's processor time goes, and how long films take at low rates."""
    reader = load(bundle)
    options = ("--bundle", str(bundle.path))
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(folder, *options, program=("-c", NAMED)) as server,
    ):
        requests = [request([film.read_bytes()], server.host) for film in films]
        parts, seconds = [], []
        for round_ in range(rounds + 1):
            cpu, before = time.process_time(), part_s(server)
            read_all(reader, films)
            ours, began = time.process_time() - cpu, time.perf_counter()
            asyncio.run(at_once(requests, CLIENTS, server))
            taken, spent = time.perf_counter() - began, part_s(server)
            spent.subtract(before)
            spent[OURS] = ours
            spent["the clients"] = time.process_time() - cpu - ours
            if round_:  # the first one warms up
                parts.append(spent)
                seconds.append(taken)
        print(part_table(parts, len(films)))
        _print_latencies(reader, films[0], requests, len(films) / median(seconds), server)


def profile(bundle: Bundle, films: Sequence[Path], rounds: int, file: Path) -> None:
    """Prints what the thread that speaks HTTP calls, by the share of its time."""
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(
            folder, "--bundle", str(bundle.path), program=("-c", PROFILED, str(file))
        ) as server,
    ):
        requests = [request([film.read_bytes()], server.host) for film in films]
        for _ in range(rounds):
            asyncio.run(at_once(requests, CLIENTS, server))
    Stats(str(file)).sort_stats("cumulative").print_stats(
        r"pneumoscope|fastapi|uvicorn", r"\((?!<module>)", 60
    )


def part_s(server: Server) -> Counter[str]:
    """Processor time of the server's threads and decoders so far, in seconds."""
    spent: Counter[str] = Counter()
    tick_s = 1 / os.sysconf("SC_CLK_TCK")
    for task in Path(f"/proc/{server.pid}/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # the thread has ended
            head, _, rest = (task / "stat").read_text().rpartition(")")
            fields = rest.split()
            ticks = int(fields[11]) + int(fields[12])  # utime and stime, proc(5)
            spent[_part(int(task.name) == server.pid, head.partition("(")[2])] += ticks * tick_s
    spent["the confined decoders"] = sum(map(cpu_s, processes(server.pid)[1:]))
    return spent


def _part(is_main: bool, name: str) -> str:
    if is_main:
        return "the thread that speaks HTTP"
    return "the threads that run batches" if name.startswith("batch-") else "other threads"


def part_table(parts: Sequence[Counter[str]], films: int) -> str:
    """Medians over rounds as a Markdown table, the largest first."""
    names = {name for spent in parts for name in spent}
    medians = {name: median(1000 * spent[name] / films for spent in parts) for name in names}
    lines = ["| | processor time of a film, ms |", "|---|---|"]
    lines += [f"| {name} | {ms:.2f} |" for name, ms in sorted(medians.items(), key=lambda x: -x[1])]
    whole = median(sum(s.values()) - s[OURS] for s in parts)
    return "\n".join([*lines, f"| the server and its clients | {1000 * whole / films:.2f} |"])


def _print_latencies(
    reader: Classifier, film: Path, requests: Sequence[bytes], rate: float, server: Server
) -> None:
    def one_ms() -> float:
        began = time.perf_counter()
        reader.predict(film)
        return 1000 * (time.perf_counter() - began)

    print(f"\nOne film by `predict`: median {median(one_ms() for _ in range(100)):.1f} ms.\n")
    print("| films/s | share of the server's rate | median, ms | 99th percentile, ms |\n|---|---|---|---|")  # fmt: skip
    for share in SHARES:
        each_ms = asyncio.run(at_rate(requests, rate * share, measure.LOAD_S, server))
        print(f"| {rate * share:.0f} | {share:.3f} | {median(each_ms):.1f} | {quantiles(each_ms, n=100)[98]:.1f} |")  # fmt: skip


if __name__ == "__main__":
    main()
