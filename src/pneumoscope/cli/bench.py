"""``pneumoscope bench``."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from pneumoscope.cli.train import prepare

if TYPE_CHECKING:
    from pathlib import Path


def train(
    name: str,
    data: Path | None,
    cache: Path | None,
    backend: str,
    steps: int,
    rounds: int,
    *,
    as_json: bool,
) -> None:
    """Measures training beside its ceiling and beside the notebooks' way."""
    root = prepare(backend, data)
    from pneumoscope.train.progress import Progress
    from pneumoscope.train.quiet import no_chatter
    from pneumoscope.train.recipe import reading

    resolved = reading.load(name)
    with no_chatter():
        from pneumoscope.train import bench

    with Progress() as progress:
        found = bench.measure(resolved, root, cache, progress, steps, rounds)
    if as_json:
        sys.stdout.write(json.dumps(found) + "\n")
        return
    low, high = found["later_share_range"]
    sys.stdout.write(
        f"{found['recipe']} on {found['films']} training films of {found['megapixels']:.2f} "
        f"megapixels (median)\n"
        f"Films a second, medians of {rounds} rounds of {steps} steps:\n"
        f"  {found['random']:7.1f}  the network on random arrays\n"
        f"  {found['later']:7.1f}  training, later epochs: {found['later_share']:.2f} of that "
        f"({low:.2f} to {high:.2f})\n"
        f"  {found['first']:7.1f}  training, first epoch, with building the cache "
        f"({found['decode']:.0f} a second)\n"
        f"  {found['notebook']:7.1f}  decoding and augmenting film by film in each epoch\n"
        f"Against film by film: first epoch {found['speedup_first']:.2f} times, later ones "
        f"{found['speedup_later']:.2f} times as fast.\n"
    )
