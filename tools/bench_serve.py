"""Measures the reading room's server beside `predict_many`, in one run on the same cores.

    python tools/bench_serve.py --data PNEUMOSCOPE_DATA

Each round reads the same 224-pixel JPEGs, with heatmap, first by `predict_many` in this process, then
by a server in another, one film per request over loopback; medians of the rounds' ratios are
printed. Then films are sent at half the rate that was measured, each at its own time whether or not
others are answered, and the 99th percentile of their latency is set beside the time of a single film.
The client is a part of the cost: it runs on the same cores.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import pneumoscope
from pneumoscope.runtime import Reader
from pneumoscope.train.inference_bench.http_load import (
    Server,
    at_once,
    at_rate,
    cpu_s,
    memory_mib,
    request,
    serving,
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--films", type=int, default=400, help="films in a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--clients", type=int, default=32, help="connections at once")
    parser.add_argument("--seconds", type=float, default=10.0, help="of the load for latency")
    options = parser.parse_args()
    films = films_of(options.data, options.films)
    classifier = pneumoscope.load()
    with tempfile.TemporaryDirectory() as folder, serving(folder) as server:
        print(f"idle memory of the server: {memory_mib(server.pid):.0f} MiB with its decoders")
        requests = [request([film], server.host) for film in films]
        full = throughput(classifier, films, requests, server, options)
        single = single_ms(classifier, films)
        rate = full / 2
        times = asyncio.run(at_rate(requests, rate, options.seconds, server))
        p99 = statistics.quantiles(times, n=100)[98]
        print(
            f"at {rate:.0f} requests/s, half load, {len(times)} requests: median "
            f"{statistics.median(times):.1f} ms, p99 {p99:.1f} ms, "
            f"{p99 / single:.1f} times a single film ({single:.1f} ms)"
        )
        print(f"memory afterwards: {memory_mib(server.pid):.0f} MiB")


def films_of(data: Path, most: int) -> list[bytes]:
    """Films of a data folder, as far apart as may be."""
    paths = sorted((data / "chest_xray" / "train").glob("*/*.jpeg"))
    count = min(most, len(paths))
    return [paths[i * len(paths) // count].read_bytes() for i in range(count)]


def throughput(
    classifier: Reader,
    films: Sequence[bytes],
    requests: Sequence[bytes],
    server: Server,
    options: argparse.Namespace,
) -> float:
    """Requests per second."""
    ratios, here_s, there_s, costs = [], [], [], []
    for round_ in range(options.rounds + 1):
        cpu = [time.process_time()]
        began = time.perf_counter()
        assert all(o.prediction for o in classifier.predict_many(films))
        between = time.perf_counter()
        cpu += [time.process_time(), -cpu_s(server.pid)]
        asyncio.run(at_once(requests, options.clients, server))
        ended = time.perf_counter()
        cpu += [time.process_time(), cpu_s(server.pid)]
        if round_:  # the first warms caches
            costs.append((cpu[1] - cpu[0], cpu[2] + cpu[4], cpu[3] - cpu[1]))
            here_s.append(between - began)
            there_s.append(ended - between)
            ratios.append(here_s[-1] / there_s[-1])
    rate = len(films) / statistics.median(there_s)
    print(
        f"predict_many {len(films) / statistics.median(here_s):.0f} films/s, over HTTP "
        f"{rate:.0f} requests/s with {options.clients} clients, "
        f"share {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f} in "
        f"{options.rounds} rounds)"
    )
    direct_ms, server_ms, client_ms = (
        1000 * statistics.median(c) / len(films) for c in zip(*costs, strict=True)
    )
    print(
        f"processor time per film: predict_many {direct_ms:.2f} ms, server {server_ms:.2f} ms and client "
        f"{client_ms:.2f} ms, share {direct_ms / (server_ms + client_ms):.2f}: what the rates would give if nothing "
        "else ran on these cores"
    )
    return rate


def single_ms(classifier: Reader, films: Sequence[bytes]) -> float:
    times = []
    for film in films[:200]:
        began = time.perf_counter()
        classifier.predict(film)
        times.append(1000 * (time.perf_counter() - began))
    return statistics.median(times)


if __name__ == "__main__":
    main()
