"""A notebook's Keras model becomes a bundle.

The kind of model that courses and notebooks produce: a network for pictures with a head of pooling
or Flatten and a few dense layers, saved as ``.h5``, ``.keras`` or SavedModel. Only its weights and its layers are
taken over. Nothing is known about how it was trained or how good it is, and the bundle says so.
"""

from __future__ import annotations

import tempfile
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope.bundle import MODEL, Bundle, BundleMeta
from pneumoscope.data.class_names import is_negative, negative_of
from pneumoscope.data.sheet import sheet_for
from pneumoscope.decision.calibration import Calibration
from pneumoscope.errors import ConversionError, PneumoscopeError, UsageError
from pneumoscope.images import SOURCE_SIZE
from pneumoscope.records import (
    ABNORMAL,
    ANTIALIAS,
    NO_HEATMAPS,
    RESIZES,
    OperatingPoint,
    Population,
)
from pneumoscope.train.export import description, writing
from pneumoscope.train.export.exported import ExportedNetwork
from pneumoscope.train.keras_import import (
    keras2,
    pairs,
    parity,
    picture_input,
    reading,
    saved,
    serving,
    structure,
)
from pneumoscope.train.keras_import.pairs import Preparation
from pneumoscope.train.keras_import.serving import SCALINGS
from pneumoscope.train.network import gradcam
from pneumoscope.train.quiet import no_chatter

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pneumoscope.train.keras_import.saved import SavedModel
    from pneumoscope.train.keras_import.structure import Network

    Note = Callable[[str], None]

POPULATION = Population(text="unknown: imported model", age_years=None, views=())
INTENDED_USE = f"{description.INTENDED_USE} An imported model: not validated here."


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What the file does not say about its model.

    Attributes:
        labels: Class names in the order of the outputs. Keras' folder readers sort classes by name:
            NORMAL, PNEUMONIA. A single sigmoid unit is the probability of the second.
        size: Side of the network's input in pixels; None for what the file says.
        scaling: One of `serving.SCALINGS`, how the notebook scaled its pictures.
        channels: 1 or 3; None for what the file says.
        negative: The class that means "nothing found"; None for the one named normal, negative or
            healthy.
        name: Name of the bundle; None for that of the file.
        resize: One of `pneumoscope.records.RESIZES`, how the notebook made its pictures smaller.
        heatmap: Whether the bundle has heatmaps, for which the head must have a closed form.
        weights: File of the weights, if they are not in the file of the model.
        check: File of the user's own pairs, see `pairs`.
    """

    labels: tuple[str, ...]
    size: int | None = None
    scaling: str = "unit"
    channels: int | None = None
    negative: str | None = None
    name: str | None = None
    resize: str = ANTIALIAS
    heatmap: bool = True
    weights: Path | None = None
    check: Path | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Imported:
    """A loaded model on its way into a bundle.

    Attributes:
        model: The loaded model.
        network: Its parts.
        preparation: How films become its input.
        columns: The outputs that the bundle has.
    """

    model: Any
    network: Network
    preparation: Preparation
    columns: tuple[int, ...]


def import_model(file: Path, options: ImportOptions, out: Path, note: Note) -> Bundle:
    """Turns a saved Keras model into a bundle.

    Args:
        file: ``.keras``, ``.h5`` or SavedModel, of Keras 2 or 3; or its ``.json`` beside weights.
        options: What the file does not say.
        out: The folder to write; a bundle that exists there is replaced.
        note: Called with lines that report progress.

    Raises:
        UsageError: An option does not fit the model.
        ConversionError: The file is not a Keras model, contains code, has a structure for which no
            heatmap can be computed, differs from the user's pairs, or ONNX gives other answers than
            Keras.
    """
    _check_options(options)
    own_pairs = pairs.read(options.check) if options.check else None
    note(f"reading {file.name}")
    with no_chatter():
        source = saved.locate(file, options.weights)
        model = reading.load(source)
    imported = prepare(model, options)
    validation: dict[str, Any] = {}
    if own_pairs is not None:
        note(f"comparing with {len(own_pairs.p)} pairs")
        is_half = keras2.is_half(source.config)
        with no_chatter():
            compared = pairs.compare(
                own_pairs,
                model,
                imported.preparation,
                half=is_half,
                logits="" if structure.applied_final(model) else imported.network.final,
                in_half=partial(reading.load, source, keep_half=True) if is_half else None,
            )
        validation["check"] = asdict(compared)
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, MODEL)
        note("exporting to ONNX")
        golden, validation["parity"] = _exported(imported, target, note)
        meta = _meta(source, options, imported, validation)
        return writing.write(out, target, meta, golden)


def prepare(model: Any, options: ImportOptions) -> Imported:
    """Finds out what a bundle needs to know of a loaded model.

    Raises:
        UsageError: An option does not fit the model.
        ConversionError: Its structure cannot be imported.
    """
    size, channels = picture_input.side_and_channels(
        model, options.size, options.channels, options.scaling
    )
    try:
        network = structure.split(model) if options.heatmap else structure.undivided(model)
    except PneumoscopeError:
        raise
    # Keras passes on whatever the layers of an odd model raise.
    except Exception as error:
        raise ConversionError(
            f"the model cannot be divided into maps and head ({saved.reason_of(error)})",
            gradcam.NO_HEATMAP,
        ) from error
    structure.check_outputs(network, options.labels, options.negative)
    if not network.has_findings:
        _check_negative(options)
    one_step = options.resize != ANTIALIAS
    preparation = Preparation(
        size=size,
        # Notebooks resize in one step; with antialiasing, films take the step of the shipped bundles.
        source_size=size if one_step else max(SOURCE_SIZE, size),
        channels=channels,
        scaling=options.scaling,
        resize=options.resize,
    )
    columns = network.columns(options.labels, options.negative)
    return Imported(model, network, preparation, columns)


def _exported(
    imported: Imported, target: Path, note: Note
) -> tuple[dict[str, NDArray[Any]], dict[str, float]]:
    """Writes ``model.onnx``; its golden outputs, and how they differ from Keras."""
    network, preparation = imported.network, imported.preparation
    size, channels, scaling = preparation.size, preparation.channels, preparation.scaling
    with no_chatter():
        try:
            served = serving.serving_model(network, size, channels, scaling, imported.columns)
        # Keras passes on whatever the layers of a damaged model raise.
        except Exception as error:
            raise ConversionError(
                f"the model cannot be rebuilt for films ({saved.reason_of(error)})",
                "Does --size fit the model?",
            ) from error
        serving.to_onnx(served, np.zeros((1, size, size, 1), np.uint8), target)
    note("comparing with the Keras model")
    with no_chatter():
        golden = writing.golden_of(ExportedNetwork(target), size)
        pictures = serving.scaled(golden["inputs"], channels, scaling)
        answers = partial(_of_keras, imported, pictures)
        return golden, parity.measure(golden, imported.model, answers)


def _of_keras(imported: Imported, pictures: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    """What the bundle should give for some inputs of the notebook's model, by name."""
    network = imported.network
    columns = imported.columns if network.has_findings else slice(None)
    p = serving.expected_probabilities(imported.model, network, pictures)
    outputs = {"probabilities": p[:, columns]}
    if network.head is not None:
        # Keras' augmentation layers augment unless they are told not to.
        maps = network.body(pictures, training=False)
        outputs["heatmaps"] = gradcam.autodiff_grad_cam(maps, network.head)[:, columns]
    return outputs


def _check_options(options: ImportOptions) -> None:
    labels = options.labels
    if not all(labels) and any(labels):
        raise UsageError(
            f"labels {','.join(labels)!r}: a name is empty",
            "Give one name for each output, with a comma between two: --labels normal,pneumonia.",
        )
    if len({label.casefold() for label in labels}) < len(set(labels)):
        raise UsageError(
            f"labels {','.join(labels)!r}: two differ in capitals only",
            "Give different names, in the order of the network's outputs.",
        )
    if len(labels) < 2 or len(set(labels)) < len(labels) or not all(labels):
        raise UsageError(
            f"labels {','.join(labels)!r}: two or more different names are needed",
            "Give them in the order of the network's outputs: --labels normal,pneumonia.",
        )
    if options.negative is not None and options.negative not in labels:
        raise UsageError(
            f"negative class {options.negative!r} is not among the labels",
            f"One of {', '.join(labels)}.",
        )
    others = [name for name in labels if is_negative(name) and name != options.negative]
    if options.negative is not None and others:
        raise UsageError(
            f"the negative class is said to be {options.negative}, but there is also {others[0]}",
            f"Give --negative {others[0]}, or leave it out.",
        )
    for name, value, known in (
        ("scaling", options.scaling, SCALINGS),
        ("resize", options.resize, RESIZES),
    ):
        if value not in known:
            raise UsageError(f"{name} {value!r} is unknown", f"One of {', '.join(known)}.")


def _check_negative(options: ImportOptions) -> None:
    if options.negative is None and negative_of(options.labels) is None:
        raise UsageError(
            f"none of the labels {', '.join(options.labels)} means that nothing was found",
            "Name the one that does with --negative.",
        )


def _meta(
    source: SavedModel, options: ImportOptions, imported: Imported, validation: dict[str, Any]
) -> BundleMeta:
    digest = saved.sha256_of_all(source.files)
    labels = tuple(options.labels[i] for i in imported.columns)
    findings, preparation = imported.network.has_findings, imported.preparation
    negative = None if findings else options.negative or negative_of(labels) or labels[0]
    sheet = sheet_for(labels, negative)
    kinds = sheet.kinds_of(labels, negative)
    rule = "0.5 by convention; it was not chosen on any film"
    points = tuple(
        OperatingPoint("imported", 0.5, rule, finding)
        for finding in (labels if findings else [None])
    )
    questions = len(labels) if findings else 1
    return BundleMeta(
        name=options.name or source.path.stem or source.path.name,
        version=f"imported-{digest[:8]}",
        task="multilabel" if findings else "binary" if len(labels) == 2 else "multiclass",
        labels=labels,
        negative=negative,
        positive=sheet.positive_name(labels, negative) if negative else ABNORMAL,
        kinds=kinds,
        kinds_warning=sheet.warning_of(kinds),
        warnings=() if options.heatmap else (NO_HEATMAPS,),
        size=preparation.size,
        source_size=preparation.source_size,
        calibration=Calibration(scale=(1.0,) * questions, offset=(0.0,) * questions),
        conformal=None,
        operating_points=points,
        default_operating_point=points[0].name,
        population=POPULATION,
        intended_use=INTENDED_USE,
        recipe={
            "imported_from": source.path.name,
            "sha256": digest,
            "scaling": options.scaling,
            "channels": preparation.channels,
        },
        data={},
        validation=validation,
        resize=options.resize,
        heatmaps=options.heatmap,
    )
