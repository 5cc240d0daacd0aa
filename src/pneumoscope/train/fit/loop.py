"""The training loop: two phases, deterministic batches, checkpoints that resume anywhere."""

from __future__ import annotations

import csv
import io
import json
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from pneumoscope.errors import TrainingError
from pneumoscope.files import write_text
from pneumoscope.images import resample
from pneumoscope.train.data.batches import Batches, Position
from pneumoscope.train.fit import start, tracing
from pneumoscope.train.fit.checkpoint import (
    CHECKPOINT,
    WEIGHTS,
    Average,
    Best,
    current,
    put,
    restore,
    save,
)
from pneumoscope.train.network import devices, keras_model
from pneumoscope.train.network.losses import LungCrossentropy, loss_of
from pneumoscope.train.validation import scores as epoch_scores
from pneumoscope.train.validation.scores import Scores

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from pneumoscope.data import FilmSet
    from pneumoscope.train.data.batches import Batch
    from pneumoscope.train.progress import Progress
    from pneumoscope.train.recipe.settings import Recipe

LOG = "log.csv"
_FEATURES = "features.npy"
_SAVE_EVERY_S = 60.0


@dataclass(frozen=True, slots=True)
class Phase:
    """One of the two phases of a recipe."""

    name: str
    epochs: int
    whole: bool


def fit(
    recipe: Recipe,
    films: FilmSet,
    folder: Path,
    weights: str | None,
    progress: Progress,
    after_epoch: Callable[[], None] = lambda: None,
    targets: NDArray[np.float32] | None = None,
) -> Any:
    """Trains the recipe's network; a killed training continues where it stopped.

    Args:
        recipe: The recipe.
        films: Cached films with labels and splits.
        folder: Run folder, for ``log.csv`` (a row per epoch), ``checkpoint.npz`` during the training,
            and ``weights.npz`` at the end.
        weights: Pretrained weights, see `start.network`.
        progress: Shows every step.
        after_epoch: Called when an epoch's row is in the log.
        targets: Of all films, (n, names), in place of their labels; see `soft_labels`.

    Returns:
        The trained ``keras.Model``.

    Raises:
        RecipeError: See `keras_model.build` and `keras_model.check`.
        UsageError: See `keras_model.build`; or the run's weights or checkpoint are damaged.
        TrainingError: The loss has become infinite or NaN.
    """
    trainer = begin(recipe, films, folder, weights, progress, targets)
    trainer.after_epoch = after_epoch
    if (folder / WEIGHTS).is_file():
        trainer.model = keras_model.build(recipe, len(films.names), None)
        restore(trainer.model, folder / WEIGHTS)
        return trainer.model
    resuming = (folder / CHECKPOINT).is_file()
    # Pretrained weights are not loaded if the checkpoint would overwrite them.
    trainer.model = start.network(recipe, len(films.names), None if resuming else weights)
    kept = start.weights_to_keep(recipe, weights)
    keras_model.check(trainer.model, recipe)
    first = trainer.resume() if resuming else Position()
    trainer.forget_later_epochs(first)
    for index, phase in enumerate(trainer.phases):
        if index >= first.phase:
            here = first if index == first.phase else Position(phase=index)
            trainer.run_phase(index, phase, here)
    if kept is not None:
        start.mix(trainer.model, kept, recipe.start_share)
    save(trainer.model, folder / WEIGHTS)
    (folder / CHECKPOINT).unlink(missing_ok=True)
    return trainer.model


def begin(
    recipe: Recipe,
    films: FilmSet,
    folder: Path,
    weights: str | None,
    progress: Progress,
    targets: NDArray[np.float32] | None = None,
) -> Trainer:
    """Seeds all random generators and makes a trainer that has no network yet; see `fit`."""
    keras.utils.set_random_seed(recipe.seed_of_start_weights)
    keras.mixed_precision.set_dtype_policy(_precision(recipe))
    trainer = Trainer(recipe, films, folder, progress, targets)
    # Random weights have no statistics worth keeping; a user's network may have some.
    trainer.freezes = recipe.batch_norm_frozen and (weights is not None or ":" in recipe.network)
    return trainer


class Trainer:
    """One training: its network, its batches, its position. `fit` drives it."""

    def __init__(
        self,
        recipe: Recipe,
        films: FilmSet,
        folder: Path,
        progress: Progress,
        targets: NDArray[np.float32] | None,
    ) -> None:
        self.recipe, self.films, self.folder, self.progress = recipe, films, folder, progress
        self.phases = tuple(
            phase
            for phase in (
                Phase("head", recipe.head_epochs, whole=False),
                Phase("whole network", recipe.epochs, whole=True),
            )
            if phase.epochs
        )
        self.batches = Batches(recipe, films, targets)
        self.steps = self.batches.steps
        self.held = films.rows("validation")
        self.model: Any = None
        self.trainee: Any = None  # the model, or its variant for composed films
        self.freezes = recipe.batch_norm_frozen
        self.after_epoch: Callable[[], None] = lambda: None
        self.average: Average | None = None
        self.best: Best | None = None
        self._features_s = 0.0  # spent on cached features; counted with the first epoch
        self._updates = 0
        self._stored: dict[str, list[NDArray[Any]]] = {}
        self._totals = np.zeros(3)  # loss x films, films, seconds of the current epoch

    def resume(self) -> Position:
        stored = restore(self.model, self.folder / CHECKPOINT)
        position = Position(**json.loads(str(stored["position"])))
        self._totals = stored["totals"]
        for kind in ("optimizer", "average", "best"):
            count = sum(name.startswith(f"{kind}_") for name in stored)
            self._stored[kind] = [stored[f"{kind}_{i}"] for i in range(count)]
        self._updates = int(stored["updates"])
        if best := self._stored.pop("best"):
            merit, epoch = stored["merit"]
            self.best = Best(float(merit), int(epoch), best)
        self.progress.note(
            f"resuming at {self.phases[position.phase].name}, epoch {position.epoch + 1}, "
            f"step {position.step + 1}"
        )
        return position

    def run_phase(self, index: int, phase: Phase, start: Position) -> None:
        optimizer = self.prepare(phase)
        self.progress.training(
            sum(p.epochs for p in self.phases) * self.steps,
            (sum(p.epochs for p in self.phases[:index]) + start.epoch) * self.steps + start.step,
        )
        for epoch in range(start.epoch, phase.epochs):
            first = start.step if epoch == start.epoch else 0
            if first == 0:
                self._totals[:] = 0, 0, self._features_s
                self._features_s = 0.0
            scores = self._run_epoch(Position(index, epoch, first), phase, optimizer)
            if phase.whole and self.recipe.patience and self._is_over(epoch, scores):
                self.progress.note(f"no better epoch for {self.recipe.patience}: stopping")
                break
            if epoch < phase.epochs - 1:
                self._checkpoint(Position(index, epoch + 1), optimizer)
        if self.best is not None:
            put(self.model, self.best.values)
            self.progress.note(f"keeping the weights of epoch {self.best.epoch + 1}")
        elif self.average is not None:
            self.average.apply()
        self.average = None
        if index + 1 < len(self.phases):
            self._checkpoint(Position(index + 1), None)
        self.batches.features = None
        (self.folder / _FEATURES).unlink(missing_ok=True)

    def prepare(self, phase: Phase, steps: int | None = None) -> Any:
        """Compiles the network for a phase; returns its optimiser.

        Args:
            phase: The phase.
            steps: How many steps will follow; those of the whole phase if None.
        """
        keras_model.set_trainable(
            self.model, self.recipe, whole=phase.whole, keep_statistics=self.freezes
        )
        optimizer = _optimizer(self.recipe, phase, self.steps)
        self.trainee = keras_model.trainee(self.model, self.recipe)
        self.batches.side = keras_model.map_side(self.model)
        self.batches.features = None
        if self.recipe.cached_views and not phase.whole:
            self.trainee = keras_model.head_of(self.model)
            views = min(self.recipe.cached_views, phase.epochs)
            path = self.folder / _FEATURES
            self._features_s = self.batches.cache_features(self.model, views, path, self.progress)
        loss: Any = loss_of(self.recipe, self.batches.finding_weights)
        if self.recipe.head == "lungs":
            loss = {"parts": loss, "lungs": LungCrossentropy(name="lungs")}
            if self.recipe.mirror_loss:
                loss["mirror"] = keras.losses.MeanAbsoluteError(name="mirror")
        self.trainee.compile(optimizer, loss, jit_compile=False)
        if isinstance(loss, dict):
            # Builds the counters of both losses, for which TensorFlow would trace the step twice.
            zeros = {n: keras.ops.zeros((1, *o.shape[1:])) for n, o in self.trainee.output.items()}
            self.trainee.compute_loss(y=zeros, y_pred=zeros)
        tracing.set_up(
            self.trainee, self.model, phase.epochs * self.steps if steps is None else steps
        )
        # On several devices Keras keeps the layout of the weights that were trainable before.
        self.model.make_predict_function(force=True)
        optimizer.build(self.trainee.trainable_variables)
        if phase.whole and self.recipe.ema:
            self.average = Average(self.model, self.recipe.ema)
        if stored := self._stored.pop("optimizer", []):
            for variable, value in zip(optimizer.variables, stored, strict=True):
                variable.assign(value)
        if (averages := self._stored.pop("average", [])) and self.average is not None:
            self.average.values, self.average.updates = averages, self._updates
        return optimizer

    def _is_over(self, epoch: int, scores: Scores) -> bool:
        """Remembers the epoch if it is the best; returns whether patience is exhausted."""
        value = getattr(scores, self.recipe.monitor)
        merit = -value if self.recipe.monitor == "loss" else value
        if self.best is None or merit > self.best.merit:
            source = self.average.values if self.average is not None else current(self.model)
            self.best = Best(merit, epoch, [value.copy() for value in source])
        return epoch - self.best.epoch >= self.recipe.patience

    def _run_epoch(self, start: Position, phase: Phase, optimizer: Any) -> Scores:
        began = saved = time.monotonic()
        self.progress.epoch(phase.name, start.epoch + 1, phase.epochs)
        for step, (x, y, weight) in enumerate(self.batches.of(start), start.step):
            loss = self.learn((x, y, weight))
            if not np.isfinite(loss):
                raise TrainingError(
                    f"the loss became {loss} in {phase.name}, epoch {start.epoch + 1}",
                    "Lower learning_rate in the recipe and start a new run folder.",
                )
            now = time.monotonic()
            films = len(x[0] if isinstance(x, tuple) else x)
            self._totals += loss * films, films, now - began
            began = now
            self.progress.step(films, float(self._totals[0] / self._totals[1]))
            if now - saved > _SAVE_EVERY_S and step + 1 < self.steps:
                self._checkpoint(Position(start.phase, start.epoch, step + 1), optimizer)
                saved = now
        return self._log(start, phase, optimizer)

    def learn(self, batch: Batch) -> float:
        """One step on one batch; returns its loss."""
        x, y, weight = batch
        losses = self.trainee.train_on_batch(x, y, sample_weight=weight)
        loss = float(np.ravel(losses)[0])  # with two outputs, those of each follow
        if self.average is not None:
            self.average.update()
        return loss

    def _checkpoint(self, position: Position, optimizer: Any | None) -> None:
        values: dict[str, list[Any]] = {}
        if optimizer is not None:
            values["optimizer"] = [keras.ops.convert_to_numpy(v) for v in optimizer.variables]
        if self.average is not None:
            values["average"] = self.average.values
        if self.best is not None:
            values["best"] = self.best.values
        save(
            self.model,
            self.folder / CHECKPOINT,
            position=json.dumps(asdict(position)),
            totals=self._totals,
            updates=self.average.updates if self.average is not None else 0,
            merit=(self.best.merit, self.best.epoch) if self.best is not None else (0.0, 0),
            **{f"{kind}_{i}": v for kind, vs in values.items() for i, v in enumerate(vs)},
        )

    def forget_later_epochs(self, position: Position) -> None:
        """Drops the log's rows of epochs that will be repeated, as after a kill behind the row."""
        path = self.folder / LOG
        if not path.exists():
            return
        rows = path.read_text(encoding="utf-8").splitlines(keepends=True)
        done = sum(phase.epochs for phase in self.phases[: position.phase]) + position.epoch
        write_text(path, "".join(rows[: 1 + done]))

    def _log(self, at: Position, phase: Phase, optimizer: Any) -> Scores:
        logits = self._validate()
        if self.recipe.task == "multilabel":
            targets = self.films.targets[self.held]
            scores = epoch_scores.of_findings(epoch_scores.sigmoid(logits), targets)
        else:
            labels = self.films.labels[self.held]
            scores = epoch_scores.of_classes(epoch_scores.softmax(logits), labels)
        row = {
            "phase": phase.name,
            "epoch": at.epoch + 1,
            "loss": round(float(self._totals[0] / self._totals[1]), 5),
            "learning_rate": f"{float(keras.ops.convert_to_numpy(optimizer.learning_rate)):.3g}",
            "validation_loss": round(scores.loss, 5),
            "validation_auc": round(scores.auc, 5),
            "validation_accuracy": round(scores.accuracy, 5),
            "seconds": round(float(self._totals[2]), 1),
        }
        path = self.folder / LOG
        text = io.StringIO()
        writer = csv.DictWriter(text, row, lineterminator="\n")
        if path.exists():
            text.write(path.read_text(encoding="utf-8"))
        else:
            writer.writeheader()
        writer.writerow(row)
        write_text(path, text.getvalue())  # in one step: half a row would break a continued run
        self.progress.done(row)
        self.after_epoch()
        return scores

    def _validate(self) -> NDArray[np.float32]:
        """Logits of the validation films, with averaged weights if the recipe averages."""
        before = self.average.apply() if self.average is not None else []
        logits = logits_of(self.model, self.films, self.held, self.recipe.size)
        if self.average is not None:
            put(self.model, before)
        return logits


def logits_of(model: Any, films: FilmSet, rows: NDArray[np.intp], size: int) -> NDArray[np.float32]:
    """Logits (rows, units) of films as they are.

    Args:
        model: The network.
        films: All films.
        rows: Positions of those that are judged, (n,).
        size: Side of the network's input in pixels.
    """
    x = np.stack([resample(films.pixels[row], size) for row in rows])[..., None]
    parts = [devices.predict(model, x[i : i + 64]) for i in range(0, len(x), 64)]
    return np.asarray(np.concatenate(parts), np.float32)


def _optimizer(recipe: Recipe, phase: Phase, steps: int) -> Any:
    rate: Any = recipe.learning_rate if phase.whole else recipe.head_learning_rate
    if phase.whole and recipe.cosine:
        warmup = round(recipe.warmup_epochs * steps)
        rate = keras.optimizers.schedules.CosineDecay(
            recipe.learning_rate / 100 if warmup else recipe.learning_rate,
            decay_steps=max(1, recipe.epochs * steps - warmup),
            warmup_target=recipe.learning_rate if warmup else None,
            warmup_steps=warmup,
        )
    if recipe.optimiser == "adam":
        return keras.optimizers.Adam(rate)
    optimizer = keras.optimizers.AdamW(rate, weight_decay=recipe.weight_decay)
    if phase.whole:
        optimizer.exclude_from_weight_decay(var_names=["bias", "beta", "gamma"])
    return optimizer


def _precision(recipe: Recipe) -> str:
    if not recipe.mixed_precision:
        return "float32"
    # float16 would need loss scaling, bfloat16 does not.
    return "mixed_bfloat16"


def minutes(folder: Path) -> float:
    """Minutes of all epochs in a run's log, resumed or not."""
    with (folder / LOG).open(encoding="utf-8", newline="") as stream:
        return sum(float(row["seconds"]) for row in csv.DictReader(stream)) / 60
