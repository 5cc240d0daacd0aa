"""The batches of a training: drawn, augmented and prepared ahead, the same after every resume."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope.data.sources import left_out_by
from pneumoscope.files import whole_array
from pneumoscope.train.data import lung_batches, source_sampling
from pneumoscope.train.data.augment import augment
from pneumoscope.train.network import devices, keras_model, regions

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from numpy.typing import NDArray

    from pneumoscope.data import FilmSet
    from pneumoscope.train.progress import Progress
    from pneumoscope.train.recipe.settings import Recipe

    Films = NDArray[np.uint8] | tuple[NDArray[np.uint8], NDArray[np.float32]]
    Values = NDArray[np.float32] | dict[str, NDArray[np.float32]]
    Batch = tuple[Films, Values, Values]
    """Films (with the shares of their parts, if composed), targets and weights: of the logits, or by the
    name of the output."""

AHEAD = 3
"""Batches prepared while the network works."""


@dataclass(frozen=True, slots=True)
class Position:
    """Position of a training: its next step."""

    phase: int = 0
    epoch: int = 0
    step: int = 0


class Batches:
    """The training films of a set in batches.

    Attributes:
        rows: Positions of the training films in the set.
        steps: Batches in an epoch.
        features: Features of a frozen backbone instead of films, float16 (views, n, k), or None.
        finding_weights: For several findings, (2, findings): weights of films without and with each.
        side: Cells along each side of the network's last map; needed if films are composed.
    """

    def __init__(
        self, recipe: Recipe, films: FilmSet, targets: NDArray[np.float32] | None = None
    ) -> None:
        self.recipe, self.films = recipe, films
        self.rows = films.rows("train")
        self.several = recipe.task == "multilabel"
        self.targets = films.targets if targets is None else targets
        # Films with several findings count as one class for sampling and for weights per film.
        self.labels = np.zeros(len(films.films), np.intp) if self.several else films.labels
        self.classes = len(films.names)
        self.class_weights = _class_weights(recipe, self.labels[self.rows], self.classes)
        self.finding_weights = (
            _finding_weights(recipe, self.targets[self.rows]) if self.several else None
        )
        self.devices = devices.count()
        whole, rest = divmod(len(self.rows), recipe.batch_size)
        self.steps = whole + (rest >= self.devices)
        self.groups: tuple[source_sampling.Group, ...] = ()
        if recipe.sampling == "sources":
            sources = [films.films[row].source for row in self.rows]
            ill = self.labels[self.rows] > 0
            shares = source_sampling.shares_without(recipe.source_shares, left_out_by(recipe.split))
            self.groups = source_sampling.groups_of(self.rows, sources, ill, shares)
        self.features: NDArray[np.float16] | None = None
        self.side = 0

    def of(self, start: Position) -> Generator[Batch]:
        """The batches of one epoch from a step on, the same whether resumed or not."""
        rng = np.random.default_rng((self.recipe.seed, start.phase, start.epoch))
        order = rng.permutation(self.rows)
        if self.recipe.sampling == "balanced":
            order = _balanced(order, self.labels, rng)
        elif self.groups:
            order = source_sampling.order(self.groups, len(order), rng)
        with ThreadPoolExecutor(1, thread_name_prefix="augment") as pool:
            waiting = []
            for step in range(start.step, self.steps):
                waiting.append(pool.submit(self._batch, order, start.phase, start.epoch, step))
                if len(waiting) > AHEAD:
                    yield waiting.pop(0).result()
            for future in waiting:
                yield future.result()

    def _batch(self, order: NDArray[np.intp], phase: int, epoch: int, step: int) -> Batch:
        recipe = self.recipe
        rng = np.random.default_rng((recipe.seed, phase, epoch, step))
        rows = order[step * recipe.batch_size : (step + 1) * recipe.batch_size]
        # Films at the end of an epoch that several devices cannot share evenly are left out.
        rows = rows[: len(rows) // self.devices * self.devices]
        # Sorted reads suit the memory map better; the order within a batch does not matter.
        rows = np.sort(rows)
        x: NDArray[Any]
        if self.features is not None:
            x = self.features[epoch % len(self.features), np.searchsorted(self.rows, rows)]
        elif recipe.head != "lungs":
            x = augment(self.films.pixels[rows], recipe.size, rng, recipe.augment)
        y = self.targets[rows]
        weight = self.class_weights[self.labels[rows]]
        if recipe.label_smoothing:
            even = 2 if self.several else self.classes
            y = y * (1 - recipe.label_smoothing) + recipe.label_smoothing / even
        if recipe.task == "binary":
            y = y[:, 1:]
        if self.features is not None:
            return x, y, weight
        if recipe.head == "lungs":
            return self._of_lungs(rows, y, weight, rng)
        if recipe.mixup:
            share = float(rng.beta(recipe.mixup, recipe.mixup))
            partner = rng.permutation(len(rows))
            x = np.rint(share * x + (1 - share) * x[partner]).astype(np.uint8)
            y = (share * y + (1 - share) * y[partner]).astype(np.float32)
            weight = (share * weight + (1 - share) * weight[partner]).astype(np.float32)
        if recipe.regions:
            partner = rng.permutation(len(rows))
            kept = regions.draw(len(rows), self.side, recipe.regions, rng)
            x = regions.compose(x, partner, kept)
            parts = np.stack([kept, ~kept], 1).astype(np.float32)
            areas = parts.sum(axis=(2, 3))
            shares = parts / np.maximum(areas, 1)[..., None, None]
            y = np.stack([y, y[partner]], 1)
            # Keras averages over films and parts: twice the share of the area keeps the loss's scale.
            weight = np.stack([weight, weight[partner]], 1) * 2 * areas / kept[0].size
            return (x[..., None], shares), y, weight
        return x[..., None], y, weight

    def _of_lungs(
        self,
        rows: NDArray[np.intp],
        y: NDArray[np.float32],
        weight: NDArray[np.float32],
        rng: np.random.Generator,
    ) -> Batch:
        partners = rng.permutation(len(rows))
        batch = lung_batches.draw(self.films, rows, partners, self.side, self.recipe, rng)
        if self.recipe.task == "binary":
            y = np.concatenate([1 - y, y], axis=1)
        parts, weights = lung_batches.targets_of(batch, y, partners, self.recipe)
        if self.recipe.task == "binary":
            parts = parts[..., 1:]
        # Keras averages over films and parts: twice the weight keeps the loss's scale.
        weights = np.stack([weight, weight[partners]], 1) * weights * 2
        targets = {"parts": parts, "lungs": batch.lungs}
        weights_of = {"parts": weights, "lungs": self.recipe.lung_loss * batch.known}
        if self.recipe.mirror_loss:
            targets["mirror"] = np.zeros((len(rows), 1), np.float32)  # no difference
            weights_of["mirror"] = np.full(len(rows), self.recipe.mirror_loss, np.float32)
        return (batch.films, batch.parts), targets, weights_of

    def cache_features(self, model: Any, views: int, path: Path, progress: Progress) -> float:
        """Makes batches contain features of augmented films from a frozen backbone, stored on disk.

        float16 halves the space; a flattened film of MobileNetV2 has 62,720 features.

        Args:
            model: What `keras_model.build` made.
            views: Augmented views of each film; epochs use them in turn.
            path: File of the features; an existing file of the right shape is used.
            progress: Shows how many films are done.

        Returns:
            The seconds that it took.
        """
        recipe, count = self.recipe, len(self.rows)
        pooling = keras_model.pooling_of(model)
        shape = (views, count, int(pooling.output.shape[-1]))
        began, total, done = time.monotonic(), views * count, 0
        if not path.is_file() or np.load(path, mmap_mode="r").shape != shape:
            with whole_array(path, np.float16, shape) as store:
                for view in range(views):
                    for first in range(0, count, 64):
                        rng = np.random.default_rng((recipe.seed, view, first))
                        rows = self.rows[first : first + 64]
                        x = augment(self.films.pixels[rows], recipe.size, rng, recipe.augment)
                        features = devices.predict(pooling, x[..., None])
                        store[view, first : first + len(rows)] = features
                        done += len(rows)
                        progress.count("features of augmented films", done, total)
        self.features = np.load(path, mmap_mode="r")
        return time.monotonic() - began


def _class_weights(recipe: Recipe, labels: NDArray[np.intp], classes: int) -> NDArray[np.float32]:
    """One weight per class, with mean 1 over the films."""
    counts = np.maximum(np.bincount(labels, minlength=classes), 1)
    weights = (counts / len(labels)) ** -recipe.class_weight_power
    return np.asarray(weights / np.average(weights, weights=counts), np.float32)


def _finding_weights(recipe: Recipe, targets: NDArray[np.float32]) -> NDArray[np.float32]:
    """Weights (2, findings) of films without and with each finding, with mean 1 over known ones."""
    counts = np.stack([(targets == value).sum(axis=0) for value in (0, 1)])
    weights = np.maximum(counts / np.maximum(counts.sum(axis=0), 1), 1 / len(targets))
    weights = weights**-recipe.class_weight_power
    mean = (weights * counts).sum(axis=0) / np.maximum(counts.sum(axis=0), 1)
    return np.asarray(weights / np.where(mean > 0, mean, 1), np.float32)


def _balanced(
    order: NDArray[np.intp], labels: NDArray[np.intp], rng: np.random.Generator
) -> NDArray[np.intp]:
    """As many films as before, with every class equally often; rare films occur several times."""
    classes = np.unique(labels[order])
    share = -(-len(order) // len(classes))
    drawn = [np.resize(order[labels[order] == c], share) for c in classes]
    return rng.permutation(np.concatenate(drawn))[: len(order)]
