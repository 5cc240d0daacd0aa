"""The card of an imported bundle, which was trained elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pneumoscope.bundle import BundleMeta


def imported_card(meta: BundleMeta) -> str:
    """The card as Markdown: how the bundle was imported; nothing else is known about it."""
    recipe, parity = meta.recipe, meta.validation["parity"]
    return f"""# {meta.name} {meta.version}

**{meta.intended_use}**

An imported Keras model, {recipe["imported_from"]}, SHA-256 `{recipe["sha256"]}`. Classes in the
order of its outputs: {", ".join(meta.labels)}; "nothing found" is {meta.negative}. Input
{meta.size} x {meta.size} pixels, {recipe["channels"]} channel(s), scaling `{recipe["scaling"]}`.

## Not validated here

Nothing is known of the films that it was trained on, of the split, or of its accuracy on any film.
Its probabilities are what its last layer gives; they were not calibrated, no prevalence is known to
carry them from, and no verdict is ever UNDETERMINED. The threshold
{meta.operating_points[0].threshold} was not chosen on any film. `labels` and `scaling` were named
by whoever imported it: a wrong order or scaling gives wrong answers without any error.

## Preprocessing

pneumoscope makes every film {meta.source_size} x {meta.source_size} pixels by antialiased bilinear
resampling, and then {meta.size} x {meta.size} in the same way. Notebooks resize in one step, often
without antialiasing (Keras: nearest neighbour by default), so probabilities differ a little from
the notebook's own.

## Heatmaps

Grad-CAM on the logits, in closed form, at the last feature maps. They tell which cells raised a
score in this network, not where disease is.

## Parity

ONNX against Keras on {parity["films"]} drawn films: largest |dp| {parity["max_dp"]:.1e}; heatmaps
against Grad-CAM by automatic differentiation: largest error {parity["max_heatmap_error"]:.1e} of
the peak.
"""
