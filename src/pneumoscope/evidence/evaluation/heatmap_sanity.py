"""Do heatmaps depend on what the network has learned?

Two checks that need no annotated boxes: weights randomised layer by layer (Adebayo et al. 2018), and
agreement between bundles that differ by chance alone. `heatmap_deletion` checks the reverse.

The map is that of the most probable class before anything is changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.errors import UsageError
from pneumoscope.evidence.evaluation.heatmap_similarity import (
    enlarged,
    rank_correlation,
    structural_similarity,
)
from pneumoscope.evidence.evaluation.randomised import randomised
from pneumoscope.evidence.evaluation.views import network_inputs, outputs_of
from pneumoscope.evidence.statistics.intervals import DRAWS, Bootstrap, Figure, figure_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pneumoscope.evidence.evaluation.heatmap_similarity import Maps
    from pneumoscope.evidence.evaluation.views import LabelledFilms, Step
    from pneumoscope.evidence.statistics.intervals import Array, Scale
    from pneumoscope.runtime import Classifier

_DEPTHS = 10  # at which the cascade is measured


@dataclass(frozen=True, slots=True)
class Similarity:
    """Similarity between pairs of heatmaps, as means over films.

    Attributes:
        rank: Spearman's correlation over the cells; 0 if one of two maps is constant.
        ssim: Structural similarity (Wang et al. 2004) of the maps, each divided by its maximum.
    """

    rank: Figure
    ssim: Figure


@dataclass(frozen=True, slots=True)
class Depth:
    """The heatmaps after the last layers were randomised.

    Attributes:
        layers: Number of layers, counted from the output.
        layer: Name of the lowest of them.
        similarity: To the maps of the original network.
        blank: Share of the maps that are blank.
    """

    layers: int
    layer: str
    similarity: Similarity
    blank: float


@dataclass(frozen=True, slots=True)
class Randomisation:
    """Cascading randomisation from the output to the input.

    Attributes:
        films: Number of films.
        repeats: Number of random networks, over which similarities are averaged.
        depths: From the last layer to all.
        other_films: Similarity between the original maps of two different films, for comparison: all
            chests are similar.
        passed: Whether, with all layers randomised, the upper ends of both intervals are below 0.5;
            None if there is no interval.
    """

    films: int
    repeats: int
    depths: tuple[Depth, ...]
    other_films: Similarity
    passed: bool | None


@dataclass(frozen=True, slots=True)
class Agreement:
    """Heatmaps of several bundles on the same films.

    Attributes:
        films: Number of films.
        pairs: Names of two bundles to the similarity of their maps of the same film.
        mean: Over all pairs.
        other_films: The same for maps of two different films, over all pairs.
    """

    films: int
    pairs: Mapping[str, Similarity]
    mean: Similarity
    other_films: Similarity


def randomisation(
    classifier: Classifier,
    films: LabelledFilms,
    *,
    repeats: int = 3,
    draws: int = DRAWS,
    seed: int = 0,
    step: Step = lambda _done, _total: None,
) -> Randomisation:
    """Randomises the weights of the network from the output to the input and compares the heatmaps.

    About 0.25 s per film on one core; 100 films are enough (``films.some(100)``).

    Args:
        classifier: The bundle.
        films: At the bundle's source size.
        repeats: Number of random networks.
        draws: Number of draws of patients.
        seed: Seed of the weights and of these draws.
        step: Called after each network.

    Raises:
        UsageError: Films and bundle do not fit, or the network has no layers with weights.
        MissingExtra: The package onnx is not installed.
    """
    films.check(classifier.bundle.meta)
    inputs = network_inputs(films.pixels, classifier.bundle.meta.size)
    likeliest, maps = explained(classifier, inputs)
    boot = Bootstrap.of(films.patients, draws, seed)
    pairs: list[list[tuple[Array, Array]]] = []
    blank: list[list[float]] = []
    names: list[tuple[int, str]] = []
    for repeat in range(repeats):
        cascade = randomised(classifier, depths=_DEPTHS, seed=seed + repeat)
        for i, state in enumerate(cascade):
            if repeat == 0:
                names.append((state.layers, state.layer))
                pairs.append([])
                blank.append([])
            changed = of_class(outputs_of(state.classifier, inputs).heatmaps, likeliest)
            pairs[i].append(_alike(maps, changed))
            blank[i].append(float(np.mean(changed.max(axis=(1, 2)) <= 0)))
            step(repeat * state.of + i + 1, repeats * state.of)
    depths = tuple(
        Depth(layers, layer, _similarity(pairs[i], boot), float(np.mean(blank[i])))
        for i, (layers, layer) in enumerate(names)
    )
    last = depths[-1].similarity
    ends = (last.rank.high, last.ssim.high)
    return Randomisation(
        films=len(inputs),
        repeats=repeats,
        depths=depths,
        other_films=_similarity([_alike(maps, maps[_others(films.patients, seed)])], boot),
        passed=None if None in ends else all(end is not None and end < 0.5 for end in ends),
    )


def agreement(
    classifiers: Sequence[Classifier],
    films: LabelledFilms,
    *,
    names: Sequence[str] | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> Agreement:
    """Compares the heatmaps of bundles that should agree, such as those of several seeds.

    Args:
        classifiers: Two or more, with the same labels.
        films: At the bundles' source size.
        names: Names of the bundles; None for numbers.
        draws: Number of draws of patients.
        seed: Seed of these draws.

    Raises:
        UsageError: Fewer than two bundles, or bundles or films that do not fit.
    """
    if len(classifiers) < 2:
        raise UsageError(f"{len(classifiers)} bundles to compare", "Give two or more.")
    metas = [classifier.bundle.meta for classifier in classifiers]
    if len({(meta.labels, meta.source_size) for meta in metas}) > 1:
        raise UsageError("the bundles have different labels or source sizes")
    titles = list(names or (str(i + 1) for i in range(len(metas))))
    if len(titles) != len(metas) or len(set(titles)) < len(titles):
        raise UsageError(f"names {', '.join(titles)} for {len(metas)} bundles")
    films.check(metas[0])
    boot = Bootstrap.of(films.patients, draws, seed)
    outputs = [outputs_of(c, network_inputs(films.pixels, c.bundle.meta.size)) for c in classifiers]
    likeliest = np.mean([o.probabilities for o in outputs], axis=0).argmax(axis=1)
    side = max(o.heatmaps.shape[-1] for o in outputs)
    maps = [enlarged(of_class(o.heatmaps, likeliest), side) for o in outputs]
    others = _others(films.patients, seed)
    pairs = list(combinations(range(len(maps)), 2))
    same = [_alike(maps[i], maps[j]) for i, j in pairs]
    return Agreement(
        films=len(films.pixels),
        pairs={
            f"{titles[i]} and {titles[j]}": _similarity([pair], boot)
            for (i, j), pair in zip(pairs, same, strict=True)
        },
        mean=_similarity(same, boot),
        other_films=_similarity([_alike(maps[i], maps[j][others]) for i, j in pairs], boot),
    )


def explained(classifier: Classifier, inputs: NDArray[np.uint8]) -> tuple[NDArray[np.intp], Maps]:
    """The most probable class of each film, (n,), and its map, (n, h, w)."""
    outputs = outputs_of(classifier, inputs)
    likeliest = outputs.probabilities.argmax(axis=1)
    return likeliest, of_class(outputs.heatmaps, likeliest)


def _alike(first: Maps, second: Maps) -> tuple[Array, Array]:
    return rank_correlation(first, second), structural_similarity(first, second)


def _similarity(pairs: Sequence[tuple[Array, Array]], boot: Bootstrap) -> Similarity:
    rank, ssim = (np.mean([pair[k] for pair in pairs], axis=0) for k in (0, 1))
    return Similarity(
        mean_figure(rank, boot, "correlation"), mean_figure(ssim, boot, "correlation")
    )


def mean_figure(values: Array, boot: Bootstrap, scale: Scale) -> Figure:
    """Mean of values (n,) over films, with its interval."""
    sums = boot.sums(np.stack([values, np.ones_like(values)], axis=1))
    return figure_of(sums[:, 0] / sums[:, 1], boot, scale)


def of_class(heatmaps: NDArray[np.floating], label: NDArray[np.intp]) -> Maps:
    """The map of one class of each film, (n, h, w)."""
    return heatmaps[np.arange(len(label)), label].astype(np.float64)


def _others(patients: Sequence[str], seed: int) -> NDArray[np.intp]:
    """For each film one of another patient, if there is one."""
    rng = np.random.default_rng(seed)
    keys = np.asarray(patients, dtype=str)
    order = rng.permutation(len(keys))
    other = np.empty(len(keys), np.intp)
    other[order] = np.roll(order, 1)
    for i in np.flatnonzero(keys[other] == keys):
        candidates = np.flatnonzero(keys != keys[i])
        if len(candidates):
            other[i] = rng.choice(candidates)
    return other
