"""Ratios against recorded ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pneumoscope.errors import BenchError, UsageError
from pneumoscope.train.inference_bench.limits import check, read

RECORDED = {"bulk_small": 0.8, "one_large": 1.2, "start": 2.5}


@pytest.mark.parametrize(
    "ratios",
    [
        {"bulk_small": 0.65, "one_large": 1.49, "start": 3.5},
        {"bulk_small": 0.9, "one_small": 9.0},
    ],
)
def test_a_fifth_worse_is_allowed_and_more_for_the_start(ratios: dict[str, float]) -> None:
    check(ratios, RECORDED)


@pytest.mark.parametrize(
    ("ratios", "words"),
    [
        ({"bulk_small": 0.63, "start": 2.5}, "bulk_small is 0.63, recorded was 0.80"),
        ({"one_large": 1.51, "start": 2.5}, "one_large is 1.51, recorded was 1.20"),
        ({"bulk_small": 0.8, "start": 3.6}, "start is 3.60, recorded was 2.50"),
    ],
)
def test_more_is_an_error(ratios: dict[str, float], words: str) -> None:
    with pytest.raises(BenchError, match=words):
        check(ratios, RECORDED)


@pytest.mark.parametrize("ratios", [{}, {"one_small": 9.0}])
def test_nothing_to_compare_is_an_error(ratios: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="recorded is bulk_small, one_large, start") as error:
        check(ratios, RECORDED)
    assert "--ways" in error.value.hint
    with pytest.raises(UsageError, match="recorded is no ratio"):
        check(RECORDED, {})


def test_recorded_ratios_are_those_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "recorded.json"
    file.write_text(json.dumps({"ratios": RECORDED}))
    assert read(file) == RECORDED
    odd = (f'{{"ratios": {{"start": {ratio}}}}}' for ratio in ("NaN", "Infinity", "0", "-1"))
    for content in ("", "[]", '{"ratios": []}', '{"ratios": {"start": null}}', *odd):
        file.write_text(content)
        with pytest.raises(UsageError, match="has no ratios"):
            read(file)
    with pytest.raises(UsageError, match="no such file"):
        read(tmp_path / "none.json")
