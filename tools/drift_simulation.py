"""How often `pneumoscope drift` raises a false alarm, and how soon it notices a change.

    python tools/drift_simulation.py

Drawn sites: log odds of ill and healthy children are normal around 3 and -3.5 with a standard
deviation of 2 (close to what the shipped bundle gives its validation films), a gate measurement is
standard normal, and the gate refuses what exceeds the limit that the site's own reference films set
(at most 2 % of them). Each repetition draws a new reference, so that its chance is part of the
figures. Seeds are fixed. Prints Markdown tables.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pneumoscope.evidence.site.drift import ALPHA
from pneumoscope.evidence.site.martingale import log_stakes, ranks

Array = NDArray[np.float64]
ILL, HEALTHY, SD = 3.0, -3.5, 2.0
CHANNELS = 3


@dataclass(frozen=True, slots=True)
class Site:
    """What comes in: prevalence, shift of the log odds and of the gate measurement in their own
    standard deviations over all films, and films per patient."""

    name: str
    prevalence: float = 0.5
    score: float = 0.0
    gate: float = 0.0
    films_per_patient: int = 1


QUIET = Site("no change")
CHANGES = (
    Site("share of ill films 0.5 to 0.3", prevalence=0.3),
    Site("share of ill films 0.5 to 0.7", prevalence=0.7),
    Site("log odds 0.25 sd higher", score=0.25),
    Site("log odds 0.5 sd higher", score=0.5),
    Site("log odds 1 sd lower", score=-1.0),
    Site("gate measurement 0.5 sd higher", gate=0.5),
    Site("gate measurement 1 sd higher", gate=1.0),
    Site("gate measurement 2 sd higher", gate=2.0),
)


def films(site: Site, number: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Log odds and gate measurement of a site's films, (number,) each."""
    each = site.films_per_patient
    patients = -(-number // each)
    ill = np.repeat(rng.random(patients) < site.prevalence, each)[:number]
    spread = np.hypot(SD, 0.5 * (ILL - HEALTHY))
    # Films of one patient share half of the variance.
    channels = []
    for _ in range(2):
        common = np.repeat(rng.standard_normal(patients), each)[:number]
        single = rng.standard_normal(number)
        channels.append(single if each == 1 else np.sqrt(0.5) * (common + single))
    score = np.where(ill, ILL, HEALTHY) + SD * channels[0] + site.score * spread
    return score, channels[1] + site.gate


def played(
    reference: int, before: int, after: int, site: Site, rng: np.random.Generator
) -> list[Array]:
    """Ranks in each channel of a stretch that changes after some films."""
    start = Site(QUIET.name, films_per_patient=site.films_per_patient)
    ref_score, ref_gate = films(QUIET, reference, rng)
    parts = (films(start, before, rng), films(site, after, rng))
    score, gate = (np.concatenate(pair) for pair in zip(*parts, strict=True))
    k = int(np.ceil(round(0.98 * (reference + 1), 9)))
    limit = np.sort(ref_gate)[k - 1] if k <= reference else np.inf
    pairs = ((ref_score, score), (ref_gate, gate), (ref_gate > limit, gate > limit))
    return [ranks(list(a), b.astype(float), rng) for a, b in pairs]


def alarms(
    reference: int, before: int, after: int, site: Site, repetitions: int, seed: int
) -> NDArray[np.intp]:
    """Film of the first alarm in each repetition, from 1; 0 if there is none."""
    rng = np.random.default_rng(seed)
    runs = [played(reference, before, after, site, rng) for _ in range(repetitions)]
    over = np.zeros((before + after, repetitions), bool)
    for channel in range(CHANNELS):
        logs = log_stakes(np.stack([run[channel] for run in runs], axis=1))
        over |= logs >= np.log(CHANNELS / ALPHA)
    return np.where(over.any(axis=0), over.argmax(axis=0) + 1, 0)


def false_alarms(repetitions: int) -> Iterator[str]:
    """One row per size of the reference."""
    yield "| reference | films per patient | alarms within 200 | 1,000 | 3,000 films |"
    yield "|---|---|---|---|---|"
    cases = [(50, 1), (100, 1), (200, 1), (100, 2)]
    for seed, (reference, each) in enumerate(cases):
        site = Site(QUIET.name, films_per_patient=each)
        first = alarms(reference, 0, 3000, site, repetitions, seed)
        shares = [float(np.mean((first > 0) & (first <= n))) for n in (200, 1000, 3000)]
        texts = [f"{s:.3f} ± {1.96 * np.sqrt(s * (1 - s) / repetitions):.3f}" for s in shares]
        yield f"| {reference} | {each} | {' | '.join(texts)} |"


def delays(repetitions: int) -> Iterator[str]:
    """One row per change; a change at the first film, and one after 300 quiet films."""
    cases = [(100, 0), (200, 0), (100, 300)]
    heads = [
        f"{reference} films in the reference, change {'at once' if not quiet else f'after {quiet}'}"
        for reference, quiet in cases
    ]
    yield f"| change | {' | '.join(heads)} |"
    yield "|---" * (1 + len(cases)) + "|"
    for row, site in enumerate(CHANGES):
        cells = []
        for column, (reference, quiet) in enumerate(cases):
            first = alarms(reference, quiet, 1000, site, repetitions, 100 + 10 * row + column)
            late = first[(first > quiet)] - quiet
            noticed = len(late) / max(1, int(np.sum((first == 0) | (first > quiet))))
            if noticed >= 0.5:
                middle = np.sort(np.r_[late, np.full(int(np.sum(first == 0)), 10**6)])
                cells.append(f"{noticed:.0%}, half within {int(np.median(middle))} films")
            else:
                cells.append(f"{noticed:.0%}")
        yield f"| {site.name} | {' | '.join(cells)} |"


def main() -> None:
    """Prints both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=1000)
    options = parser.parse_args()
    print(f"alpha {ALPHA}, {CHANNELS} channels, {options.repetitions} repetitions\n")
    for line in false_alarms(options.repetitions):
        print(line, flush=True)
    print()
    for line in delays(max(100, options.repetitions // 4)):
        print(line, flush=True)


if __name__ == "__main__":
    main()
