"""The card of an imported bundle, which was trained elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.records import BILINEAR, NEAREST

if TYPE_CHECKING:
    from pneumoscope.bundle import BundleMeta


def imported_card(meta: BundleMeta) -> str:
    """The card as Markdown: how the bundle was imported; nothing else is known about it."""
    recipe, parity = meta.recipe, meta.validation["parity"]
    return f"""# {meta.name} {meta.version}

**{meta.intended_use}**

An imported Keras model, {recipe["imported_from"]}, SHA-256 `{recipe["sha256"]}`. Classes in the
order of its outputs: {", ".join(meta.labels)}; {_negative(meta)}. Input
{meta.size} x {meta.size} pixels, {recipe["channels"]} channel(s), scaling `{recipe["scaling"]}`.{_pairs(meta)}

## Not validated here

Nothing is known of the films that it was trained on, of the split, or of its accuracy on any film.
Its probabilities are what its last layer gives; they were not calibrated, no prevalence is known to
carry them from, and no verdict is ever UNDETERMINED. The threshold
{meta.operating_points[0].threshold} was not chosen on any film. `labels` and `scaling` were named
by whoever imported it: a wrong order or scaling gives wrong answers without any error.

## Preprocessing

{_resizing(meta)}

## Heatmaps

{_heatmaps(meta)}

## Parity

ONNX against Keras on {parity["films"]} drawn films: largest |dp| {parity["max_dp"]:.1e}{_heat_parity(meta)}.{_rounding(meta)}
"""


def _negative(meta: BundleMeta) -> str:
    if meta.negative is None:
        return "a film may have several of them, or none"
    return f'"nothing found" is {meta.negative}'


def _pairs(meta: BundleMeta) -> str:
    pairs = meta.validation.get("check")
    if not pairs:
        return ""
    what = "inputs" if pairs["kind"] == "x" else "films"
    half, tf32 = pairs.get("max_dp_half"), pairs.get("max_dp_tf32")
    precision = ""
    if half is not None:
        precision = (
            "\nThe notebook computed in half precision, the bundle computes in float32; in half "
            f"precision it differs by {half:.1e}."
        )
    elif tf32 is not None:
        precision = (
            "\nThe notebook may have computed on a GPU in TF32, which alone changes these answers by up to "
            f"{tf32:.1e}; the bundle computes in float32."
        )
    return (
        f"\nCompared with the notebook's answers on {pairs['pairs']} of its {what}: largest |dp| "
        f"{pairs['max_dp']:.1e}, {pairs['changed']} with another answer at 0.5.{precision}"
    )


def _resizing(meta: BundleMeta) -> str:
    size = f"{meta.size} x {meta.size}"
    if meta.resize == NEAREST:
        return f"Every film becomes {size} pixels in one step, by the nearest pixel, as in the notebook."
    if meta.resize == BILINEAR:
        return (
            f"Every film becomes {size} pixels in one step, bilinearly without antialiasing, as in the\n"
            "notebook."
        )
    source = f"{meta.source_size} x {meta.source_size}"
    return f"""pneumoscope makes every film {source} pixels by antialiased bilinear
resampling, and then {size} in the same way. Notebooks resize in one step, often
without antialiasing (Keras: nearest neighbour by default), so probabilities differ a little from
the notebook's own."""


def _heatmaps(meta: BundleMeta) -> str:
    if not meta.heatmaps:
        return (
            "None: it was imported with `--no-heatmap`. No output shows where a score comes from."
        )
    return """Grad-CAM on the logits, in closed form, at the last feature maps. They tell which cells raised a
score in this network, not where disease is."""


def _heat_parity(meta: BundleMeta) -> str:
    error = meta.validation["parity"].get("max_heatmap_error")
    if error is None:
        return ""
    return f"""; heatmaps
against Grad-CAM by automatic differentiation: largest error {error:.1e} of
the peak"""


def _rounding(meta: BundleMeta) -> str:
    change = meta.validation["parity"].get("rounding")
    if change is None:
        return ""
    return f"""
Rounding in the last bits of the weights alone changes its answers by up to {change:.1e}."""
