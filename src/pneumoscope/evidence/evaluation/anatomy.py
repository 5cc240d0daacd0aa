"""How much a bundle's result depends on the chest: films with and without their lungs.

The bundle is not changed, its films are. What it can still distinguish without the lungs, it does not
distinguish by the lungs. The reverse proves less: a network may fail on such films because it was never
trained on similar ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.decision.probability import logit
from pneumoscope.errors import UsageError
from pneumoscope.evidence.evaluation.heat_shares import heat_shares
from pneumoscope.evidence.evaluation.lung_check import CHECKED_VIEWS, LungCheck, lung_check
from pneumoscope.evidence.evaluation.lung_field import body, lung_field
from pneumoscope.evidence.evaluation.lung_views import (
    NO_PLACES,
    VIEWS,
    WHOLE,
    WITHOUT,
    edges_of,
    places_of,
    share_hidden,
)
from pneumoscope.evidence.evaluation.views import network_inputs, outputs_of, score_of, truth_of
from pneumoscope.evidence.statistics.intervals import DRAWS, Bootstrap, Figure, figure_of
from pneumoscope.evidence.statistics.ranking import (
    ONE_CLASS,
    auc_figure,
    ranking_samples,
    smaller_class,
)
from pneumoscope.runtime.lung_masks import mask_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from pneumoscope.evidence.evaluation.heat_shares import HeatShare
    from pneumoscope.evidence.evaluation.views import LabelledFilms, Step
    from pneumoscope.evidence.statistics.intervals import Array
    from pneumoscope.runtime import Classifier
    from pneumoscope.runtime.network import NetworkOutputs

    Masks = NDArray[np.bool_]

NETWORK, CLASSICAL = "network", "classical"
"""The lung field of the bundle's network, and that of `pneumoscope.evidence.evaluation.lung_field`."""
_STEPS = len(VIEWS) + 2
_FOLDS = 5
_LEAST_PATIENTS = 10  # per class, to learn anything from the outlines


@dataclass(frozen=True, slots=True)
class View:
    """The bundle on films that were changed in one way.

    Attributes:
        name: Name, such as `NO_LUNGS`.
        roc_auc: ROC AUC of P(positive), or of the finding.
        lost: ROC AUC on the unchanged films minus this one; None for the unchanged films.
        needs_anatomy: (AUC unchanged - AUC of this view) / (AUC unchanged - 0.5) for the views
            without anatomy, else None. 1: nothing is left without it; 0: everything is; above 1:
            films of this view are ranked in reverse order.
        mean_score: Mean probability on (negative, positive) films; None without such films.
    """

    name: str
    roc_auc: Figure
    lost: Figure | None
    needs_anatomy: Figure | None
    mean_score: tuple[float | None, float | None]


@dataclass(frozen=True, slots=True)
class Anatomy:
    """Results on films with and without their lungs.

    Attributes:
        films: Number of films.
        patients: Number of their patients.
        finder: Whose lung field is used: `NETWORK` or `CLASSICAL`.
        doubted: Number of films whose classical lung field has doubts; they are included.
        views: The bundle on changed films, first `lung_views.WHOLE`.
        outline_auc: AUC of the coordinates of the outlines alone, or of the cells of the network's
            lung field, out of fold: how much information the masks themselves contain.
        box_auc: AUC of the four edges of the lungs' box alone: how the chest was framed.
        hidden_by_places: Mean share of the lung field that `NO_PLACES` hides.
        area_of_places: Share of the film that it hides.
        heat: Class or finding to the location of its heat.
        check: The classical lung field beside the network's; None if it is the only one.
    """

    films: int
    patients: int
    finder: str
    doubted: int
    views: tuple[View, ...]
    outline_auc: Figure
    box_auc: Figure
    hidden_by_places: float
    area_of_places: float
    heat: Mapping[str, HeatShare]
    check: LungCheck | None


def measure(
    classifier: Classifier,
    films: LabelledFilms,
    *,
    finding: str | None = None,
    draws: int = DRAWS,
    seed: int = 0,
    step: Step = lambda _done, _total: None,
) -> Anatomy:
    """Measures a bundle on films with and without their lungs.

    The lungs are the network's, if it looks for them, with the classical ones as a check; otherwise
    the classical ones. About 60 ms per film on one core; ``films.some(500)`` is usually enough.

    Args:
        classifier: The bundle.
        films: At the bundle's source size.
        finding: The class or finding to rank; None for P(positive).
        draws: Number of draws of patients.
        seed: Seed of these draws and of the folds.
        step: Called after each step.

    Raises:
        UsageError: Films, labels and bundle do not fit.
    """
    meta = classifier.bundle.meta
    films.check(meta)
    positive, known = truth_of(films.targets, meta, finding)
    if not known.any():
        raise UsageError("no film has a label")
    whole = outputs_of(classifier, network_inputs(films.pixels, meta.size))
    lungs = _lungs_on(films.pixels, whole.lungs)
    step(1, _STEPS)
    boot = Bootstrap.of(films.patients, draws, seed)
    places = places_of(lungs.masks)
    score = partial(_score, classifier, films.pixels, places, finding)
    scores = {WHOLE: score_of(whole.probabilities, meta, finding)}
    for done, name in enumerate((name for name in VIEWS if name != WHOLE), 3):
        scores[name] = score(lungs.masks, name)
        step(done, _STEPS)
    rank = partial(_views, positive=positive, known=known, boot=boot)
    heat_in = partial(_heat, films, whole, meta.labels if meta.heatmaps else (), boot)
    by_view, heat = partial(score, lungs.classical), partial(heat_in, lungs.classical)
    check = _check(lungs, rank, by_view, scores[WHOLE], heat, boot)
    learn = partial(_shape_auc, positive, known, films.patients, boot, seed)
    outline, edges = learn(lungs.shapes), learn(edges_of(lungs.masks).astype(np.float64))
    step(_STEPS, _STEPS)
    return Anatomy(
        films=len(lungs.masks),
        patients=boot.patients,
        finder=lungs.finder,
        doubted=int(lungs.doubted.sum()),
        views=tuple(rank(scores)),
        outline_auc=outline,
        box_auc=edges,
        hidden_by_places=share_hidden(lungs.masks, places),
        area_of_places=float(places.mean()),
        heat=heat_in(lungs.masks),
        check=check,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Lungs:
    """The lungs on films.

    Attributes:
        finder: `NETWORK` or `CLASSICAL`.
        masks: bool (n, rows, columns), of the finder.
        shapes: Numbers that describe each mask: the outlines' coordinates, or the cells of the field.
        classical: Masks of the classical method.
        doubted: bool (n,), where the classical method has doubts.
    """

    finder: str
    masks: Masks
    shapes: NDArray[np.floating]
    classical: Masks
    doubted: NDArray[np.bool_]


def _lungs_on(pixels: NDArray[np.uint8], network: NDArray[np.float32] | None) -> _Lungs:
    """The lungs on films (n, side, side), with the network's lung fields (n, h, w), if it has any."""
    fields = [lung_field(film) for film in pixels]
    classical = np.stack([field.mask for field in fields])
    doubted = np.array([not field.ok for field in fields])
    if network is None:
        outlines = np.stack([field.outlines.ravel() for field in fields])
        return _Lungs(CLASSICAL, classical, outlines, classical, doubted)
    masks = np.stack([mask_of(field, pixels.shape[1]) > 0 for field in network])
    return _Lungs(NETWORK, masks, network.reshape(len(masks), -1), classical, doubted)


def _check(
    lungs: _Lungs,
    rank: Callable[[Mapping[str, Array]], Iterator[View]],
    score: Callable[[str], Array],
    whole: Array,
    heat: Callable[[], Mapping[str, HeatShare]],
    boot: Bootstrap,
) -> LungCheck | None:
    """The classical method beside the network; None without a network that looks for lungs.

    Args:
        lungs: Those of both.
        rank: Scores (n,) of views to their figures.
        score: View to its scores with the classical lungs.
        whole: Scores of the unchanged films.
        heat: Gives the location of the heat with the classical lungs.
        boot: Draws of the films' patients.
    """
    if lungs.finder == CLASSICAL:
        return None
    views = rank({WHOLE: whole} | {name: score(name) for name in CHECKED_VIEWS})
    aucs = {view.name: view.roc_auc for view in views if view.name != WHOLE}
    return lung_check((lungs.masks, lungs.classical), ~lungs.doubted, aucs, heat(), boot)


def _heat(
    films: LabelledFilms,
    outputs: NetworkOutputs,
    labels: Sequence[str],
    boot: Bootstrap,
    masks: Masks,
) -> dict[str, HeatShare]:
    """The location of the heat with these lungs; see `heat_shares`."""
    bodies = np.stack([body(film) for film in films.pixels])
    return heat_shares(outputs.heatmaps, masks, bodies, films.targets, labels, boot)


def _score(
    classifier: Classifier,
    pixels: NDArray[np.uint8],
    places: NDArray[np.bool_],
    finding: str | None,
    masks: Masks,
    name: str,
) -> Array:
    """Scores (n,) of the films as a view shows them, with these lungs."""
    meta = classifier.bundle.meta
    inputs = network_inputs(_changed(pixels, masks, name, places), meta.size)
    return score_of(outputs_of(classifier, inputs).probabilities, meta, finding)


def _changed(
    pixels: NDArray[np.uint8], masks: Masks, name: str, places: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    """The films as one view shows them, uint8 (n, rows, columns)."""
    if name == NO_PLACES:  # the same mask for all films
        masks = np.broadcast_to(places, masks.shape)
    return np.stack([VIEWS[name](film, mask) for film, mask in zip(pixels, masks, strict=True)])


def _views(
    scores: Mapping[str, Array],
    positive: NDArray[np.bool_],
    known: NDArray[np.bool_],
    boot: Bootstrap,
) -> Iterator[View]:
    samples = {
        name: ranking_samples(positive, score, boot, known)["roc_auc"]
        for name, score in scores.items()
    }
    whole = samples[WHOLE]
    least = smaller_class(positive, boot, known)
    for name, sample in samples.items():
        lost = needs = None
        if name != WHOLE:
            lost = figure_of(whole - sample, boot, (-1.0, 1.0), ONE_CLASS, patients=least)
        if name in WITHOUT:
            with np.errstate(invalid="ignore", divide="ignore"):
                share = np.where(whole > 0.5, (whole - sample) / (whole - 0.5), np.nan)
            missing = ONE_CLASS if np.isnan(whole[0]) else "the bundle ranks no better than chance"
            needs = figure_of(share, boot, "real", missing, patients=least)
        means = tuple(
            float(scores[name][known & side].mean()) if (known & side).any() else None
            for side in (~positive, positive)
        )
        yield View(
            name, auc_figure(sample, positive, boot, known=known), lost, needs,
            (means[0], means[1]),
        )  # fmt: skip


def _shape_auc(
    positive: NDArray[np.bool_],
    known: NDArray[np.bool_],
    patients: Sequence[str],
    boot: Bootstrap,
    seed: int,
    shapes: NDArray[np.floating],
) -> Figure:
    """AUC of a logistic regression on numbers (n, k) that describe masks, with folds by patient."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    least = smaller_class(positive, boot, known)
    if least < _LEAST_PATIENTS:
        few = f"fewer than {_LEAST_PATIENTS} patients of one class, too few to learn from"
        return Figure(None, note=few)
    rows = np.flatnonzero(known)
    x, y = shapes[rows], positive[rows]
    groups = np.asarray(patients, dtype=str)[rows]
    score = np.zeros(len(known))
    folds = StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=seed)
    for train, test in folds.split(x, y, groups):
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=2000))
        model.fit(x[train], y[train])
        # Minus the fold's prior, so that a model without information ranks nothing.
        prior = y[train].mean()
        score[rows[test]] = model.decision_function(x[test]) - logit(prior)
    sample = ranking_samples(positive, score, boot, known)["roc_auc"]
    return auc_figure(sample, positive, boot, known=known)
