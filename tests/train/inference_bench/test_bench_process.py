"""A way in its own process."""

from __future__ import annotations

from pathlib import Path

import pytest

from pneumoscope.bundle import Bundle
from pneumoscope.errors import BenchError
from pneumoscope.train.inference_bench.films import draw
from pneumoscope.train.inference_bench.process import WayProcess
from pneumoscope.train.inference_bench.way import Job


@pytest.mark.slow
def test_a_process_answers_until_it_is_ended(tiny_bundle: Bundle, tmp_path: Path) -> None:
    film = draw(tmp_path, small=1, large=0, dicom=0).small[0]
    with WayProcess("onnxruntime", Job(tiny_bundle.path, 2, 224), film) as process:
        assert process.start_s > 0
        assert len(process.one_ms(film, 3)) == 3
        assert min(process.many_s([film] * 9)) >= 0  # seconds, and those of the processor
        dp, memory_mib = process.golden_dp(), process.memory_mib()
        assert dp is not None
        assert dp < 1e-3
        assert memory_mib is None or memory_mib > 30


def test_a_way_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="decoding: FileNotFoundError") as error:
        WayProcess("decoding", Job(tmp_path, 1, 224), tmp_path / "none.jpg")
    assert error.value.hint == "Leave it out with --ways."
