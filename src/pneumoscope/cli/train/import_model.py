"""``pneumoscope import``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from pneumoscope.cli.options import Json
from pneumoscope.cli.terminal import note, print_json
from pneumoscope.cli.train.options import prepare_conversion

EXAMPLE = (
    "Example: pneumoscope import model.h5 --labels NORMAL,PNEUMONIA --resize nearest "
    "--check pairs.npz --out mine"
)

Model = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        help="A Keras model: .keras, .h5, the folder of a SavedModel, or model.json beside its weights.",
    ),
]
Labels = Annotated[
    str,
    typer.Option(
        metavar="NAMES", help="Class names in the order of the outputs, separated by commas."
    ),
]
Out = Annotated[Path, typer.Option(metavar="DIR", help="Folder of the bundle to write.")]
Size = Annotated[
    int | None,
    typer.Option(
        min=16,
        max=1024,
        metavar="PX",
        help="Side of the input in pixels; the model's own by default.",
    ),
]
Scaling = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="How the notebook scaled its images: unit (x/255), none, minus-one-to-one, "
        "imagenet (ResNet50, VGG) or imagenet-torch (DenseNet).",
    ),
]
Channels = Annotated[
    int | None, typer.Option(metavar="N", help="Channels, 1 or 3; the model's own by default.")
]
Negative = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Class that means 'nothing found', if none is called normal, negative or healthy.",
    ),
]
Resize = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="How the notebook made its images smaller: antialias (Pillow, as pneumoscope does it), "
        "nearest (ImageDataGenerator, load_img) or bilinear (image_dataset_from_directory, "
        "cv2.resize).",
    ),
]
NoHeatmap = Annotated[
    bool,
    typer.Option(
        "--no-heatmap",
        help="Import without heatmaps, for a model from which none can be computed. Every output says so.",
    ),
]
Weights = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Weights of a model.json (.h5 or .index); those beside it by default."
    ),
]
Check = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Check the bundle with pairs of the notebook: .npz with x (inputs of the network) or files (names of films), "
        "and p (its outputs).",
    ),
]
Name = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Name of the bundle; that of the file by default."),
]


def import_model(
    model: Model,
    labels: Labels,
    out: Out,
    size: Size = None,
    scaling: Scaling = "unit",
    channels: Channels = None,
    negative: Negative = None,
    name: Name = None,
    resize: Resize = "antialias",
    no_heatmap: NoHeatmap = False,
    weights: Weights = None,
    check: Check = None,
    json: Json = False,
) -> None:
    """Turn a notebook's Keras model into a bundle."""
    prepare_conversion("import")
    from pneumoscope.train.quiet import no_chatter

    with no_chatter():
        from pneumoscope.train.keras_import import importing

    options = importing.ImportOptions(
        # A list as Python prints it is taken as meant.
        labels=tuple(label.strip(" '\"") for label in labels.strip(" []").split(",")),
        size=size,
        scaling=scaling,
        channels=channels,
        negative=negative,
        name=name,
        resize=resize,
        heatmap=not no_heatmap,
        weights=weights,
        check=check,
    )
    bundle = importing.import_model(model, options, out, note)
    parity, compared = bundle.meta.validation["parity"], bundle.meta.validation.get("check")
    if json:
        record = {"bundle": str(bundle.path), "sha256": bundle.sha256, "parity": parity}
        print_json(record | ({"check": compared} if compared else {}))
        return
    agreement = _agreement(compared) if compared else ""
    rounding = parity.get("rounding")
    rounded = f"Rounding alone changes its answers by up to {rounding:.1e}.\n" if rounding else ""
    heatmaps = "" if bundle.meta.heatmaps else "It gives no heatmaps (--no-heatmap).\n"
    sys.stdout.write(
        f"{bundle.path}\n"
        f"Same as the Keras model on {parity['films']} drawn films: |dp| at most "
        f"{parity['max_dp']:.1e}. Not validated on any film.\n"
        f"{rounded}{agreement}{heatmaps}"
        f"Try it: pneumoscope predict film.jpg --bundle {bundle.path}\n"
    )


def _agreement(compared: dict[str, Any]) -> str:
    """How the import compares with the user's pairs, as sentences."""
    half, tf32 = compared["max_dp_half"], compared["max_dp_tf32"]
    differences = (
        f"|dp| at most {compared['max_dp']:.1e}, {compared['changed']} with another answer at 0.5."
    )
    if half is None and tf32 is None:
        return f"Same as your {compared['pairs']} pairs: {differences}\n"
    cause = (
        f"A GPU that computes in TF32 explains that: TF32 alone changes these answers by up to {tf32:.1e}. "
        "For a stricter check, compute p on the CPU: with tf.device('/CPU:0'): p = model.predict(x).\n"
        if half is None
        else "Half precision explains that: it computes in float32, the notebook did not. In half precision "
        f"the model differs from your pairs by {half:.1e}.\n"
    )
    return f"Near your {compared['pairs']} pairs: {differences}\n{cause}"
