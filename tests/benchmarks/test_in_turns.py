"""Costs of ways that take turns."""

from __future__ import annotations

import in_turns
from in_turns import Cost


def test_ways_take_turns_after_a_round_that_warms_up() -> None:
    calls: list[str] = []
    ways = {name: lambda name=name: calls.append(name) for name in ("a", "b")}
    costs = in_turns.in_turns(ways, rounds=2)
    assert calls == ["a", "b"] * 3
    assert {name: len(each) for name, each in costs.items()} == {"a": 2, "b": 2}
    assert all(cost.clock_s >= 0 and cost.cpu_s >= 0 for each in costs.values() for cost in each)


def test_the_time_of_other_processes_counts() -> None:
    costs = in_turns.in_turns({"alone": lambda: None, "with others": lambda: 7.0}, rounds=1)
    assert costs["alone"][0].cpu_s < 7 <= costs["with others"][0].cpu_s


COSTS = {
    "first": [Cost(2.0, 1.0), Cost(4.0, 1.0), Cost(2.0, 1.0)],
    "second": [Cost(1.0, 2.0), Cost(1.0, 2.0), Cost(2.0, 0.5)],
}


def test_speeds_are_ratios_round_by_round() -> None:
    speeds = in_turns.speeds(COSTS, "first")
    assert speeds["first"] == (Cost(1.0, 1.0),) * 3
    assert speeds["second"] == (Cost(2.0, 0.5), Cost(1.0, 0.5), Cost(4.0, 2.0))


def test_the_table_has_rates_and_ratios() -> None:
    rows = in_turns.table(COSTS, "first", films=8).splitlines()
    assert rows[-1] == "| second | 8 | 250.00 | 2.00 (1.00 to 4.00) | 0.50 (0.50 to 2.00) |"
    assert rows[0].count("|") == rows[-1].count("|")
