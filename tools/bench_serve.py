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
import os
import re
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pneumoscope
from pneumoscope.runtime import Reader

_HEAD = (
    "POST /api/v1/predictions HTTP/1.1\r\nHost: {host}\r\nOrigin: {scheme}://{host}\r\n{more}"
    "Content-Type: multipart/form-data; boundary=bench\r\nContent-Length: {length}\r\n\r\n"
)
_PART = (
    b'--bench\r\nContent-Disposition: form-data; name="files"; filename="film.jpeg"\r\n'
    b"Content-Type: image/jpeg\r\n\r\n"
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


class Server(NamedTuple):
    """A running server."""

    address: str
    port: int
    pid: int
    scheme: str

    @property
    def host(self) -> str:
        return f"{self.address}:{self.port}"

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Opens a connection; its certificate is not checked."""
        context = None
        if self.scheme == "https":
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return await asyncio.open_connection(self.address, self.port, ssl=context)


@contextmanager
def serving(
    folder: str, *options: str, environ: Mapping[str, str] | None = None
) -> Iterator[Server]:
    command = [sys.executable, "-m", "pneumoscope", "serve", "--port", "0", "--folder", folder]
    started = subprocess.Popen(
        [*command, *options],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **(environ or {})},
    )
    assert started.stderr is not None
    try:
        address = None
        while not address:  # after a kill it first says what it found
            line = started.stderr.readline()
            assert line, "the server did not start"
            address = re.search(r"(https?)://([\d.]+):(\d+)", line)
        server = Server(address[2], int(address[3]), started.pid, address[1])
        asyncio.run(at_once([get("/readyz", server.host)], 1, server))
        yield server
    finally:
        started.terminate()
        started.communicate(timeout=120)


def request(films: Sequence[bytes], host: str, more: str = "", scheme: str = "http") -> bytes:
    body = b"".join(_PART + film + b"\r\n" for film in films) + b"--bench--\r\n"
    return _HEAD.format(scheme=scheme, host=host, length=len(body), more=more).encode() + body


def get(path: str, host: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()


async def exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, content: bytes
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the answer to one request over an open connection."""
    writer.write(content)
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    status, *lines = head.rstrip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)}
    body = await reader.readexactly(int(headers["content-length"]))
    return int(status.split()[1]), headers, body


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, content: bytes) -> bytes:
    """The body of an answer that must be 200."""
    status, _, body = await exchange(reader, writer, content)
    assert status == 200, body
    return body


async def at_once(requests: Sequence[bytes], clients: int, server: Server) -> None:
    """Every client sends its next request when the last is answered."""
    waiting = iter(requests)

    async def client() -> None:
        reader, writer = await server.connect()
        for content in waiting:
            body = await ask(reader, writer, content)
            if content.startswith(b"POST"):
                assert b'"state":"done"' in body
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(*(client() for _ in range(clients)))


async def at_rate(
    requests: Sequence[bytes], rate: float, seconds: float, server: Server
) -> list[float]:
    """Requests at fixed times; milliseconds from when each was due to its answer."""
    idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
    times = []

    async def send(due: float, content: bytes) -> None:
        connection = idle.pop() if idle else await server.connect()
        await ask(*connection, content)
        times.append(1000 * (time.perf_counter() - due))
        idle.append(connection)

    started = time.perf_counter()
    tasks = []
    for i in range(int(rate * seconds)):
        due = started + i / rate
        if (left := due - time.perf_counter()) > 0:
            await asyncio.sleep(left)
        tasks.append(asyncio.create_task(send(due, requests[i % len(requests)])))
    await asyncio.gather(*tasks)
    for _, writer in idle:
        writer.close()
    return times


def processes(pid: int) -> list[int]:
    """A process and its children."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [pid, *(int(c) for task in tasks for c in (task / "children").read_text().split())]


def cpu_s(pid: int) -> float:
    """Processor time of a process and its children so far."""
    total = 0
    for process in processes(pid):
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])  # utime and stime, proc(5)
    return total / os.sysconf("SC_CLK_TCK")


def memory_mib(pid: int) -> float:
    """Proportional set size of a process and its children, in MiB: shared pages count once."""
    total = 0
    for process in processes(pid):
        text = Path(f"/proc/{process}/smaps_rollup").read_text()
        share = re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)
        total += int(share[1]) if share else 0
    return total / 1024


if __name__ == "__main__":
    main()
