"""Does the network depend on what its heatmaps show? Deletion and insertion (Petsiuk et al. 2018).

The map is that of the most probable class on the unchanged film.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from pneumoscope.errors import UsageError
from pneumoscope.evidence.evaluation.heatmap_sanity import explained, mean_figure
from pneumoscope.evidence.evaluation.heatmap_similarity import enlarged
from pneumoscope.evidence.evaluation.views import network_inputs, outputs_of
from pneumoscope.evidence.statistics.intervals import DRAWS, Bootstrap, Figure

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pneumoscope.evidence.evaluation.heatmap_similarity import Maps
    from pneumoscope.evidence.evaluation.views import LabelledFilms, Step
    from pneumoscope.evidence.statistics.intervals import Array
    from pneumoscope.runtime import Classifier

HEAT, RANDOM, CENTRE, AVERAGE = "heatmap", "random", "centred blob", "average heatmap"
DELETION, INSERTION = "deletion", "insertion"
_FRACTIONS = np.linspace(0.0, 1.0, 17)


@dataclass(frozen=True, slots=True)
class Curve:
    """Mean probability of the explained class, while pixels are deleted or inserted.

    Attributes:
        order: Which pixels come first: `HEAT`, `RANDOM`, `CENTRE` or `AVERAGE`.
        probability: At each of ``Perturbation.fractions``.
        area: Area under it.
        gain: How much better the heatmap's area is than that of this order, film by film; > 0 is
            better. None for the heatmap itself.
    """

    order: str
    probability: tuple[float, ...]
    area: Figure
    gain: Figure | None


@dataclass(frozen=True, slots=True)
class Perturbation:
    """Deletion and insertion.

    Attributes:
        films: Number of films.
        left_out: Number of films that were left out because their map is blank.
        fractions: Share of the pixels that are deleted or inserted.
        deletion: Pixels replaced by the film's mean, hottest first; a low area is good.
        insertion: Pixels put into the blurred film, hottest first; a high area is good.
    """

    films: int
    left_out: int
    fractions: tuple[float, ...]
    deletion: tuple[Curve, ...]
    insertion: tuple[Curve, ...]


def perturbation(
    classifier: Classifier,
    films: LabelledFilms,
    *,
    draws: int = DRAWS,
    seed: int = 0,
    step: Step = lambda _done, _total: None,
) -> Perturbation:
    """Deletes and inserts pixels by heat, and in three orders that do not depend on the film.

    The random order is noise at the size of the map's cells: single pixels spread over the film would leave
    its shapes visible for long. About 0.6 s per film on one core; 100 films are enough.

    Args:
        classifier: The bundle.
        films: At the bundle's source size.
        draws: Number of draws of patients.
        seed: Seed of the random order and of these draws.
        step: Called after each order.

    Raises:
        UsageError: Films and bundle do not fit, or all maps are blank.
    """
    films.check(classifier.bundle.meta)
    inputs = network_inputs(films.pixels, classifier.bundle.meta.size)
    likeliest, maps = explained(classifier, inputs)
    some = np.flatnonzero(maps.max(axis=(1, 2)) > 0)
    if not len(some):
        raise UsageError("all heatmaps are blank")
    inputs, likeliest, maps = inputs[some], likeliest[some], maps[some]
    boot = Bootstrap.of([films.patients[i] for i in some.tolist()], draws, seed)
    orders = _orders(maps, inputs.shape[1], np.random.default_rng(seed))
    curves: dict[str, dict[str, Array]] = {DELETION: {}, INSERTION: {}}
    done = 0
    for mode, by_order in curves.items():
        for name, heat in orders.items():
            by_order[name] = _curves(classifier, inputs, likeliest, heat, mode)
            done += 1
            step(done, 2 * len(orders))
    return Perturbation(
        films=len(inputs),
        left_out=len(films.pixels) - len(inputs),
        fractions=tuple(_FRACTIONS.tolist()),
        deletion=_summed(curves[DELETION], -1.0, boot),
        insertion=_summed(curves[INSERTION], 1.0, boot),
    )


def _orders(maps: Maps, size: int, rng: np.random.Generator) -> dict[str, Maps]:
    """The rank of the pixels in each order, float (n, size, size), higher first."""
    middle = (np.arange(size) - (size - 1) / 2) ** 2
    blob = -(middle[:, None] + middle[None, :])
    scaled = maps / maps.max(axis=(1, 2), keepdims=True)
    return {
        HEAT: enlarged(scaled, size),
        RANDOM: enlarged(rng.random(maps.shape), size),
        CENTRE: np.broadcast_to(blob, (len(maps), size, size)),
        AVERAGE: np.broadcast_to(
            enlarged(scaled.mean(axis=0)[None], size), (len(maps), size, size)
        ),
    }


def _curves(
    classifier: Classifier,
    inputs: NDArray[np.uint8],
    likeliest: NDArray[np.intp],
    heat: Maps,
    mode: str,
) -> Array:
    """P(explained class) of each film at each fraction, (n, fractions)."""
    size = inputs.shape[1]
    curves = np.empty((len(inputs), len(_FRACTIONS)))
    for i, film in enumerate(inputs):
        # Pixels of equal heat, such as the many of heat 0, in the order of the rows.
        order = np.argsort(-heat[i].ravel(), kind="stable")
        place = np.empty(size * size, np.intp)
        place[order] = np.arange(size * size)
        if mode == DELETION:
            start, end = film, np.full_like(film, round(film.mean()))
        else:
            # Coarse enough that nothing of the lungs remains visible.
            start, end = cv2.GaussianBlur(film, (0, 0), size / 10), film
        counts = np.rint(_FRACTIONS * size * size).astype(np.intp)
        changed = place.reshape(1, size, size) < counts[:, None, None]
        films = np.where(changed, end[None], start[None])
        curves[i] = outputs_of(classifier, films).probabilities[:, likeliest[i]]
    return curves


def _summed(curves: Mapping[str, Array], sign: float, boot: Bootstrap) -> tuple[Curve, ...]:
    areas = {
        name: np.asarray(np.trapezoid(curve, _FRACTIONS, axis=1)) for name, curve in curves.items()
    }
    return tuple(
        Curve(
            order=name,
            probability=tuple(curve.mean(axis=0).tolist()),
            area=mean_figure(areas[name], boot, "unit"),
            gain=None
            if name == HEAT
            else mean_figure(sign * (areas[HEAT] - areas[name]), boot, (-1.0, 1.0)),
        )
        for name, curve in curves.items()
    )
