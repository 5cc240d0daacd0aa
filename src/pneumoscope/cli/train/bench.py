"""``pneumoscope bench``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pneumoscope.cli.extras import require
from pneumoscope.cli.one_bundle import bundle_or_first
from pneumoscope.cli.options import Bundle, Cache, Json
from pneumoscope.cli.terminal import console, escape, plain_table, print_json, print_table
from pneumoscope.cli.train.options import (
    Backend,
    Data,
    RecipeName,
    Yes,
    confirm_code,
    prepare_training,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pneumoscope.train.inference_bench.measured import Measured

app = typer.Typer(help="Measure speed on this machine.", no_args_is_help=True)

Steps = Annotated[int, typer.Option(min=1, metavar="N", help="Steps in a round.")]
Rounds = Annotated[
    int, typer.Option(min=1, metavar="N", help="Rounds, of which the medians are printed.")
]
Ways = Annotated[
    str,
    typer.Option(
        metavar="NAMES",
        help="What to compare, with commas: pneumoscope, server, onnxruntime, decoding, openvino, "
        "litert, torch, torch-compiled, notebook; those that are not installed are left out.",
    ),
]
Plot = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Write where the time goes as a plot, .svg or .png."),
]
AtLeast = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Fail if a ratio is more than a fifth worse (the start: three tenths) than in this file, which --json wrote.",
    ),
]
ALL_WAYS = "pneumoscope,server,onnxruntime,decoding,openvino,litert,torch,torch-compiled,notebook"


@app.callback()
def _group() -> None:
    # Without a callback, typer replaces a group of one command by that command.
    pass


@app.command("train", epilog="Example: pneumoscope bench train flagship --data chest_xray")
def bench_train(
    recipe: RecipeName = "flagship",
    data: Data = None,
    backend: Backend = "tensorflow",
    cache: Cache = None,
    steps: Steps = 10,
    rounds: Rounds = 5,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Measure training in films per second.

    Compares the network alone, this training, and decoding film by film as
    notebooks do, in turns.
    """
    root = prepare_training(backend, data)
    from pneumoscope.train.progress import Progress
    from pneumoscope.train.quiet import no_chatter
    from pneumoscope.train.recipe import reading

    resolved = reading.load(recipe)
    confirm_code(resolved, yes=yes)
    with no_chatter():
        from pneumoscope.train import bench

    with Progress() as progress:
        figures = bench.measure(resolved, root, cache, progress, steps, rounds)
    if json:
        print_json(figures)
    else:
        _print(figures, steps, rounds)


@app.command(
    "inference", epilog="Example: pneumoscope bench inference --rounds 3 --plot stages.svg"
)
def bench_inference(
    bundle: Bundle = None,
    ways: Ways = ALL_WAYS,
    rounds: Rounds = 5,
    plot: Plot = None,
    at_least: AtLeast = None,
    json: Json = False,
) -> None:
    """Measure reading in films per second.

    Compares pneumoscope, its server, the network and the decoder alone, other
    runtimes, and reading as notebooks do, in turns, on synthetic films.
    """
    from pneumoscope.bundle import open_bundle
    from pneumoscope.errors import UsageError

    if plot is not None and plot.suffix not in (".svg", ".png"):
        raise UsageError(f"{plot}: plots are .svg or .png", "Change the ending.")
    if plot is not None:
        require("plots", "evidence", "matplotlib")
    names = list(dict.fromkeys(name.strip() for name in ways.split(",") if name.strip()))
    if not names:
        raise UsageError("--ways names no way", f"Choose among: {ALL_WAYS}.")
    if {"litert", "notebook"} & set(names):
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from pneumoscope.train.inference_bench import limits, measure
    from pneumoscope.train.progress import Progress

    recorded = None if at_least is None else limits.read(at_least)
    with TemporaryDirectory() as folder, Progress() as progress:
        opened = open_bundle(bundle_or_first(bundle))
        measured = measure.measure(opened, names, Path(folder), progress, rounds)
    if plot is not None:
        from pneumoscope.evidence.report.plots.stages import stages_plot
        from pneumoscope.files import replacing

        drawn = stages_plot(measured.stages_ms, measured.bounds_ms())
        with replacing(plot) as stream:
            stream.write(drawn.png if plot.suffix == ".png" else drawn.svg)
    if json:
        print_json(measured.to_json())
    else:
        _print_inference(measured)
    if recorded is not None:
        limits.check(measured.ratios(), recorded)


def _print_inference(measured: Measured) -> None:
    out = console()
    for name, reason in measured.missing.items():
        out.print(f"{escape(name)} left out: {escape(reason)}")
    right = (
        "start s", "224 px", "2890 px", "DICOM", "224 px/s", "2890 px/s", "CPU ms", "MiB", "MB on disk",
    )  # fmt: skip
    table = plain_table("way", *right, right=right)
    for name, times in measured.ways.items():
        latencies = [_median(times.one_ms.get(kind, ()), 1) for kind in ("small", "large", "dicom")]
        rates = [_median(times.rate.get(kind, ()), 0) for kind in ("small", "large")]
        sizes = [
            "" if size is None else f"{size:.0f}" for size in (times.peak_mib, times.installed_mb)
        ]
        cpu_ms = _median(times.cpu_ms.get("small", ()), 1)
        table.add_row(name, _median(times.start_s, 2), *latencies, *rates, cpu_ms, *sizes)
    print_table(out, table)
    out.print(
        f"Medians of {measured.rounds} rounds on {measured.cores} cores: start to the first verdict; "
        "milliseconds of one film; films a second of many, and the processor time of one of 224 px."
    )
    if measured.refused:
        out.print(f"The bundle refuses {measured.refused} of the films: these get no heatmap.")
    for name, ratio in measured.ratios().items():
        out.print(f"{ratio:5.2f}  {_RATIOS[name]}", soft_wrap=True)


_RATIOS = {
    "bulk_small": "films a second of 224 pixels, relative to the network alone (higher is better)",
    "bulk_large": "films a second of 2,890 pixels, relative to the slower of decoding and network alone",
    "one_small": "time of one film of 224 pixels, relative to network and decoding alone (lower is better)",
    "one_large": "time of one film of 2,890 pixels, relative to network and decoding alone",
    "start": "time to the first verdict, relative to importing numpy and onnxruntime",
    "start_notebook": "time to a notebook's first verdict, relative to ours",
    "server_small": "films a second of 224 pixels through the server, relative to ours without it",
    "server_cpu": "our processor time of a film of 224 pixels, relative to server and client",
    "server_p99": "the server's 99th percentile at half load, relative to our time of one film",
}


def _median(values: Sequence[float], digits: int) -> str:
    return f"{median(values):.{digits}f}" if values else ""


def _print(figures: Mapping[str, Any], steps: int, rounds: int) -> None:
    low, high = figures["later_share_range"]
    sys.stdout.write(
        f"{figures['recipe']} on {figures['films']} training films of {figures['megapixels']:.2f} "
        f"megapixels (median)\n"
        f"Films a second, medians of {rounds} rounds of {steps} steps:\n"
        f"  {figures['random']:7.1f}  the network on random arrays\n"
        f"  {figures['later']:7.1f}  training, later epochs: {figures['later_share']:.2f} of that "
        f"({low:.2f} to {high:.2f})\n"
        f"  {figures['first']:7.1f}  training, first epoch, with building the cache "
        f"({figures['decode']:.0f} a second)\n"
        f"  {figures['notebook']:7.1f}  decoding and augmenting film by film in each epoch\n"
        f"Against film by film: first epoch {figures['speedup_first']:.2f} times, later ones "
        f"{figures['speedup_later']:.2f} times as fast.\n"
    )
