"""The plot of the stages of a verdict."""

from __future__ import annotations

import pytest

pytest.importorskip("matplotlib", reason="needs the [evidence] extra")

from pneumoscope.evidence.report.plots.stages import stages_plot

STAGES = {"read": 1.0, "infer": 3.5, "explain": 0.1}


def test_stages_and_their_bound_are_drawn() -> None:
    stages = {"small": STAGES, "large": STAGES | {"read": 28.0}, "dicom": STAGES}
    plot = stages_plot(stages, {"small": 4.0, "large": 24.0})
    assert plot.name == "stages"
    assert plot.svg.startswith(b"<?xml")
    assert len(stages_plot(stages, {}).svg) < len(plot.svg)
