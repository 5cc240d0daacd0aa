"""Ratios of a benchmark, and a short one on the tiny network."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pneumoscope.bundle import Bundle
from pneumoscope.errors import BenchError, UsageError
from pneumoscope.train.inference_bench import films, measure
from pneumoscope.train.inference_bench.process import WayProcess
from pneumoscope.train.progress import Progress


def test_ways_that_are_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(measure.NEEDS, "decoding", ("no_such_package",))
    names, missing = measure.available(["pneumoscope", "decoding"])
    assert (names, missing) == (["pneumoscope"], {"decoding": "no_such_package not installed"})
    with pytest.raises(UsageError, match="no way 'onnx'"):
        measure.available(["onnx"])


def test_another_network_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    class Process:
        name = "torch"

        def __init__(self, dp: float | None) -> None:
            self.golden_dp = lambda: dp

    for dp in (None, 0.0009):
        assert measure._agreement(Process(dp)) == dp  # type: ignore[arg-type]
    for other in (0.002, float("nan")):
        with pytest.raises(BenchError, match="torch: its network differs"):
            measure._agreement(Process(other))  # type: ignore[arg-type]


def test_processes_keep_bytecode_wherever_it_is_forbidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    environ = measure.with_bytecode(tmp_path)
    subprocess.run([sys.executable, "-c", "import pneumoscope"], check=True, env=environ)
    assert [*tmp_path.rglob("pneumoscope/__init__.*.pyc")]


@pytest.mark.slow
def test_a_short_benchmark(
    tiny_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measure, "MANY", {"small": 4, "large": 1})
    monkeypatch.setattr(measure, "draw", partial(films.draw, small=2, large=1, dicom=1))
    monkeypatch.setattr(measure, "REPEATS", {"small": 2, "large": 1, "dicom": 1})
    started, starts = list[str](), measure._starts

    class Process(WayProcess):
        def __init__(self, *args: Any) -> None:
            started.append("a process")
            super().__init__(*args)

    def recorded(*args: Any) -> None:
        started.append("every way")
        starts(*args)

    monkeypatch.setattr(measure, "WayProcess", Process)
    monkeypatch.setattr(measure, "_starts", recorded)
    names = ["pneumoscope", "onnxruntime", "decoding"]
    with Progress() as progress:
        measured = measure.measure(tiny_bundle, names, tmp_path, progress, rounds=1)
    # The bytecode is there before the processes whose memory counts.
    assert started[0] == "every way"
    assert started.count("every way") == 2
    ratios = measured.ratios()
    assert set(ratios) == {"bulk_small", "bulk_large", "one_small", "one_large", "start"}
    assert min(ratios.values()) > 0
    ours, decoding = measured.ways["pneumoscope"], measured.ways["decoding"]
    assert {kind: len(times) for kind, times in ours.one_ms.items()} == {
        "small": 1, "large": 1, "dicom": 1,
    }  # fmt: skip
    assert set(decoding.one_ms) == {"small", "large"}
    assert ours.one_ms["large"][0] > ours.one_ms["small"][0]
    assert set(measured.stages_ms["dicom"]) >= {"read", "infer"}
    assert ours.peak_mib is None or ours.peak_mib > 50
    assert ours.golden_dp is not None
    assert decoding.golden_dp is None
    assert min(ours.cpu_ms["small"][0], decoding.start_s[0]) > 0
