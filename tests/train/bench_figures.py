"""Benchmarks of a few round numbers."""

from __future__ import annotations

from pneumoscope.train.inference_bench.measured import Measured, Times


def benchmark() -> Measured:
    """Two rounds of some ways and the floor; the stages of every kind of film."""
    ways = {
        "imports": Times(start_s=[0.1, 0.2]),
        "pneumoscope": Times(
            start_s=[0.3, 0.4],
            one_ms={"small": [5.0, 6.0], "large": [30.0, 36.0], "dicom": [12.0, 12.0]},
            rate={"small": [400.0, 300.0], "large": [45.0, 40.0]},
            cpu_ms={"small": [5.0, 6.0], "large": [30.0, 30.0]},
            peak_mib=200.4,
            installed_mb=217.0,
        ),
        "server": Times(
            rate={"small": [300.0, 225.0]},
            cpu_ms={"small": [10.0, 12.0]},
            p99_ms=[20.0, 18.0],
        ),
        "onnxruntime": Times(
            one_ms={"small": [3.0, 3.0], "large": [3.0, 3.0], "dicom": [3.0, 3.0]},
            rate={"small": [500.0, 500.0], "large": [500.0, 500.0]},
        ),
        "decoding": Times(
            one_ms={"small": [1.0, 1.0], "large": [21.0, 21.0]},
            rate={"small": [4000.0, 4000.0], "large": [50.0, 50.0]},
        ),
        "notebook": Times(start_s=[6.0, 6.0]),
    }
    stages = {"read": 1.0, "infer": 3.5, "explain": 0.1}
    return Measured(
        ways=ways,
        stages_ms={"small": stages, "large": stages | {"read": 28.0}, "dicom": stages},
        versions={"python": "3.11.7"},
        processor="a processor",
        cores=2,
        rounds=2,
        missing={"openvino": "openvino not installed"},
    )
