"""A way to read films, in its own process: ``python -m pneumoscope.train.inference_bench.process``.

It takes the name of a way and its job, reads one film, and then answers one line of JSON with another:
``{"one": FILM, "times": N}`` with the milliseconds of each reading, ``{"many": [FILM, ...]}`` with the seconds
and the processor time for all of them, ``{"at_rate": [FILM, ...], "per_s": RATE, "seconds": N}`` with the
milliseconds of each, ``{"golden": true}`` with the largest |dp| from the golden outputs of the bundle, and
``{"memory": true}`` with its memory in MiB.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from pneumoscope.errors import BenchError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Self

    from pneumoscope.train.inference_bench.server_way import Server
    from pneumoscope.train.inference_bench.way import Job, Way


_MARK = "bench: "
_PATIENCE_S = 30.0
"""How long a process may take to end."""


class WayProcess:
    """The process of a way, from its start to the first verdict and beyond.

    Attributes:
        name: Name of the way.
        start_s: Seconds from the start of the process to the first film read.
    """

    def __init__(
        self, name: str, job: Job, film: Path, environ: Mapping[str, str] | None = None
    ) -> None:
        """Starts it, and waits until it has read a film.

        Args:
            name: Name of the way.
            job: What it is given.
            film: The first film.
            environ: Its environment variables; None for those of this process.

        Raises:
            BenchError: It ended before.
        """
        self.name = name
        command = [sys.executable, "-W", "ignore", "-m", __name__, name]
        began = time.perf_counter()
        self._process = subprocess.Popen(
            [*command, str(job.bundle), str(job.cores), str(job.least_px), str(film)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environ,
        )
        self._answer()
        self.start_s = time.perf_counter() - began

    def one_ms(self, film: Path, times: int) -> list[float]:
        """Milliseconds of each reading of a film."""
        answer: list[float] = self._ask({"one": str(film), "times": times})
        return answer

    def many_s(self, films: Sequence[Path]) -> tuple[float, float]:
        """Seconds, and processor time in seconds, for many films."""
        seconds, cpu_s = self._ask({"many": [str(film) for film in films]})
        return seconds, cpu_s

    def at_rate_ms(self, films: Sequence[Path], per_s: float, seconds: float) -> list[float]:
        """Milliseconds of each film if they come at a fixed rate; of the server only."""
        question = {"at_rate": [str(film) for film in films], "per_s": per_s, "seconds": seconds}
        answer: list[float] = self._ask(question)
        return answer

    def golden_dp(self) -> float | None:
        """See `Way.golden_dp`."""
        answer: float | None = self._ask({"golden": True})
        return answer

    def memory_mib(self) -> float | None:
        """See `Way.memory_mib`."""
        answer: float | None = self._ask({"memory": True})
        return answer

    def _ask(self, question: dict[str, Any]) -> Any:
        assert self._process.stdin is not None  # noqa: S101 (it is a pipe)
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None  # noqa: S101
        # Libraries may write to stdout, too.
        for line in self._process.stdout:
            if line.startswith(_MARK):
                return json.loads(line.removeprefix(_MARK))
        _, errors = self._process.communicate()
        last = (errors.strip().splitlines() or [f"exit code {self._process.returncode}"])[-1]
        raise BenchError(f"{self.name}: {last}", "Leave it out with --ways.")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:  # a way that started other processes ends them when stdin ends
            self._process.communicate(timeout=_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()


def main(name: str, bundle: str, cores: str, least_px: str, film: str) -> None:
    """Runs a way until stdin ends."""
    from pneumoscope.train.inference_bench.way import Job
    from pneumoscope.train.inference_bench.ways import WAYS

    way = WAYS[name](Job(Path(bundle), int(cores), int(least_px)))
    try:
        way.read(Path(film))
        _say(None)
        for line in sys.stdin:
            _say(_answer(way, json.loads(line)))
    finally:
        way.close()


def _answer(way: Way, question: dict[str, Any]) -> object:
    if "golden" in question:
        return way.golden_dp()
    if "memory" in question:
        return way.memory_mib()
    if "one" in question:
        path, times = Path(question["one"]), []
        for _ in range(question["times"]):
            began = time.perf_counter()
            way.read(path)
            times.append(1000 * (time.perf_counter() - began))
        return times
    if "at_rate" in question:
        films = [Path(path) for path in question["at_rate"]]
        # Only the server takes films while it reads others.
        return cast("Server", way).at_rate(films, question["per_s"], question["seconds"])
    films = [Path(path) for path in question["many"]]
    began, cpu_s = time.perf_counter(), way.cpu_s()
    way.read_many(films)
    return time.perf_counter() - began, way.cpu_s() - cpu_s


def _say(answer: object) -> None:
    sys.stdout.write(_MARK + json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
