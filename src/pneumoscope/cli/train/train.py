"""``pneumoscope train``."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pneumoscope.cli.options import Cache, Json, masks_option
from pneumoscope.cli.terminal import print_json
from pneumoscope.cli.train.options import Backend, Data, RecipeName, prepare_training
from pneumoscope.errors import MissingExtra

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pneumoscope.bundle import Bundle
    from pneumoscope.train.fit.finder import RangeTest
    from pneumoscope.train.recipe.settings import Recipe
    from pneumoscope.train.run import Paths

EXAMPLE = "Example: pneumoscope train flagship --data chest_xray --out runs/flagship"

Out = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Folder of the run; runs/NAME-SEED by default."),
]
Weights = Annotated[
    str,
    typer.Option(
        metavar="NAME|FILE",
        help="Start weights: imagenet (downloaded by Keras), a .h5 file, or none.",
    ),
]
Seed = Annotated[
    int | None, typer.Option(min=0, metavar="N", help="Seed; the recipe's by default.")
]
Epochs = Annotated[
    int | None, typer.Option(min=0, metavar="N", help="Epochs; the recipe's by default.")
]
HeadEpochs = Annotated[
    int | None, typer.Option(min=0, metavar="N", help="Epochs with a frozen backbone, likewise.")
]
Pictures = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Pictures that are not chest films, which the gate learns to refuse.",
    ),
]
Masks = Annotated[list[Path] | None, masks_option(", for recipes that read the lungs")]
OtherPatients = Annotated[
    Path | None,
    typer.Option(
        "--other-patients",
        metavar="DIR",
        help="Chest films of patients that the bundle is not for; the gate learns to tell them.",
    ),
]
Devices = Annotated[
    str,
    typer.Option(
        metavar="N|all", help="Devices that share each batch; more than 1 only with --backend jax."
    ),
]
TensorBoard = Annotated[
    bool, typer.Option("--tensorboard", help="Write TensorBoard event files into the run folder.")
]
MLflow = Annotated[
    str | None,
    typer.Option(
        metavar="URI|DIR", help="Record the run on an MLflow server, or in a database in a folder."
    ),
]
FindLearningRate = Annotated[
    bool,
    typer.Option(
        "--find-learning-rate",
        help="Train nothing; test a range of learning rates for each phase and suggest one.",
    ),
]


def train(
    recipe: RecipeName = "flagship",
    data: Data = None,
    out: Out = None,
    weights: Weights = "imagenet",
    seed: Seed = None,
    epochs: Epochs = None,
    head_epochs: HeadEpochs = None,
    backend: Backend = "tensorflow",
    cache: Cache = None,
    pictures: Pictures = None,
    masks: Masks = None,
    other_patients: OtherPatients = None,
    devices: Devices = "1",
    tensorboard: TensorBoard = False,
    mlflow: MLflow = None,
    find_learning_rate: FindLearningRate = False,
    json: Json = False,
) -> None:
    """Train a recipe and write its bundle.

    A recipe can name these networks: MobileNetV2, MobileNetV3Small,
    MobileNetV3Large, EfficientNetV2B0, EfficientNetV2B1, EfficientNetV2B2,
    EfficientNetV2B3, DenseNet121, ResNet50, ConvNeXtTiny, cnn, or a function of
    your own as module:function.

    The same command continues a run that was interrupted.
    """
    if find_learning_rate and (tensorboard or mlflow is not None):
        raise typer.BadParameter("--find-learning-rate works without --tensorboard and --mlflow")
    folder = prepare_training(backend, data)
    if mlflow is not None and importlib.util.find_spec("mlflow") is None:
        raise MissingExtra("reporting a training to MLflow", "mlflow")
    from pneumoscope.train.quiet import no_chatter
    from pneumoscope.train.recipe import reading

    resolved = reading.load(recipe, seed=seed, epochs=epochs, head_epochs=head_epochs)
    with no_chatter():
        from pneumoscope.train.run import Paths

    run = out or Path("runs") / f"{resolved.name}-{resolved.seed}"
    paths = Paths(
        data=folder,
        run=run,
        weights=weights,
        cache=cache,
        pictures=pictures,
        masks=tuple(masks or ()),
        others=other_patients,
    )
    if find_learning_rate:
        tests = _test_rates(resolved, paths, devices)
        _print_rates(resolved, paths, tests, as_json=json)
    else:
        bundle = _train(resolved, paths, devices, tensorboard=tensorboard, mlflow=mlflow)
        _print_bundle(bundle, as_json=json)


def _train(
    recipe: Recipe, paths: Paths, devices: str, *, tensorboard: bool, mlflow: str | None
) -> Bundle:
    from pneumoscope.train import run as training
    from pneumoscope.train.fit import tracking
    from pneumoscope.train.network import devices as hardware
    from pneumoscope.train.progress import Progress

    with Progress() as progress:
        hardware.use(devices, recipe.batch_size, progress.note)
        trackers = tracking.open_trackers(paths.run, tensorboard=tensorboard, mlflow=mlflow)
        return training.train(recipe, paths, progress, trackers)


def _print_bundle(bundle: Bundle, *, as_json: bool) -> None:
    """Prints where the bundle is; as JSON also its validation figures."""
    if as_json:
        facts = {"bundle": str(bundle.path), "sha256": bundle.sha256}
        print_json(facts | {"validation": dict(bundle.meta.validation)})
        return
    sys.stdout.write(
        f"{bundle.path}\n"
        f"Try it: pneumoscope predict film.jpg --bundle {bundle.path}\n"
        f"Its figures: pneumoscope info --bundle {bundle.path}\n"
    )


def _test_rates(recipe: Recipe, paths: Paths, devices: str) -> Sequence[RangeTest]:
    from pneumoscope.train import run as training
    from pneumoscope.train.network import devices as hardware
    from pneumoscope.train.progress import Progress

    with Progress() as progress:
        hardware.use(devices, recipe.batch_size, progress.note)
        return training.find_learning_rate(recipe, paths, progress)


def _print_rates(
    recipe: Recipe, paths: Paths, tests: Sequence[RangeTest], *, as_json: bool
) -> None:
    """Prints the learning rate that each range test suggests."""
    from pneumoscope.train.fit import finder

    plot, table = paths.run / finder.PLOT, paths.run / finder.TABLE
    if as_json:
        files = {"plot": str(plot), "table": str(table)}
        phases = {"recipe": recipe.name, "phases": [asdict(test) for test in tests]}
        print_json({**files, "rule": finder.RULE, **phases})
        return
    for test in tests:
        suggestion = (
            f"{test.suggested:.1e} suggested"
            if test.suggested is not None
            else "has no suggestion, because the loss did not fall at any rate"
        )
        sys.stdout.write(
            f"{test.phase}: {test.key} {suggestion}; the recipe has {test.own_rate:.1e}\n"
        )
    sys.stdout.write(f"Suggested is {finder.RULE}.\nPlot: {plot}\n")
