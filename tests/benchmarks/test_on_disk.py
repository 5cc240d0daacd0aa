"""The packages of an installation by their size."""

from __future__ import annotations

import pytest

import on_disk
from pneumoscope.train.inference_bench.installed import installed_mb, sizes_mb


def test_the_largest_package_is_first_and_all_are_summed() -> None:
    rows = on_disk.table({"small": 1.04, "large": 20.0}).splitlines()
    assert rows[2:] == ["| large | 20.0 |", "| small | 1.0 |", "| all | 21.0 |"]


@pytest.mark.slow
def test_the_sum_is_what_the_benchmark_records() -> None:
    sizes = sizes_mb("pneumoscope")
    assert {"pneumoscope", "numpy", "onnxruntime"} <= sizes.keys()
    assert sum(sizes.values()) == pytest.approx(installed_mb("pneumoscope"))
