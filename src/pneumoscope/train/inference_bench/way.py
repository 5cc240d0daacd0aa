"""What every way to read films is given, and does."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope.bundle import GOLDEN

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

BATCH = 8
"""Films in a run of the network, as in `Reader.predict_many`: larger batches leave the cache."""


@dataclass(frozen=True, slots=True)
class Job:
    """What a way is given.

    Attributes:
        bundle: The folder of the bundle; with ``model.tflite`` for LiteRT.
        cores: Threads for many films.
        least_px: Least side of a reduced film, see `Reader.draft_px`.
    """

    bundle: Path
    cores: int
    least_px: int


class Way(ABC):
    """One way to read films.

    Args:
        job: The bundle and the threads.
    """

    def __init__(self, job: Job) -> None:
        self.job = job

    @abstractmethod
    def read(self, film: Path) -> object:
        """Reads one film from its file to its probabilities and heatmap."""

    def read_many(self, films: Sequence[Path]) -> None:
        """Reads many films on all cores."""
        for film in films:
            self.read(film)

    def probabilities(self, inputs: NDArray[np.uint8]) -> NDArray[np.float32] | None:  # noqa: ARG002
        """What its network gives for inputs uint8 (n, size, size, 1); None if it is not the bundle's."""
        return None

    def golden_dp(self) -> float | None:
        """The largest |dp| from the golden outputs of the bundle; None if its network is another one."""
        with np.load(self.job.bundle / GOLDEN) as golden:
            p = self.probabilities(golden["inputs"])
            return None if p is None else float(np.abs(p - golden["probabilities"]).max())

    def cpu_s(self) -> float:
        """Processor time in seconds so far, of all threads."""
        return time.process_time()

    def memory_mib(self) -> float | None:
        """Largest resident memory so far; None where the system does not say."""
        try:
            status = Path("/proc/self/status").read_text(encoding="ascii")
        except OSError:
            return None
        peak = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(peak.split()[1]) / 1024

    def close(self) -> None:  # noqa: B027 (most ways start nothing)
        """Ends what it started."""

    def _in_threads(self, work: Callable[[Sequence[Any]], object], items: Sequence[Any]) -> None:
        chunks = [items[i : i + BATCH] for i in range(0, len(items), BATCH)]
        with ThreadPoolExecutor(self.job.cores) as pool:
            list(pool.map(work, chunks))


def by_pillow(film: Path, size: int) -> NDArray[np.uint8]:
    """A film as notebooks read it: uint8 (size, size)."""
    from PIL import Image

    with Image.open(film) as picture:
        return np.asarray(picture.convert("L").resize((size, size)))
