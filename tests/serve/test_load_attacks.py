"""`tools/load_serve.py --attack`: what decides, and that the attackers are really there."""

from __future__ import annotations

import argparse
import collections

import pytest

import slow_attackers
from load_attacks import Turn, _judge_turns
from load_clients import Seen
from slow_attackers import ATTACKS, attacking


def turn(alone_ms: float, beside_ms: float, status: int = 200, broken: int = 0) -> Turn:
    seen = [
        Seen(statuses=collections.Counter({200: 2}), times_ms=[alone_ms] * 2),
        Seen(
            statuses=collections.Counter({status: 2}),
            times_ms=[beside_ms] * 2,
            broken=collections.Counter({"OSError": broken} if broken else {}),
        ),
    ]
    return Turn(seen=seen, shares=[{"server": 0.25, "others": 0.5}] * 2)


@pytest.mark.parametrize(
    ("turns", "good"),
    [
        ([turn(50, 60), turn(50, 500), turn(200, 210)], True),  # one odd window decides nothing
        ([turn(50, 101), turn(50, 100), turn(50, 60)], False),  # twice is too much
        ([turn(50, 99.9)], True),
        ([turn(50, 50, status=503), turn(50, 50), turn(50, 50)], False),
        ([turn(50, 50, broken=1), turn(50, 50), turn(50, 50)], False),
        ([Turn(seen=[Seen(), Seen()], shares=[{}, {}])], False),
    ],
    ids=["odd", "twice", "less", "refused", "broken", "no answers"],
)
def test_the_median_turn_decides(
    turns: list[Turn], good: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _judge_turns(ATTACKS[0], turns, argparse.Namespace(clients=20)) is good
    if turns[0].shares[0]:
        assert "of the machine server 25 %, others 50 %" in capsys.readouterr().out


def test_attackers_that_do_not_come_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise a server beside which nobody is would be as promised."""
    monkeypatch.setattr(slow_attackers, "_START_S", 0.0)
    with (
        pytest.raises(RuntimeError, match=r"0 of 1,010 bodies that drip connected"),
        attacking(ATTACKS[0], "127.0.0.1", 1),
    ):
        pytest.fail("they are there")
