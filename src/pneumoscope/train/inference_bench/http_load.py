"""A server in its own process, and clients that send films to it over HTTP.

The clients are as cheap as possible, because they run on the same cores.
"""

from __future__ import annotations

import asyncio
import os
import re
import ssl
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pneumoscope.errors import BenchError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_HEAD = (
    "POST /api/v1/predictions HTTP/1.1\r\nHost: {host}\r\nOrigin: {scheme}://{host}\r\n{more}"
    "Content-Type: multipart/form-data; boundary=bench\r\nContent-Length: {length}\r\n\r\n"
)
_PART = (
    b'--bench\r\nContent-Disposition: form-data; name="files"; filename="film.jpeg"\r\n'
    b"Content-Type: image/jpeg\r\n\r\n"
)


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
    folder: str,
    *options: str,
    environ: Mapping[str, str] | None = None,
    program: Sequence[str] = ("-m", "pneumoscope"),
) -> Iterator[Server]:
    """Starts a server on a free port, and ends it afterwards.

    Args:
        folder: The server's folder.
        options: More options of ``pneumoscope serve``.
        environ: More environment variables.
        program: What Python runs in place of the command line, with its arguments.

    Raises:
        BenchError: It does not start.
    """
    command = [sys.executable, *program, "serve", "--port", "0", "--folder", folder]
    started = subprocess.Popen(
        [*command, *options],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **(environ or {})},
    )
    try:
        address, lines = None, started.stderr or ()
        for line in lines:  # after a kill it first says what it found
            address = re.search(r"(https?)://([\d.]+):(\d+)", line)
            if address:
                break
        if not address:
            raise BenchError("the server did not start", "Try: pneumoscope serve")
        server = Server(address[2], int(address[3]), started.pid, address[1])
        asyncio.run(at_once([get("/readyz", server.host)], 1, server))
        yield server
    finally:
        started.terminate()
        started.communicate(timeout=120)


def request(films: Sequence[bytes], host: str, more: str = "", scheme: str = "http") -> bytes:
    """A POST of films, byte by byte; ``more`` are header lines."""
    body = b"".join(_PART + film + b"\r\n" for film in films) + b"--bench--\r\n"
    return _HEAD.format(scheme=scheme, host=host, length=len(body), more=more).encode() + body


def get(path: str, host: str) -> bytes:
    """A GET, byte by byte."""
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
    """The body of an answer that must be 200, and for a film say that it was read."""
    status, _, body = await exchange(reader, writer, content)
    if status != 200 or (content.startswith(b"POST") and b'"state":"done"' not in body):
        raise BenchError(f"the server answered {status}: {body[:200]!r}", "Try: pneumoscope serve")
    return body


async def at_once(requests: Sequence[bytes], clients: int, server: Server) -> None:
    """Every client sends its next request when the last is answered."""
    waiting = iter(requests)

    async def client() -> None:
        reader, writer = await server.connect()
        try:
            for content in waiting:
                await ask(reader, writer, content)
        finally:
            await closed(writer)

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
        await closed(writer)
    return times


async def closed(writer: asyncio.StreamWriter) -> None:
    """Closes a connection."""
    writer.close()
    await writer.wait_closed()


def processes(pid: int) -> list[int]:
    """A process and its children."""
    pids = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # the thread has ended
            pids += map(int, (task / "children").read_text(encoding="ascii").split())
    return pids


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
