"""Ratios of a benchmark, and a short one on the tiny network."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench_figures import benchmark
from pneumoscope.bundle import Bundle
from pneumoscope.errors import UsageError
from pneumoscope.train.inference_bench import measure
from pneumoscope.train.progress import Progress


def test_the_ratios_are_medians_over_rounds() -> None:
    assert benchmark().ratios() == {
        "bulk_small": pytest.approx(0.7),  # 400/500 and 300/500
        "bulk_large": pytest.approx(0.85),  # of 50, which decoding reaches
        "one_small": pytest.approx(1.375),  # 5/4 and 6/4
        "one_large": pytest.approx(1.375),  # 30/24 and 36/24
        "start": pytest.approx(2.5),  # 0.3/0.1 and 0.4/0.2
        "start_notebook": pytest.approx(17.5),  # 6/0.3 and 6/0.4
    }


def test_the_lower_bound_is_decoder_and_network() -> None:
    assert benchmark().bounds_ms() == {"small": 4.0, "large": 24.0}


def test_ratios_need_both_ways() -> None:
    whole = benchmark()
    del whole.ways["decoding"], whole.ways["notebook"]
    assert set(whole.ratios()) == {"bulk_small", "start"}
    del whole.ways["pneumoscope"]
    assert whole.ratios() == {}
    assert whole.to_json()["ratios"] == {}
    assert whole.bounds_ms() == {}


def test_ways_that_are_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(measure.NEEDS, "decoding", ("no_such_package",))
    names, missing = measure.available(["pneumoscope", "decoding"])
    assert (names, missing) == (["pneumoscope"], {"decoding": "no_such_package not installed"})
    with pytest.raises(UsageError, match="no way 'onnx'"):
        measure.available(["onnx"])


def test_sizes_are_those_of_packages_with_their_needs() -> None:
    runtime, decoder = measure.installed_mb("onnxruntime"), measure.installed_mb("decoding")
    assert runtime is not None
    assert decoder is not None
    assert runtime > decoder > 10  # NumPy alone takes that much
    assert measure.installed_mb("no-such-package") is None


def test_a_short_benchmark(
    tiny_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measure, "MANY", {"small": 4, "large": 1})
    monkeypatch.setattr(measure, "REPEATS", {"small": 2, "large": 1, "dicom": 1})
    names = ["pneumoscope", "onnxruntime", "decoding"]
    with Progress() as progress:
        measured = measure.measure(tiny_bundle, names, tmp_path, progress, rounds=1)
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
