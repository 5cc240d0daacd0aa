"""What gate and heatmap checks add to a verdict, side by side, in processor time of one thread.

    python tools/bench_gate.py --data chest_xray --rounds 15

Each round reads the same 224-pixel films one by one in three ways, in turn: without gate and checks,
with the gate, and with gate and ``--explain fast``. Prints medians of ratios over the rounds, with
the range.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import numpy as np

from pneumoscope.bundle import open_bundle
from pneumoscope.decision import gate, triage
from pneumoscope.decision.lung_scores import lung_scores
from pneumoscope.records import Settings
from pneumoscope.runtime import load


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--films", type=int, default=40)
    args = parser.parse_args()
    films = [path.read_bytes() for path in sorted(args.data.rglob("*.jpeg"))[:: 5000 // args.films]]
    films = films[: args.films]
    quick = load(open_bundle(), threads=1)
    plain = load(open_bundle(), threads=1, settings=Settings(explain="none"))
    meta = plain.bundle.meta

    def bare(film: bytes) -> None:
        """The way of `Classifier.predict` without the gate."""
        item = plain.prepare(film)
        outputs = plain.run(np.stack([item.pixels])[..., None])
        named = dict(zip(meta.labels, outputs.probabilities[0].tolist(), strict=True))
        triage.judge(named, plain.rules)

    ways = {"bare": bare, "gate": plain.predict, "gate and fast checks": quick.predict}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(args.rounds + 1):
        for name, way in ways.items():
            started = time.thread_time()
            for film in films:
                way(film)
            seconds[name].append((time.thread_time() - started) / len(films))
    first = seconds["bare"][1:]
    print(f"bare verdict: {1000 * statistics.median(first):.2f} ms a film")
    for name in list(ways)[1:]:
        ratios = [second / bare for second, bare in zip(seconds[name][1:], first, strict=True)]
        print(f"{name}: {statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})")
    film = np.zeros((meta.size, meta.size), np.uint8)
    outputs = plain.run(film[None, ..., None])
    steps = {"grey statistics": lambda: gate.grey_statistics(film)}
    if plain.bundle.gate is not None and outputs.features is not None:
        heads = gate.read_heads(plain.bundle.gate)
        steps["heads"] = lambda: heads.scores(outputs.features)
    if outputs.lungs is not None:
        steps["lung field"] = lambda: lung_scores(outputs.lungs)
    for name, step in steps.items():
        started = time.thread_time()
        for _ in range(300):
            step()
        print(f"{name}: {1000 * (time.thread_time() - started) / 300:.3f} ms")


if __name__ == "__main__":
    main()
