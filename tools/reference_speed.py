"""The tables of docs/explanation/speed.md, from the recorded benchmark."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from reference_text import table

RECORD = Path(__file__).parents[1] / "benchmarks" / "inference.json"
NODE = RECORD.with_name("node.json")
NODE_WAYS = {
    "storescu": "`storescu` to a null SCP",
    "model": "the model alone: `predict_many` with heatmap",
    "folder": "**the round trip** to a folder",
    "archive": "**the round trip** to a null SCP",
}
PROCESSES = ("storescu", "storescp", "receiver", "decoder", "main")
TITLES = {
    "imports": "`import numpy, onnxruntime`",
    "pneumoscope": "**pneumoscope**, with heatmap and gate",
    "server": "**pneumoscope serve**, a film in each request",
    "onnxruntime": "the network alone, ONNX Runtime",
    "openvino": "the network alone, OpenVINO",
    "decoding": "the decoder alone, libjpeg-turbo",
    "litert": "Pillow and LiteRT",
    "torch": "Pillow and PyTorch, eager, Grad-CAM by hooks",
    "torch-compiled": "the same by `torch.compile`",
    "notebook": "as in the notebooks: Pillow, Keras, a gradient tape, Matplotlib",
}
TARGETS = {
    "bulk_small": ("Films a second of 224 pixels, relative to the network alone", "at least 1.5"),
    "bulk_large": (
        "Films a second of 2,890 pixels, relative to the slower of decoder and network alone",
        "at least 0.85",
    ),
    "one_small": (
        "Time of one film of 224 pixels, relative to decoder and network alone",
        "at most 1.2",
    ),
    "one_large": (
        "Time of one film of 2,890 pixels, relative to decoder and network alone",
        "at most 1.2",
    ),
    "start": (
        "Time to the first verdict, relative to importing numpy and onnxruntime",
        "at most 2",
    ),
    "start_notebook": ("Time to a notebook's first verdict, relative to ours", "at least 8"),
    "server_small": (
        "Films a second through the server, relative to `predict_many`",
        "at least 0.85",
    ),
    "server_cpu": (
        "Processor time of a film with `predict_many`, relative to server and client",
        "",
    ),
    "server_p99": (
        "99th percentile through the server at half load, relative to one film by `predict`",
        "under 4",
    ),
}
MEMORY_MB, DISK_MB = 250, 200
"""Targets of resident memory and of the base installation."""


def ways() -> str:
    """What was measured of each way, medians over rounds."""
    record = _record()
    rows = []
    for name, times in record["ways"].items():
        latencies = [_median(times["one_ms"].get(kind), 1) for kind in ("small", "large", "dicom")]
        rates = [_median(times["rate"].get(kind), 0) for kind in ("small", "large")]
        cpu_ms = _median(times.get("cpu_ms", {}).get("small"), 1)
        sizes = [f"{times[key]:.0f}" if times[key] else "" for key in ("peak_mib", "installed_mb")]
        rows.append(
            [TITLES[name], _median(times["start_s"], 2), *latencies, *rates, cpu_ms, *sizes]
        )
    kinds = ("224 px, ms", "2,890 px, ms", "DICOM, ms", "224 px, films/s", "2,890 px, films/s")
    head = ("", "first verdict, s", *kinds, "224 px, CPU ms", "memory, MiB", "on disk, MB")
    versions = ", ".join(f"{name} {version}" for name, version in record["versions"].items())
    return (
        f"{table(head, rows)}\n\n{record['rounds']} rounds on {record['cores']} cores "
        f"({record['processor']}). Versions: {versions}."
    )


def ratios() -> str:
    """What was measured of each target."""
    record = _record()
    measured, ours = record["ratios"], record["ways"]["pneumoscope"]
    rows = [
        (words, f"{measured[name]:.2f}", target)
        for name, (words, target) in TARGETS.items()
        if name in measured
    ]
    rows += [
        ("Memory, in 10^6 bytes", f"{ours['peak_mib'] * 1.048576:.0f}", f"at most {MEMORY_MB}"),
        ("Base installation, in 10^6 bytes", f"{ours['installed_mb']:.0f}", f"at most {DISK_MB}"),
    ]
    return table(("ratio, median over rounds; sizes", "measured", "target"), rows)


def node() -> str:
    """What was measured of a DICOM node, medians over rounds."""
    record: dict[str, Any] = json.loads(NODE.read_text(encoding="utf-8"))
    rows = []
    for name, title in NODE_WAYS.items():
        way = record["ways"][name]
        shares = [_median(way["processes_ms"].get(process), 1) for process in PROCESSES]
        rows.append([title, _median(way["rate"], 1), _median(way["cpu_ms"], 0), *shares])
    head = ("", "films/s", "processor time of a film, ms", *PROCESSES)
    latency, memory, ratio = record["latency"], record["memory"], record["ratios"]
    return (
        f"{table(head, rows)}\n\n{record['rounds']} rounds of {record['films']} films on "
        f"{record['cores']} cores, load average {record['load']}.\n\n"
        f"- *Relative to the slower of `storescu` and model*, the round trip to a folder reaches "
        f"{ratio['folder']:.2f}, that to a null SCP {ratio['archive']:.2f}; the target is 0.60.\n"
        f"- *From the answer to C-STORE to the last object in the archive*, at "
        f"{latency['rate']:.1f} films a second, {latency['films']} films: median "
        f"{latency['median_s']:.1f} s, 99th percentile {latency['p99_s']:.1f} s.\n"
        f"- *Memory* of all processes over {memory['films']:,} films of {memory['side_px']} pixels: "
        f"{memory['first_mib']:.0f} MiB at first, {memory['last_mib']:.0f} MiB at the end, at most "
        f"{memory['most_mib']:.0f} MiB."
    )


def _record() -> dict[str, Any]:
    record: dict[str, Any] = json.loads(RECORD.read_text(encoding="utf-8"))
    return record


def _median(values: Sequence[float] | None, digits: int) -> str:
    return f"{median(values):,.{digits}f}" if values else ""
