"""Undoing the simplification of a network."""

from __future__ import annotations

import numpy as np
import onnx

import simplified
from pneumoscope.bundle import MODEL, open_bundle


def test_the_expanded_network_gives_the_same() -> None:
    model = onnx.load(str(open_bundle("children").path / MODEL))
    whole = simplified.expanded(model)
    counts = [[n.op_type for n in m.graph.node].count("Clip") for m in (model, whole)]
    assert (counts[0] > 30, counts[1]) == (True, 0)
    films = np.random.default_rng(0).integers(0, 256, (1, 128, 128, 1), np.uint8)
    p = [simplified.session(m).run(["probabilities"], {"films": films})[0] for m in (model, whole)]
    np.testing.assert_allclose(p[1], p[0], atol=1e-5)
