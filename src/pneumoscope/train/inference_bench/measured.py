"""What a benchmark measured, and the ratios that the targets are about."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

FLOOR = "imports"
"""The lower bound of a start: ``import numpy, onnxruntime``."""
OURS, NETWORK, DECODING, SERVER = "pneumoscope", "onnxruntime", "decoding", "server"


@dataclass(slots=True)
class Times:
    """What was measured of one way, a value per round.

    Attributes:
        start_s: Seconds from the start of a process to its first verdict.
        one_ms: Kind of film to the median milliseconds of one film.
        rate: Kind of film to films a second on all cores.
        cpu_ms: Kind of film to the processor time of one of many films, which other load on the
            machine changes less than the rate.
        p99_ms: 99th percentile of the time of one small film at half the rate; of a server only.
        golden_dp: Largest |dp| from the golden outputs of the bundle, or None: its network is another.
        peak_mib: Largest resident memory, or None.
        installed_mb: Size of the packages that it needs, in 10^6 bytes, or None.
    """

    start_s: list[float] = field(default_factory=list)
    one_ms: dict[str, list[float]] = field(default_factory=dict)
    rate: dict[str, list[float]] = field(default_factory=dict)
    cpu_ms: dict[str, list[float]] = field(default_factory=dict)
    p99_ms: list[float] = field(default_factory=list)
    golden_dp: float | None = None
    peak_mib: float | None = None
    installed_mb: float | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """The result of a benchmark.

    Attributes:
        ways: Name of a way to its times.
        stages_ms: Kind of film to the stages of reading one film with pneumoscope, in ms.
        versions: Name of a package to its version.
        processor: What the system calls it.
        cores: Threads for many films.
        rounds: Rounds measured.
        missing: Name of a way that was left out to the reason.
        refused: Films of these that the bundle's gate refuses: these cost less, as they get no heatmap.
    """

    ways: dict[str, Times]
    stages_ms: dict[str, dict[str, float]]
    versions: dict[str, str]
    processor: str
    cores: int
    rounds: int
    missing: dict[str, str]
    refused: int = 0

    def ratios(self) -> dict[str, float]:
        """The ratios that the targets are about, medians over rounds; those of ways that were measured.

        ``bulk_small``: films a second of 224 pixels, of those of the network alone. ``bulk_large``: films a
        second of 2,890 pixels, of the lower of network and decoding alone. ``one_small``, ``one_large``:
        milliseconds of one film, of network and decoding together. ``start``: seconds to the first
        verdict, of those of the imports. ``start_notebook``: how many times as long a notebook takes.
        ``server_small``: films a second through the server, of ours; ``server_cpu``: our processor
        time of a film, of that of server and client; ``server_p99``: the server's 99th percentile at
        half load, of our time of one film.
        """
        ours, network = self.ways.get(OURS), self.ways.get(NETWORK)
        decoding, notebook = self.ways.get(DECODING), self.ways.get("notebook")
        ratios: dict[str, float] = {}
        if ours is None:
            return ratios
        if network is not None:
            ratios["bulk_small"] = _over(ours.rate["small"], network.rate["small"])
        if network is not None and decoding is not None:
            lower = [*map(min, network.rate["large"], decoding.rate["large"])]
            ratios["bulk_large"] = _over(ours.rate["large"], lower)
            for kind in ("small", "large"):
                both = [
                    a + b for a, b in zip(network.one_ms[kind], decoding.one_ms[kind], strict=True)
                ]
                ratios[f"one_{kind}"] = _over(ours.one_ms[kind], both)
        if FLOOR in self.ways:
            ratios["start"] = _over(ours.start_s, self.ways[FLOOR].start_s)
        if notebook is not None:
            ratios["start_notebook"] = _over(notebook.start_s, ours.start_s)
        server = self.ways.get(SERVER)
        if server is not None:
            ratios["server_small"] = _over(server.rate["small"], ours.rate["small"])
            ratios["server_cpu"] = _over(ours.cpu_ms["small"], server.cpu_ms["small"])
            ratios["server_p99"] = _over(server.p99_ms, ours.one_ms["small"])
        return ratios

    def bounds_ms(self) -> dict[str, float]:
        """Kind of film to the milliseconds of decoder and network alone, where both were measured."""
        network, decoding = self.ways.get(NETWORK), self.ways.get(DECODING)
        if network is None or decoding is None:
            return {}
        return {
            kind: median(ms) + median(network.one_ms[kind]) for kind, ms in decoding.one_ms.items()
        }

    def to_json(self) -> dict[str, Any]:
        """Everything, for a file."""
        return asdict(self) | {"ratios": self.ratios()}


def _over(values: Sequence[float], others: Sequence[float]) -> float:
    return median(a / b for a, b in zip(values, others, strict=True))
