"""Does a heatmap explain its verdict? Checks on a single film, without reference annotations.

Every heatmap looks like an explanation. Four checks, each in [0, 1], tell whether it is one. The
score is their geometric mean, so that no check can compensate for the failure of another:

- ``inside``: share of the heat on the lungs, if the network looks for them, otherwise inside the body.
  Air beside it, drawn frames and collimation explain nothing.
- ``focus``: 1 if the heat is in one spot, 0 if half of it covers half of the film: a map that marks
  everything marks nothing.
- ``steady``: correlation with the maps of copies that are shifted by a few pixels, after shifting
  them back; a negative correlation counts as 0.
- ``depends``: r^2 / (1 + r^2), where covering the hot region divides the odds of the verdict by r
  times as much as covering cold regions of the same size does; 0.5 if it makes no difference.

The mode ``fast`` does the first two, from the one run of the network that reads the film. It cannot
know whether the network depends on what is marked. ``checked`` does all four and runs the network on
eight more copies of the film.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope.decision.body import body
from pneumoscope.decision.lung_regions import lung_grid, resized
from pneumoscope.decision.probability import logistic, logit, p_positive
from pneumoscope.decision.reader_settings import EXPLAIN
from pneumoscope.decision.sentences import of_explanation
from pneumoscope.decision.verdict_maps import kind_weights, maps_of
from pneumoscope.images.covering import covered
from pneumoscope.records import NORMAL, Explanation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from pneumoscope.decision.rules import Labels

    Run = Callable[[NDArray[np.uint8]], tuple[NDArray[np.floating[Any]], NDArray[np.floating[Any]]]]
    """uint8 (n, size, size, 1) to probabilities (n, classes) and heatmaps (n, classes, h, w)."""

MODES = EXPLAIN.values
NONE, FAST, CHECKED = MODES
COLD = 3
"""Number of cold regions that are covered for comparison."""
OCCLUSION_SIDE = 16
"""Squares along each side of an occlusion map."""
_BATCH = 32
_SHIFTS = ((1, 1), (-1, -1), (1, -1), (-1, 1))
_SHIFT = 1 / 32
"""Share of the film's side. It is a fraction of a heatmap's cell, so a map that follows the film
changes little."""


@dataclass(frozen=True, eq=False)  # without slots, which leave no place for cached properties
class Subject:
    """A film whose heatmap is checked.

    Attributes:
        film: uint8 (size, size), the network's input.
        heatmap: Float (h, w), >= 0, the weighted sum of the maps of all classes.
        label: Position of the explained class or finding; of the likeliest kind if all are.
        negative: Position of the class that means "nothing found"; None for several findings.
        name: The verdict's name for people, such as ``"PNEUMONIA"``.
        lungs: Float (h, w) in [0, 1], the lung field of the film; None if the network does not look
            for lungs.
        weights: Float (classes,), of the map of each class; None for that of ``label`` alone.
    """

    film: NDArray[np.uint8]
    heatmap: NDArray[np.floating[Any]]
    label: int
    negative: int | None
    name: str
    lungs: NDArray[np.floating[Any]] | None = None
    weights: NDArray[np.floating[Any]] | None = None

    @property
    def explains_negative(self) -> bool:
        """Whether the map is that of the class that means "nothing found"."""
        return self.label == self.negative

    @cached_property
    def lung_cells(self) -> NDArray[np.bool_]:
        """The lungs on a grid, see `lung_grid`; only of a network that looks for lungs."""
        return lung_grid(np.asarray(self.lungs))

    @cached_property
    def heat_cells(self) -> NDArray[np.float32]:
        """The heatmap on the grid of the lungs."""
        return resized(self.heatmap)

    def log_odds(self, probabilities: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Log odds of what the map explains, (n,), from probabilities (n, classes).

        The map of a kind of pneumonia explains why the film is called pneumonia, so its odds are
        those of any kind. Which kind it is, is another question.
        """
        if self.negative is None or self.explains_negative:
            return logit(probabilities[:, self.label])
        return logit(p_positive(probabilities, self.negative))


@dataclass(frozen=True, slots=True)
class HeatmapLimits:
    """Lowest scores at which heatmaps are shown, each in [0, 1], by mode; without one all are shown.

    The maps of a verdict that nothing was found mark all that looks healthy, and so score less
    than those of a disease, however good they are.

    Attributes:
        positive: Limits of maps of the positive verdict, or of findings.
        negative: Limits of maps of the class that means "nothing found".
    """

    positive: Mapping[str, float]
    negative: Mapping[str, float]

    @classmethod
    def recorded(cls, explanation: Mapping[str, Any] | None) -> HeatmapLimits | None:
        """Those in a bundle's record of its heatmaps; None if nothing was measured.

        Earlier bundles have one limit for all maps.
        """
        if explanation is None:
            return None
        negative = explanation.get("negative", explanation)
        return cls(positive=explanation["limits"], negative=negative["limits"])

    def of(self, subject: Subject, mode: str) -> float | None:
        """The limit of the film's heatmap; None if there is none."""
        return (self.negative if subject.explains_negative else self.positive).get(mode)


def subject_of(
    film: NDArray[np.uint8],
    heatmaps: NDArray[np.floating[Any]],
    probabilities: NDArray[np.floating[Any]],
    name: str,
    labels: Labels,
    lungs: NDArray[np.floating[Any]] | None = None,
) -> Subject:
    """The film with the heatmap of a class, a finding or the positive verdict.

    Args:
        film: uint8 (size, size), the network's input.
        heatmaps: Float (classes, h, w), of all classes or findings.
        probabilities: Float (classes,), of the network.
        name: A class or finding; else the positive verdict, explained by all kinds, see `kind_weights`.
        labels: What the outputs of the network mean.
        lungs: As in `Subject`.
    """
    negative, weights = labels.negative_column, None
    if name in labels.names or negative is None:
        label = labels.names.index(name)
    else:
        weights = kind_weights(probabilities[None], negative, are_shares=lungs is not None)[0]
        label = int(np.where(weights > 0, probabilities, -1).argmax())
    shown = NORMAL if label == negative else name if negative is None else labels.positive
    return Subject(
        film=film,
        heatmap=maps_of(heatmaps[None], label, weights)[0],
        label=label,
        negative=negative,
        name=shown,
        lungs=lungs,
        weights=weights,
    )


def explain(
    subject: Subject,
    mode: str,
    limits: HeatmapLimits | None,
    probabilities: NDArray[np.floating[Any]],
    run: Run,
) -> Explanation:
    """Scores the heatmap of one film.

    Args:
        subject: The film and its map.
        mode: `FAST` or `CHECKED`.
        limits: The lowest scores at which heatmaps are shown; None if they were never measured.
        probabilities: (classes,), of the unchanged film.
        run: The network; called twice by `CHECKED`, never by `FAST`.
    """
    checks = quick_checks(subject)
    if mode == CHECKED:
        checks |= {"steady": steadiness(subject, run)} | dependence(subject, probabilities, run)
    score = score_of(checks)
    limit = None if limits is None else limits.of(subject, mode)
    blank = not subject.heatmap.max() > 0
    # 0.5: covering the marked region changes no more than covering others.
    reliable = not blank and checks.get("depends", 1.0) > 0.5 and (limit is None or score >= limit)
    sentence = _sentence(subject, checks, limit, reliable=reliable)
    return Explanation(
        mode=mode,
        reliable=reliable,
        score=score,
        limit=limit,
        checks=checks,
        sentence=sentence,
    )


def score_of(checks: Mapping[str, float]) -> float:
    """Geometric mean of the checks in [0, 1]; ``odds_hot`` and ``odds_cold`` are not checks."""
    values = [checks[name] for name in ("inside", "focus", "steady", "depends") if name in checks]
    return math.prod(values) ** (1 / len(values))


def quick_checks(subject: Subject) -> dict[str, float]:
    """``inside`` and ``focus`` of a heatmap, both 0 for a blank map; takes less than 0.1 ms."""
    cells = subject.heatmap.ravel()
    total = float(cells.sum())
    if not total > 0:
        return {"inside": 0.0, "focus": 0.0}
    half = int(np.searchsorted(np.cumsum(np.sort(cells)[::-1]), total / 2)) + 1
    return {"inside": _inside(subject), "focus": max(0.0, 1 - 2 * half / cells.size)}


def _inside(subject: Subject) -> float:
    """Share of the heat on the lungs, or inside the body if they are not known; in [0, 1]."""
    if subject.lungs is None:
        within = body(subject.film)
        heat = resized(subject.heatmap, within.shape)
    else:
        within, heat = subject.lung_cells, subject.heat_cells
    return float(heat[within].sum() / heat.sum())


def dependence(
    subject: Subject, probabilities: NDArray[np.floating[Any]], run: Run
) -> dict[str, float]:
    """``depends`` of a heatmap, from one run on four covered copies of the film.

    Returns:
        The check, ``odds_hot`` and ``odds_cold``. The latter are the factors by which the odds of the
        verdict fall when the hot region is covered, or a cold one (geometric mean). For a blank map
        the check is 0 and both factors are 1.
    """
    if not subject.heatmap.max() > 0:
        return {"depends": 0.0, "odds_hot": 1.0, "odds_cold": 1.0}
    when_covered, _ = run(covered(subject.film, _regions(subject))[..., None])
    drop = subject.log_odds(probabilities[None])[0] - subject.log_odds(when_covered)
    hot, cold = float(drop[0]), float(drop[1:].mean())
    return {
        "depends": float(logistic(np.asarray(2 * (hot - cold)))),
        "odds_hot": math.exp(hot),
        "odds_cold": math.exp(cold),
    }


def steadiness(subject: Subject, run: Run) -> float:
    """``steady`` of a heatmap, from one run on four shifted copies of the film."""
    size = len(subject.film)
    by = _pixels(size)
    _, maps = run(_shifted(subject.film)[..., None])

    def inner(heatmap: NDArray[np.floating[Any]], i: int, j: int) -> NDArray[np.float32]:
        whole = resized(heatmap, (size, size))
        down, right = by * (1 + i), by * (1 + j)
        part = whole[down : down + size - 2 * by, right : right + size - 2 * by]
        return np.asarray(part - part.mean())

    unshifted = inner(subject.heatmap, 0, 0)
    correlations = []
    for heatmap, (i, j) in zip(maps_of(maps, subject.label, subject.weights), _SHIFTS, strict=True):
        shifted = inner(heatmap, i, j)
        length = math.sqrt(float((unshifted**2).sum()) * float((shifted**2).sum()))
        correlations.append(float((unshifted * shifted).sum()) / length if length > 0 else 0.0)
    return min(1.0, max(0.0, float(np.mean(correlations))))


def occlusion(
    subject: Subject,
    probabilities: NDArray[np.floating[Any]],
    run: Run,
    step: Callable[[int, int], None] = lambda _done, _total: None,
) -> NDArray[np.float32]:
    """How covering each place of a film changes its verdict: the network runs on 256 copies.

    Args:
        subject: The film; its heatmap is not used.
        probabilities: (classes,), of the unchanged film.
        run: The network.
        step: Called with (places done, places in all).

    Returns:
        float32 (16, 16), differences of natural log odds: those of the verdict on the unchanged film,
        minus those with 3 x 3 of its 16 x 16 squares covered around the entry's square. Above 0 the
        place supports the verdict, below 0 it speaks against it.
    """
    side = OCCLUSION_SIDE
    near = np.abs(np.subtract.outer(np.arange(side), np.arange(side))) <= 1
    masks = np.einsum("ik,jl->ijkl", near, near).reshape(-1, side, side).astype(np.float32)
    before = subject.log_odds(probabilities[None])[0]
    drop = np.empty(len(masks), np.float32)
    for i in range(0, len(masks), _BATCH):
        when_covered, _ = run(covered(subject.film, masks[i : i + _BATCH])[..., None])
        drop[i : i + _BATCH] = before - subject.log_odds(when_covered)
        step(min(i + _BATCH, len(masks)), len(masks))
    return drop.reshape(side, side)


def hot_region(heatmap: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """1 for the hottest cells that have half of the heat, at most a quarter of all; float32 (h, w)."""
    cells = heatmap.ravel()
    order = np.argsort(-cells, kind="stable")
    half = int(np.searchsorted(np.cumsum(cells[order]), cells.sum() / 2)) + 1
    hot = np.zeros(cells.size, np.float32)
    hot[order[: max(1, min(half, cells.size // 4))]] = 1
    return hot.reshape(heatmap.shape)


def _regions(subject: Subject) -> NDArray[np.float32]:
    """The hot region, then `COLD` cold ones of its shape that lie as much inside the body."""
    heatmap = subject.heatmap
    hot = hot_region(heatmap)
    rows, columns = heatmap.shape
    moved = np.stack(
        [np.roll(hot, (i, j), axis=(0, 1)) for i in range(rows) for j in range(columns)]
    )
    within = body(subject.film)
    flesh = (moved * resized(within.astype(np.float32), heatmap.shape)).sum(axis=(1, 2))
    heat = (moved * heatmap).sum(axis=(1, 2)) / heatmap.sum()
    # Covering air changes nothing, so a cold region in air would make the hot one look important.
    badness = heat + 0.5 * np.maximum(flesh[0] - flesh, 0) / hot.sum()
    order = np.argsort(badness, kind="stable").tolist()
    chosen: list[int] = []
    for i in order:
        if len(chosen) == COLD:
            break
        if all((moved[i] * moved[j]).sum() <= 0.5 * hot.sum() for j in chosen):
            chosen.append(i)
    chosen += [i for i in order if i not in chosen]
    return np.concatenate([hot[None], moved[(chosen * COLD)[:COLD]]])


def _shifted(film: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Copies shifted along both diagonals, (4, size, size); pixels of the border are repeated."""
    size, by = len(film), _pixels(len(film))
    wide = np.pad(film, by, mode="edge")
    return np.stack(
        [
            wide[by - by * i : by - by * i + size, by - by * j : by - by * j + size]
            for i, j in _SHIFTS
        ]
    )


def _pixels(size: int) -> int:
    return max(1, round(_SHIFT * size))


def _sentence(
    subject: Subject, checks: Mapping[str, float], limit: float | None, *, reliable: bool
) -> str:
    if not subject.heatmap.max() > 0:
        return of_explanation("blank")
    place = "inside_body" if subject.lungs is None else "inside_lungs"
    inside = of_explanation(place, share=f"{100 * checks['inside']:.0f} %")
    if "depends" in checks:
        basis = of_explanation(
            "tested",
            shown=subject.name,
            hot=f"{checks['odds_hot']:.1f}",
            cold=f"{checks['odds_cold']:.1f}",
            steady=f"{checks['steady']:.2f}",
            inside=inside,
        )
    else:
        basis = of_explanation("untested", inside=inside)
    if reliable and limit is None:
        return of_explanation("unset", basis=basis)
    if reliable:
        return basis
    low = limit is not None and score_of(checks) < limit
    return of_explanation("unreliable", why=_why(subject, checks, low=low), basis=basis)


def _why(subject: Subject, checks: Mapping[str, float], *, low: bool) -> str:
    """Names the weakest check if the score is too low, otherwise the lack of dependence."""
    why = {
        "inside": "why_inside_body" if subject.lungs is None else "why_inside_lungs",
        "focus": "why_focus",
        "steady": "why_steady",
        "depends": "why_depends",
    }
    weakest = min((name for name in why if name in checks), key=checks.__getitem__)
    return of_explanation(why[weakest if low else "depends"])
