"""Puts the reading room's server under load, and kills it there with ``--kill``.

    python tools/load_serve.py --clients 300 --seconds 60
    python tools/load_serve.py --kill --kills 50 --clients 10 --seconds 3
    python tools/load_serve.py --attack --clients 20 --seconds 20

Clients on loopback send films, each its next one when the last is answered, and wait when they are
told so (429). Now and then they ask for a picture or their history. Printed are answers by status,
broken connections, rate, latency and the server's memory in time.

With ``--kill`` the clients send jobs of films instead, until the server is killed (SIGKILL). After its
next start every job that was accepted is asked for. Half of the kills are with ``--keep-films``.

With ``--attack`` honest clients send films, one every quarter of a second each and every tenth on a new
connection, in turns alone and beside strangers that occupy connections (`slow_attackers.py`). Each turn
compares its own two windows of ``--seconds``, and the median of the turns counts: on a machine with
other work, a single comparison says little. Printed is also what part of the machine the server, the
clients, the attackers and others took: attackers on the same machine cost what they would not cost
from elsewhere. Use ``taskset`` to keep all of them on some processors.

The exit code is 1 if a request was answered by anything but 200, 202 or 429, if memory grew by more
than a tenth from the second to the last third of half a minute or more, if an accepted film was
neither finished nor reported, or was reported twice, or if in the median turn the honest clients' 99th
percentile is twice the undisturbed one or more.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import collections
import json
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench_serve import films_of
from load_attacks import attacked
from load_clients import Seen, everybody
from pneumoscope.train.inference_bench.http_load import (
    Server,
    exchange,
    get,
    request,
    serving,
)

_KEPT_MIB = 32
_GROWTH, _SETTLED_S = 1.1, 30.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, help="films; the samples if left out")
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--kill", action="store_true", help="kill the server in the middle")
    parser.add_argument("--kills", type=int, default=2, metavar="N", help="how often; 2 by default")
    parser.add_argument(
        "--attack",
        nargs="?",
        const="",
        metavar="WORD",
        help="strangers occupy connections; only the attacks whose names have this word",
    )
    parser.add_argument("--turns", type=int, default=3, metavar="N", help="of each attack")
    options = parser.parse_args()
    films = films_of(options.data, 400) if options.data else samples()
    trial = attacked if options.attack is not None else killed if options.kill else loaded
    good = trial(films, options)
    print("as promised" if good else "NOT as promised")
    return 0 if good else 1


def samples() -> list[bytes]:
    return [p.read_bytes() for p in sorted((Path(__file__).parents[1] / "samples").glob("*.png"))]


def loaded(films: Sequence[bytes], options: argparse.Namespace) -> bool:
    # Films that a page may still ask for are held up to a limit: a small one is reached at once.
    limits = {"PNEUMOSCOPE_SERVE_HELD_BYTES": str(_KEPT_MIB * 2**20)}
    with tempfile.TemporaryDirectory() as folder, serving(folder, environ=limits) as server:
        requests = [request([film], server.host) for film in films]
        seen = asyncio.run(everybody(reader, requests, server, options, Seen()))
    answered = seen.statuses.total()
    print(
        f"{options.clients} clients, {options.seconds:.0f} s: {answered} answers, "
        f"{seen.statuses[200] / options.seconds:.0f} with 200 a second"
    )
    print(f"by status {dict(sorted(seen.statuses.items()))}, broken {dict(seen.broken)}")
    if len(seen.times_ms) > 1:
        p99 = statistics.quantiles(seen.times_ms, n=100)[98]
        print(f"films: median {statistics.median(seen.times_ms):.0f} ms, p99 {p99:.0f} ms")
    third = max(1, len(seen.memory_mib) // 3)
    early = statistics.median(seen.memory_mib[third : 2 * third])
    late = statistics.median(seen.memory_mib[-third:])
    print(
        f"memory at first {seen.memory_mib[0]:.0f} MiB, at most {max(seen.memory_mib):.0f} MiB, "
        f"medians of the second and the last third {early:.0f} and {late:.0f} MiB"
    )
    flat = late <= _GROWTH * early or options.seconds < _SETTLED_S
    return not seen.broken and set(seen.statuses) <= {200, 429} and flat and seen.statuses[200] > 0


def killed(films: Sequence[bytes], options: argparse.Namespace) -> bool:
    good = True
    for keep, kills in ((True, -(-options.kills // 2)), (False, options.kills // 2)):
        if not kills:
            continue
        secret = {"PNEUMOSCOPE_SERVE_SECRET": base64.b64encode(secrets.token_bytes(32)).decode()}
        kept = ["--keep-films"] if keep else []
        seen, ends = Seen(), collections.Counter[str]()
        patience_s = options.seconds + 120
        with tempfile.TemporaryDirectory() as folder:
            for kill in range(kills + 1):
                with serving(folder, *kept, environ=secret) as server:
                    jobs, seen.jobs = seen.jobs, []
                    ends += asyncio.run(fates(jobs, server, patience_s))
                    ends["jobs"] += len(jobs)
                    if kill < kills:
                        requests = [
                            request(films[i : i + 5], server.host, "Prefer: respond-async\r\n")
                            for i in range(0, len(films), 5)
                        ]
                        asyncio.run(everybody(sender, requests, server, options, seen, kill=True))
        good &= judge_kills(kills, seen, ends, keep=keep)
    return good


def judge_kills(kills: int, seen: Seen, ends: collections.Counter[str], *, keep: bool) -> bool:
    """Prints what became of accepted films; whether it is what it must be."""
    jobs, lost, doubled = (ends.pop(name, 0) for name in ("jobs", "lost", "doubled"))
    print(
        f"{'with' if keep else 'without'} --keep-films: {kills} kills, {jobs} jobs accepted before "
        f"them, by status {dict(seen.statuses)}; after the next start {dict(ends)}, "
        f"lost {lost}, doubled {doubled}"
    )
    wrong = {
        "films were lost": bool(lost),
        "films were doubled": bool(doubled),
        "no job was accepted": not jobs,
        "an answer was neither 202 nor 429": not set(seen.statuses) <= {202, 429},
        "films ended otherwise": not set(ends) <= ({"done"} if keep else {"done", "Interrupted"}),
    }
    for reason in (reason for reason, true in wrong.items() if true):
        print(reason)
    return not any(wrong.values())


async def reader(
    number: int, requests: Sequence[bytes], server: Server, end: float, seen: Seen
) -> None:
    """Sends films one by one, and looks at what came of them."""
    turn = number
    try:
        streams = await server.connect()
        while time.monotonic() < end:
            turn += 1
            began = time.perf_counter()
            status, head, body = await exchange(*streams, requests[turn * 7 % len(requests)])
            seen.statuses[status] += 1
            if status == 429:
                await asyncio.sleep(min(float(head["retry-after"]), max(0, end - time.monotonic())))
            elif status == 200:
                seen.times_ms.append(1000 * (time.perf_counter() - began))
                if turn % 10 == 0:
                    links = json.loads(body)["predictions"][0]["links"]
                    for path in (links["thumbnail"], "/api/v1/predictions?limit=20"):
                        seen.statuses[(await exchange(*streams, get(path, server.host)))[0]] += 1
        streams[1].close()
    except (OSError, EOFError) as error:
        seen.broken[type(error).__name__] += 1


async def sender(
    number: int, requests: Sequence[bytes], server: Server, end: float, seen: Seen
) -> None:
    """Sends jobs until the server is gone."""
    turn = number
    try:
        streams = await server.connect()
        while True:
            turn += 1
            status, head, body = await exchange(*streams, requests[turn % len(requests)])
            seen.statuses[status] += 1
            if status == 202:
                seen.jobs.append(json.loads(body)["job"]["id"])
            elif status == 429:
                await asyncio.sleep(float(head["retry-after"]))
    except (OSError, EOFError) as error:
        if time.monotonic() < end:
            seen.broken[type(error).__name__] += 1


async def fates(jobs: Sequence[str], server: Server, patience_s: float) -> collections.Counter[str]:
    """What became of the films of accepted jobs, by state or code of the error."""
    ends: collections.Counter[str] = collections.Counter()
    until = time.monotonic() + patience_s
    streams = await server.connect()
    for job in jobs:
        report: dict[str, Any] = {}
        while time.monotonic() < until:
            status, _, body = await exchange(*streams, get(f"/api/v1/jobs/{job}", server.host))
            report = json.loads(body)
            if status != 200 or report["state"] == "done":
                break
            await asyncio.sleep(0.2)
        films = report.get("predictions", [])
        ends["doubled"] += len(films) - len({film["id"] for film in films})
        for film in films:
            ends[(film["error"] or {"code": film["state"]})["code"]] += 1
        missing = report.get("total", 0) - len(films)
        ends["lost"] += max(0, missing) + (report.get("state") != "done")
        ends["doubled"] += max(0, -missing)
    streams[1].close()
    return ends


if __name__ == "__main__":
    sys.exit(main())
