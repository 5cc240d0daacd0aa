"""Honest clients beside strangers that occupy connections; for `load_serve.py --attack`."""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from load_clients import Seen, everybody
from pneumoscope.train.inference_bench.http_load import Server, cpu_s, exchange, request, serving
from slow_attackers import ATTACKS, Attack, attacking

_SLOWER = 2.0
"""How much slower honest clients may be beside attackers."""
_PAUSE_S = 0.25
_A_MINUTE = 300
"""Requests that an honest client may send, which is more than it sends."""
_OF_A_CONNECTION = 10
"""Requests of an honest client before it opens a new connection."""


@dataclass
class Turn:
    """The same clients alone, and then beside attackers.

    Attributes:
        seen: What the clients saw, alone and beside.
        shares: Part of the machine that each took, alone and beside.
        connects: New connections of the attackers a second.
    """

    seen: list[Seen] = field(default_factory=list)
    shares: list[dict[str, float]] = field(default_factory=list)
    connects: float = 0.0

    @property
    def p99s(self) -> list[float]:
        return [statistics.quantiles(seen.times_ms, n=100)[98] for seen in self.seen]

    @property
    def answered(self) -> bool:
        """Whether the clients got the answers that they must get."""
        return all(
            len(seen.times_ms) > 1 and not seen.broken and set(seen.statuses) == {200}
            for seen in self.seen
        )


def attacked(films: Sequence[bytes], options: argparse.Namespace) -> bool:
    chosen = [attack for attack in ATTACKS if options.attack in attack.name]
    results = [_attacked_by(attack, films, options) for attack in chosen]
    return bool(results) and all(results)


def _attacked_by(attack: Attack, films: Sequence[bytes], options: argparse.Namespace) -> bool:
    more = ["--tls-self-signed"] if attack.tls else []
    more += ["--rate-limit", str(_A_MINUTE * options.clients)]
    with tempfile.TemporaryDirectory() as folder:
        token = f"Authorization: Bearer {account(folder)}\r\n"
        with serving(folder, *more) as server:
            requests = [request([film], server.host, token, server.scheme) for film in films]
            turns = [_turn(attack, requests, server, options) for _ in range(options.turns)]
    return _judge_turns(attack, turns, options)


def _turn(
    attack: Attack, requests: Sequence[bytes], server: Server, options: argparse.Namespace
) -> Turn:
    turn = Turn()

    def window(attackers: int | None) -> None:
        began, before = time.monotonic(), processor_times(server.pid, attackers)
        turn.seen.append(asyncio.run(everybody(honest, requests, server, options, Seen())))
        after, cores = processor_times(server.pid, attackers), len(os.sched_getaffinity(0))
        machine_s = (time.monotonic() - began) * cores
        turn.shares.append({who: (after[who] - before[who]) / machine_s for who in after})

    window(None)
    with attacking(attack, server.address, server.port) as attackers:
        before = attackers.connects
        window(attackers.pid)
        turn.connects = (attackers.connects - before) / options.seconds
    return turn


def _judge_turns(attack: Attack, turns: Sequence[Turn], options: argparse.Namespace) -> bool:
    """Prints what the turns say; whether the attackers kept nobody waiting."""
    print(
        f"{attack.connections:,} {attack.name}, "
        f"{statistics.median(turn.connects for turn in turns):.0f} new ones a second, "
        f"{options.clients} honest clients, {len(turns)} turns:"
    )
    for turn in turns:
        for name, seen, shares in zip(("alone", "beside"), turn.seen, turn.shares, strict=True):
            of_machine = ", ".join(f"{who} {100 * share:.0f} %" for who, share in shares.items())
            print(
                f"  {name} by status {dict(seen.statuses)}, broken {dict(seen.broken)}; of the machine {of_machine}"
            )
    if not all(turn.answered for turn in turns):
        return False
    ratios = [turn.p99s[1] / turn.p99s[0] for turn in turns]
    medians = [statistics.median(turn.p99s[i] for turn in turns) for i in (0, 1)]
    print(
        f"  p99 {medians[0]:.0f} -> {medians[1]:.0f} ms: {statistics.median(ratios):.2f} times "
        f"({', '.join(f'{ratio:.2f}' for ratio in ratios)})"
    )
    return statistics.median(ratios) < _SLOWER


def processor_times(server: int, attackers: int | None) -> dict[str, float]:
    """Processor time so far, in seconds, of those who share the processors that this process may use."""
    cores = os.sched_getaffinity(0)
    busy = 0
    for line in Path("/proc/stat").read_text(encoding="ascii").splitlines():
        name, *ticks = line.split()
        if name.startswith("cpu") and name[3:].isdecimal() and int(name[3:]) in cores:
            user, nice, system, _idle, _wait, irq, soft, stolen = map(int, ticks[:8])
            busy += user + nice + system + irq + soft + stolen
    times = {
        "server": cpu_s(server),
        "clients": time.process_time(),
        "attackers": cpu_s(attackers) if attackers else 0.0,
    }
    return times | {"others": busy / os.sysconf("SC_CLK_TCK") - sum(times.values())}


def account(folder: str) -> str:
    """Makes an account, without which everybody on this machine could use the server; its token."""
    command = [sys.executable, "-m", "pneumoscope"]
    password = secrets.token_urlsafe()
    for arguments in (
        ["user", "add", "honest", "--password-stdin"],
        ["token", "add", "honest", "--scope", "predict"],
    ):
        made = subprocess.run(
            [*command, *arguments, "--folder", folder],
            input=password,
            capture_output=True,
            text=True,
            check=True,
        )
    return made.stdout.split()[-1]


async def honest(
    number: int, requests: Sequence[bytes], server: Server, end: float, seen: Seen
) -> None:
    """Sends films at the pace of a person, now and then on a new connection."""
    turn = number
    await asyncio.sleep(_PAUSE_S * number / 20)
    while time.monotonic() < end:
        try:
            began = time.perf_counter()
            streams = await server.connect()
            for _ in range(_OF_A_CONNECTION):
                turn += 1
                status, _head, _body = await exchange(*streams, requests[turn * 7 % len(requests)])
                seen.statuses[status] += 1
                seen.times_ms.append(1000 * (time.perf_counter() - began))
                await asyncio.sleep(_PAUSE_S)
                began = time.perf_counter()
                if time.monotonic() >= end:
                    break
            streams[1].close()
        except (OSError, EOFError) as error:
            seen.broken[type(error).__name__] += 1
            await asyncio.sleep(_PAUSE_S)
