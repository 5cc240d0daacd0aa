"""Ways to do the same work, measured in turns: so other load on the machine affects all of them alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import NamedTuple


class Cost(NamedTuple):
    """What a piece of work took.

    Attributes:
        clock_s: Seconds.
        cpu_s: Processor time in seconds, of all threads and of other processes that took part.
    """

    clock_s: float
    cpu_s: float


def in_turns(ways: Mapping[str, Callable[[], float | None]], rounds: int) -> dict[str, list[Cost]]:
    """Costs of each way in each round, after a round that warms up.

    Args:
        ways: Name to the work, which returns the processor time in seconds of other processes, if any.
        rounds: Rounds, at least one.
    """
    costs: dict[str, list[Cost]] = {name: [] for name in ways}
    for round_ in range(rounds + 1):
        for name, work in ways.items():
            clock_s, cpu_s = time.perf_counter(), time.process_time()
            others_s = work() or 0.0
            cost = Cost(time.perf_counter() - clock_s, time.process_time() - cpu_s + others_s)
            if round_:
                costs[name].append(cost)
    return costs


def speeds(costs: Mapping[str, list[Cost]], first: str) -> dict[str, tuple[Cost, Cost, Cost]]:
    """How many times as fast as the first each way is: median, least and most of the rounds.

    Args:
        costs: From `in_turns`.
        first: Name of the way that the others are compared with.
    """
    result = {}
    for name, each in costs.items():
        ratios = [
            [a / b for a, b in zip(first_costs, other_costs, strict=True)]
            for first_costs, other_costs in zip(costs[first], each, strict=True)
        ]
        by_field = list(zip(*ratios, strict=True))
        result[name] = tuple(Cost(*map(pick, by_field)) for pick in (median, min, max))
    return result  # type: ignore[return-value]


def table(costs: Mapping[str, list[Cost]], first: str, films: int) -> str:
    """The costs as a Markdown table.

    Args:
        costs: From `in_turns`.
        first: Name of the way that the others are compared with.
        films: Films that each way read in a round.
    """
    lines = [
        f"| | films/s | processor time of a film, ms | speed, of {first} | the same by processor time |",
        "|---|---|---|---|---|",
    ]
    for name, (middle, least, most) in speeds(costs, first).items():
        clock_s, cpu_s = (median(values) for values in zip(*costs[name], strict=True))
        ratios = [
            f"{m:.2f} ({low:.2f} to {high:.2f})"
            for m, low, high in zip(middle, least, most, strict=True)
        ]
        lines.append(
            f"| {name} | {films / clock_s:.0f} | {1000 * cpu_s / films:.2f} | {' | '.join(ratios)} |"
        )
    return "\n".join(lines)
