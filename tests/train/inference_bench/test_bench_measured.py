"""Ratios of a benchmark of round numbers."""

from __future__ import annotations

import pytest

from bench_figures import benchmark


def test_the_ratios_are_medians_over_rounds() -> None:
    assert benchmark().ratios() == {
        "bulk_small": pytest.approx(0.7),  # 400/500 and 300/500
        "bulk_large": pytest.approx(0.85),  # of 50, which decoding reaches
        "one_small": pytest.approx(1.375),  # 5/4 and 6/4
        "one_large": pytest.approx(1.375),  # 30/24 and 36/24
        "start": pytest.approx(2.5),  # 0.3/0.1 and 0.4/0.2
        "start_notebook": pytest.approx(17.5),  # 6/0.3 and 6/0.4
        "server_small": pytest.approx(0.75),  # 300/400 and 225/300
        "server_cpu": pytest.approx(0.5),  # 5/10 and 6/12
        "server_p99": pytest.approx(3.5),  # 20/5 and 18/6
    }


def test_the_lower_bound_is_decoder_and_network() -> None:
    assert benchmark().bounds_ms() == {"small": 4.0, "large": 24.0}


def test_ratios_need_both_ways() -> None:
    whole = benchmark()
    del whole.ways["decoding"], whole.ways["notebook"], whole.ways["server"]
    assert set(whole.ratios()) == {"bulk_small", "start"}
    del whole.ways["pneumoscope"]
    assert whole.ratios() == {}
    assert whole.to_json()["ratios"] == {}
    assert whole.bounds_ms() == {}
