"""The training loop: two phases, deterministic batches, checkpoints that resume anywhere."""

from __future__ import annotations

import csv
import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from pneumoscope.errors import TrainingError
from pneumoscope.metrics import roc_auc
from pneumoscope.train import network
from pneumoscope.train.augment import augment, resample
from pneumoscope.train.data import LABELS, FilmSet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from pneumoscope.train.progress import Progress
    from pneumoscope.train.recipe import Recipe

CHECKPOINT, WEIGHTS, LOG = "checkpoint.npz", "weights.npz", "log.csv"
_SAVE_EVERY_S = 60.0
_AHEAD = 3  # batches prepared while the network works


@dataclass(frozen=True, slots=True)
class Position:
    """Where a training stands: the next step to do."""

    phase: int = 0
    epoch: int = 0
    step: int = 0


@dataclass(frozen=True, slots=True)
class Phase:
    """One of the two phases of a recipe."""

    name: str
    epochs: int
    whole: bool


def fit(
    recipe: Recipe, films: FilmSet, folder: Path, weights: str | None, progress: Progress
) -> Any:
    """Trains the recipe's network, or goes on where a killed training stood.

    Args:
        recipe: What to do.
        films: Cached films with labels and splits.
        folder: Run folder: gets ``log.csv`` (a row an epoch), ``checkpoint.npz`` while training
            and ``weights.npz`` at its end.
        weights: Pretrained weights, see `network.build`.
        progress: Is told of every step.

    Returns:
        The trained ``keras.Model``.

    Raises:
        TrainingError: The loss is no longer a number.
    """
    keras.utils.set_random_seed(recipe.seed)
    trainer = _Trainer(recipe, films, folder, progress)
    if (folder / WEIGHTS).is_file():
        trainer.model = network.build(recipe, len(LABELS), None)
        restore(trainer.model, folder / WEIGHTS)
        return trainer.model
    resuming = (folder / CHECKPOINT).is_file()
    # Loading pretrained weights would be wasted if the checkpoint overwrites them.
    trainer.model = network.build(recipe, len(LABELS), None if resuming else weights)
    start = trainer.resume() if resuming else Position()
    for index, phase in enumerate(trainer.phases):
        if index >= start.phase:
            here = start if index == start.phase else Position(phase=index)
            trainer.run_phase(index, phase, here)
    save(trainer.model, folder / WEIGHTS)
    (folder / CHECKPOINT).unlink(missing_ok=True)
    return trainer.model


def save(model: Any, path: Path, **extra: Any) -> None:
    """Writes all variables of a model and whatever else is given, in one step."""
    arrays = {f"v{i}": keras.ops.convert_to_numpy(v) for i, v in enumerate(model.variables)}
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as stream:
        np.savez(stream, **arrays, **extra)
    part.replace(path)


def restore(model: Any, path: Path) -> None:
    """Reads what `save` wrote into a model of the same recipe."""
    with np.load(path) as stored:
        for i, variable in enumerate(model.variables):
            variable.assign(stored[f"v{i}"])


class _Trainer:
    def __init__(self, recipe: Recipe, films: FilmSet, folder: Path, progress: Progress) -> None:
        self.recipe, self.films, self.folder, self.progress = recipe, films, folder, progress
        self.phases = tuple(
            phase
            for phase in (
                Phase("head", recipe.head_epochs, whole=False),
                Phase("whole network", recipe.epochs, whole=True),
            )
            if phase.epochs
        )
        self.rows = films.rows("train")
        self.held = films.rows("validation")
        self.labels = films.labels
        self.class_weights = _class_weights(recipe, self.labels[self.rows])
        self.steps = -(-len(self.rows) // recipe.batch_size)
        self.model: Any = None
        self._stored_optimizer: list[NDArray[Any]] = []
        self._totals = np.zeros(2)

    def resume(self) -> Position:
        restore(self.model, self.folder / CHECKPOINT)
        with np.load(self.folder / CHECKPOINT) as stored:
            count = int(stored["optimizer_variables"])
            self._stored_optimizer = [stored[f"o{i}"] for i in range(count)]
            self._totals = stored["totals"]
            position = Position(**json.loads(str(stored["position"])))
        self.progress.note(
            f"resuming at {self.phases[position.phase].name}, epoch {position.epoch + 1}, "
            f"step {position.step + 1}"
        )
        return position

    def run_phase(self, index: int, phase: Phase, start: Position) -> None:
        optimizer = self._prepare(phase)
        for epoch in range(start.epoch, phase.epochs):
            first = start.step if epoch == start.epoch else 0
            if first == 0:
                self._totals[:] = 0
            self._run_epoch(Position(index, epoch, first), phase, optimizer)
            last = epoch == phase.epochs - 1
            if last and self.recipe.ema and phase.whole:
                optimizer.finalize_variable_values(self.model.trainable_variables)
            following = Position(index + 1, 0, 0) if last else Position(index, epoch + 1, 0)
            if following.phase < len(self.phases):
                self._checkpoint(following, None if last else optimizer)

    def _prepare(self, phase: Phase) -> Any:
        recipe = self.recipe
        network.backbone_of(self.model).trainable = phase.whole
        if phase.whole and recipe.batch_norm_frozen:
            network.freeze_batch_norm(self.model)
        optimizer = _optimizer(recipe, phase, self.steps)
        self.model.compile(
            optimizer, keras.losses.CategoricalCrossentropy(from_logits=True), jit_compile=False
        )
        optimizer.build(self.model.trainable_variables)
        if self._stored_optimizer:
            for variable, value in zip(optimizer.variables, self._stored_optimizer, strict=True):
                variable.assign(value)
            self._stored_optimizer = []
        return optimizer

    def _run_epoch(self, start: Position, phase: Phase, optimizer: Any) -> None:
        began = saved = time.monotonic()
        self.progress.epoch(phase.name, start.epoch + 1, phase.epochs, self.steps, start.step)
        for step, (x, y, weight) in enumerate(self._batches(start), start.step):
            loss = float(self.model.train_on_batch(x, y, sample_weight=weight))
            if not np.isfinite(loss):
                raise TrainingError(
                    f"the loss became {loss} in {phase.name}, epoch {start.epoch + 1}",
                    "Lower learning_rate in the recipe and start a new run folder.",
                )
            self._totals += loss * len(x), len(x)
            self.progress.step(len(x), float(self._totals[0] / self._totals[1]))
            if time.monotonic() - saved > _SAVE_EVERY_S and step + 1 < self.steps:
                self._checkpoint(Position(start.phase, start.epoch, step + 1), optimizer)
                saved = time.monotonic()
        self._log(start, phase, optimizer, time.monotonic() - began)

    def _checkpoint(self, position: Position, optimizer: Any | None) -> None:
        values = optimizer.variables if optimizer is not None else []
        stored = {f"o{i}": keras.ops.convert_to_numpy(v) for i, v in enumerate(values)}
        save(
            self.model,
            self.folder / CHECKPOINT,
            position=json.dumps(asdict(position)),
            optimizer_variables=len(values),
            totals=self._totals,
            **stored,
        )

    def _batches(
        self, start: Position
    ) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.float32]]]:
        """The batches of one epoch from a step on; the same whether resumed or not."""
        order = np.random.default_rng((self.recipe.seed, start.phase, start.epoch)).permutation(
            self.rows
        )
        with ThreadPoolExecutor(1, thread_name_prefix="augment") as pool:
            waiting = []
            for step in range(start.step, self.steps):
                waiting.append(pool.submit(self._batch, order, start.phase, start.epoch, step))
                if len(waiting) > _AHEAD:
                    yield waiting.pop(0).result()
            for future in waiting:
                yield future.result()

    def _batch(
        self, order: NDArray[np.intp], phase: int, epoch: int, step: int
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.float32]]:
        recipe = self.recipe
        rng = np.random.default_rng((recipe.seed, phase, epoch, step))
        rows = order[step * recipe.batch_size : (step + 1) * recipe.batch_size]
        # Sorted reads are kinder to the memory map; the order within a batch does not matter.
        rows = np.sort(rows)
        x = augment(self.films.pixels[rows], recipe.size, rng, recipe.augment)
        y = np.eye(len(LABELS), dtype=np.float32)[self.labels[rows]]
        weight = self.class_weights[self.labels[rows]]
        if recipe.label_smoothing:
            y = y * (1 - recipe.label_smoothing) + recipe.label_smoothing / len(LABELS)
        if recipe.mixup:
            share = float(rng.beta(recipe.mixup, recipe.mixup))
            partner = rng.permutation(len(rows))
            x = np.rint(share * x + (1 - share) * x[partner]).astype(np.uint8)
            y = (share * y + (1 - share) * y[partner]).astype(np.float32)
            weight = (share * weight + (1 - share) * weight[partner]).astype(np.float32)
        return x[..., None], y, weight

    def _log(self, at: Position, phase: Phase, optimizer: Any, seconds: float) -> None:
        logits = self._validate(optimizer if phase.whole else None)
        truth = self.labels[self.held]
        p = _softmax(logits)
        auc = float(roc_auc(truth > 0, 1 - p[:, 0], np.ones((1, len(truth))))[0])
        row = {
            "phase": phase.name,
            "epoch": at.epoch + 1,
            "loss": round(float(self._totals[0] / self._totals[1]), 5),
            "learning_rate": f"{float(keras.ops.convert_to_numpy(optimizer.learning_rate)):.3g}",
            "validation_auc": round(auc, 5),
            "validation_accuracy_3": round(float((p.argmax(1) == truth).mean()), 5),
            "seconds": round(seconds, 1),
        }
        path = self.folder / LOG
        fresh = not path.exists()
        with path.open("a", newline="") as stream:
            writer = csv.DictWriter(stream, row)
            if fresh:
                writer.writeheader()
            writer.writerow(row)
        self.progress.done(row)

    def _validate(self, optimizer: Any | None) -> NDArray[np.float32]:
        """Logits of the validation films, with the averaged weights where the recipe has them."""
        variables = self.model.trainable_variables
        averaged = optimizer is not None and self.recipe.ema > 0
        if optimizer is not None and averaged:
            kept = [keras.ops.convert_to_numpy(v).copy() for v in variables]
            optimizer.finalize_variable_values(variables)
        size = self.recipe.size
        x = np.stack([resample(self.films.pixels[row], size) for row in self.held])[..., None]
        logits = np.concatenate(
            [
                keras.ops.convert_to_numpy(self.model.predict_on_batch(x[i : i + 64]))
                for i in range(0, len(x), 64)
            ]
        )
        if averaged:
            for variable, value in zip(variables, kept, strict=True):
                variable.assign(value)
        return np.asarray(logits, np.float32)


def _optimizer(recipe: Recipe, phase: Phase, steps: int) -> Any:
    if not phase.whole:
        return keras.optimizers.AdamW(recipe.head_learning_rate, weight_decay=recipe.weight_decay)
    warmup = round(recipe.warmup_epochs * steps)
    rate = keras.optimizers.schedules.CosineDecay(
        recipe.learning_rate / 100 if warmup else recipe.learning_rate,
        decay_steps=max(1, recipe.epochs * steps - warmup),
        warmup_target=recipe.learning_rate if warmup else None,
        warmup_steps=warmup,
    )
    optimizer = keras.optimizers.AdamW(
        rate,
        weight_decay=recipe.weight_decay,
        use_ema=recipe.ema > 0,
        ema_momentum=recipe.ema or 0.99,
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "beta", "gamma"])
    return optimizer


def _class_weights(recipe: Recipe, labels: NDArray[np.intp]) -> NDArray[np.float32]:
    """One weight per class, with mean 1 over the films."""
    counts = np.bincount(labels, minlength=len(LABELS))
    if recipe.class_weights == "none":
        return np.ones(len(LABELS), np.float32)
    return (len(labels) / (len(LABELS) * np.maximum(counts, 1))).astype(np.float32)


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(e / e.sum(axis=1, keepdims=True), np.float32)
