"""Writes a bundle from its parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope.bundle import CARD, GATE, GOLDEN, MODEL, Bundle, BundleMeta, write_bundle
from pneumoscope.render.card import card_of
from pneumoscope.train.data import phantom
from pneumoscope.train.gate import features, fitting

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from pneumoscope.train.export.exported import ExportedNetwork

GOLDEN_FILMS = 16


def golden_of(network: ExportedNetwork, size: int) -> dict[str, NDArray[Any]]:
    """Drawn films as ``inputs`` and the outputs that the bundle must give for them, by name."""
    films = phantom.films(GOLDEN_FILMS, size)
    return {"inputs": films, **network.outputs(films)}


def write(
    target: Path,
    model: Path,
    meta: BundleMeta,
    golden: dict[str, Any],
    gate: fitting.Fitted | None = None,
) -> Bundle:
    """Writes the bundle's other files beside the model, then puts the bundle together.

    Args:
        target: Folder of the bundle; a bundle that exists there is replaced.
        model: ``model.onnx``; if there is a gate, its features are projected onto the gate's axes.
        meta: Content of ``bundle.json``.
        golden: See `golden_of`.
        gate: None for a bundle without a gate.

    Raises:
        DiskFull: The disk is full.
    """
    work = model.parent
    parts = [MODEL, GOLDEN, CARD]
    if gate is not None:
        features.project(model, gate.axes)
        fitting.save_heads(gate.heads, work / GATE)
        parts.append(GATE)
    np.savez_compressed(work / GOLDEN, **golden)
    (work / CARD).write_text(card_of(meta), encoding="utf-8")
    return write_bundle(target, meta, {name: work / name for name in parts})
