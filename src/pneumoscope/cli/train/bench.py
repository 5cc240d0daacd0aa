"""``pneumoscope bench``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pneumoscope.cli.options import Cache, Json
from pneumoscope.cli.terminal import print_json
from pneumoscope.cli.train.options import Backend, Data, RecipeName, prepare_training

if TYPE_CHECKING:
    from collections.abc import Mapping

app = typer.Typer(help="Measure speed on this machine.", no_args_is_help=True)

Steps = Annotated[int, typer.Option(min=1, metavar="N", help="Steps in a round.")]
Rounds = Annotated[
    int, typer.Option(min=1, metavar="N", help="Rounds, of which the medians are printed.")
]


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
    with no_chatter():
        from pneumoscope.train import bench

    with Progress() as progress:
        figures = bench.measure(resolved, root, cache, progress, steps, rounds)
    if json:
        print_json(figures)
    else:
        _print(figures, steps, rounds)


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
