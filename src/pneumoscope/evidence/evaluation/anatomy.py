"""How much of a bundle's result rests on the chest: films with and without their lungs.

The bundle stays as it is; its films change. What it still tells when the lungs are gone, it does not
tell from lungs. The other way round proves less: a network may fail on such films because they look
like no film that it was trained on.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import cv2
import numpy as np

from pneumoscope.errors import UsageError
from pneumoscope.evidence.evaluation.lung_field import body, lung_field
from pneumoscope.evidence.evaluation.views import network_inputs, outputs_of, score_of, truth_of
from pneumoscope.evidence.statistics.intervals import Bootstrap, Figure, figure_of
from pneumoscope.evidence.statistics.ranking import ONE_CLASS, ranking_samples
from pneumoscope.images.covering import continued

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from pneumoscope.evidence.evaluation.views import LabelledFilms, Step
    from pneumoscope.evidence.statistics.intervals import Array
    from pneumoscope.runtime import Classifier

    Masks = NDArray[np.bool_]

WHOLE = "as they are"
NO_LUNGS, NO_LUNGS_SMOOTH = "without lungs (mean)", "without lungs (from around)"
NO_BOX, NO_PLACES = "without the lungs' box", "without all films' lungs"
LUNGS, BOX = "lungs only", "lungs' box only"
SILHOUETTE, COARSE = "silhouette of the lungs", "16 x 16 pixels"
WITHOUT = (NO_LUNGS, NO_LUNGS_SMOOTH, NO_BOX, NO_PLACES)
"""The views without anatomy, of which the share of the result is told. The masks of the first three
differ between films and may tell something by their shape; that of `NO_PLACES` is the same on every
film and cannot."""
_RARELY = 0.02
"""Share of the films up to which a pixel that is lung is left: more hides no more lung, but more else."""
_COARSE = 16
_DARK, _BRIGHT = 60, 150  # of the silhouette: about lungs and chest wall
_FOLDS = 5
_LEAST_PATIENTS = 10  # per class, to learn anything from the outlines


@dataclass(frozen=True, slots=True)
class View:
    """What the bundle tells from films that were changed in one way.

    Attributes:
        name: Such as `NO_LUNGS`.
        roc_auc: Of P(positive), or of the finding.
        lost: ROC AUC on the films as they are, less this one; None for the films as they are.
        needs_anatomy: (AUC as they are - AUC of this view) / (AUC as they are - 0.5), for the views
            without anatomy, else None. 1: nothing is left without it; 0: all is; above 1: the view
            ranks the wrong way round.
        mean_score: Mean probability on (negative, positive) films; None without such films.
    """

    name: str
    roc_auc: Figure
    lost: Figure | None
    needs_anatomy: Figure | None
    mean_score: tuple[float | None, float | None]


@dataclass(frozen=True, slots=True)
class HeatShare:
    """Where the heat of one class lies on the films that have it.

    Attributes:
        films: Films of the class whose map is not blank.
        blank: Films of the class whose map is.
        in_lungs: Mean share of the heat inside the lung field.
        area_of_lungs: Mean share of the film that the field takes: heat spread evenly.
        in_box: Mean share inside the box around both lungs.
        area_of_box: As before.
        outside_body: Mean share on the background.
        area_outside_body: As before.
    """

    films: int
    blank: int
    in_lungs: Figure
    area_of_lungs: float
    in_box: Figure
    area_of_box: float
    outside_body: Figure
    area_outside_body: float


@dataclass(frozen=True, slots=True)
class Anatomy:
    """The anatomy part of the shortcut report.

    Attributes:
        films: Films measured.
        patients: Their patients.
        doubted: Films whose lung field has doubts; they are measured like the others.
        views: The bundle on changed films, first `WHOLE`.
        outline_auc: What the outlines' coordinates alone tell, out of fold: how much the masks
            themselves may give away.
        box_auc: What the four edges of the lungs' box alone tell: how the chest was framed.
        hidden_by_places: Mean share of the lung field that `NO_PLACES` hides.
        area_of_places: Share of the film that it hides.
        heat: Class or finding to where its heat lies.
    """

    films: int
    patients: int
    doubted: int
    views: tuple[View, ...]
    outline_auc: Figure
    box_auc: Figure
    hidden_by_places: float
    area_of_places: float
    heat: Mapping[str, HeatShare]


def measure(
    classifier: Classifier,
    films: LabelledFilms,
    *,
    finding: str | None = None,
    seed: int = 0,
    step: Step = lambda _done, _total: None,
) -> Anatomy:
    """Measures a bundle on films with and without their lungs.

    About 60 ms a film on one core; a draw of 500 films is enough for most purposes
    (``films.some(500)``).

    Args:
        classifier: The bundle.
        films: At the bundle's source size.
        finding: The class or finding to rank; None for P(positive).
        seed: Of the draws of patients and of the folds.
        step: Called after each step.

    Raises:
        UsageError: Films, labels and bundle do not fit.
    """
    meta = classifier.bundle.meta
    films.check(meta)
    positive, known = truth_of(films.targets, meta, finding)
    if not known.any():
        raise UsageError("no film has a label")
    total = len(_VIEWS) + 2
    fields = [lung_field(film) for film in films.pixels]
    masks = np.stack([field.mask for field in fields])
    step(1, total)
    boot = Bootstrap.of(films.patients, seed=seed)
    places = places_of(masks)
    scores: dict[str, Array] = {}
    heat: dict[str, HeatShare] = {}
    for done, (name, change) in enumerate(_VIEWS.items(), 2):
        # A mask like others, but the same for all films.
        own = np.broadcast_to(places, masks.shape) if name == NO_PLACES else masks
        changed = np.stack([change(f, m) for f, m in zip(films.pixels, own, strict=True)])
        outputs = outputs_of(classifier, network_inputs(changed, meta.size))
        scores[name] = score_of(outputs.probabilities, meta, finding)
        if name == WHOLE:
            bodies = np.stack([body(film) for film in films.pixels])
            heat = heat_shares(outputs.heatmaps, masks, bodies, films.targets, meta.labels, boot)
        step(done, total)
    learn = partial(_shape_auc, positive, known, films.patients, boot, seed)
    outline = learn(np.stack([field.outlines.ravel() for field in fields]))
    edges = learn(_edges(masks).astype(np.float64))
    step(total, total)
    return Anatomy(
        films=len(masks),
        patients=boot.patients,
        doubted=sum(not field.ok for field in fields),
        views=tuple(_views(scores, positive, known, boot)),
        outline_auc=outline,
        box_auc=edges,
        hidden_by_places=float(np.mean([(m & places).sum() / max(m.sum(), 1) for m in masks])),
        area_of_places=float(places.mean()),
        heat=heat,
    )


def without_lungs(film: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The film with the mean of what remains in place of the mask.

    Not with the film's own mean, which would tell how bright the lungs were.
    """
    rest = film[~mask]
    return np.where(mask, np.uint8(round(rest.mean() if len(rest) else film.mean())), film)


def filled_from_around(film: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The film with a smooth continuation of what surrounds the mask in place of it.

    See `pneumoscope.images.covering.continued`.
    """
    fill = np.clip(np.rint(continued(film, ~mask)), 0, 255).astype(np.uint8)
    return np.where(mask, fill, film)


def box_of(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The upright box around a mask, as a mask; empty for an empty one."""
    box = np.zeros_like(mask)
    top, bottom, left, right = _edges(mask[None])[0]
    box[top:bottom, left:right] = True
    return box


def places_of(masks: Masks) -> NDArray[np.bool_]:
    """Where the lungs of more than 2 % of the films are, bool (rows, columns)."""
    return np.asarray(masks.mean(axis=0) > _RARELY)


def _edges(masks: Masks) -> NDArray[np.intp]:
    """Top, bottom, left and right edge of every mask, (n, 4), the later ones exclusive; 0 if empty."""
    found = np.zeros((len(masks), 4), np.intp)
    for edges, mask in zip(found, masks, strict=True):
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        if len(rows):
            edges[:] = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    return found


def _silhouette(film: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    return np.where(mask, np.uint8(_DARK), np.full_like(film, _BRIGHT))


def _coarse(film: NDArray[np.uint8], _mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    small = cv2.resize(film, (_COARSE, _COARSE), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, film.shape[::-1], interpolation=cv2.INTER_LINEAR))


_VIEWS: dict[str, Callable[[NDArray[np.uint8], NDArray[np.bool_]], NDArray[np.uint8]]] = {
    WHOLE: lambda film, _mask: film,
    NO_LUNGS: without_lungs,
    NO_LUNGS_SMOOTH: filled_from_around,
    NO_BOX: lambda film, mask: without_lungs(film, box_of(mask)),
    NO_PLACES: without_lungs,
    LUNGS: lambda film, mask: without_lungs(film, ~mask),
    BOX: lambda film, mask: without_lungs(film, ~box_of(mask)),
    SILHOUETTE: _silhouette,
    COARSE: _coarse,
}


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
    least = min(boot.patients_with(positive & known), boot.patients_with(~positive & known))
    for name, sample in samples.items():
        lost = needs = None
        if name != WHOLE:
            lost = figure_of(whole - sample, boot, "real", ONE_CLASS)
        if name in WITHOUT:
            with np.errstate(invalid="ignore", divide="ignore"):
                share = np.where(whole > 0.5, (whole - sample) / (whole - 0.5), np.nan)
            missing = ONE_CLASS if np.isnan(whole[0]) else "the bundle ranks no better than chance"
            needs = figure_of(share, boot, "real", missing)
        means = tuple(
            float(scores[name][known & side].mean()) if (known & side).any() else None
            for side in (~positive, positive)
        )
        yield View(
            name, figure_of(sample, boot, "unit", ONE_CLASS, trials=least), lost, needs,
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
    """AUC of a logistic regression on numbers (n, k) that describe masks, folds by patient."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    least = min(boot.patients_with(positive & known), boot.patients_with(~positive & known))
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
        # Less the fold's own prior, so that a model that knows nothing ranks nothing.
        prior = y[train].mean()
        score[rows[test]] = model.decision_function(x[test]) - np.log(prior / (1 - prior))
    sample = ranking_samples(positive, score, boot, known)["roc_auc"]
    return figure_of(sample, boot, "unit", ONE_CLASS, trials=least)


def heat_shares(
    heatmaps: NDArray[np.floating],
    masks: Masks,
    bodies: Masks,
    targets: NDArray[np.floating],
    labels: Sequence[str],
    boot: Bootstrap,
) -> dict[str, HeatShare]:
    """Where the heat of every class lies, on the films that have the class.

    A cell of the map counts inside a region by the part of it that the region covers.

    Args:
        heatmaps: float (n, labels, h, w), >= 0.
        masks: The lung fields, bool (n, rows, columns).
        bodies: What is not background, likewise.
        targets: float (n, labels); 1 where the film has it.
        labels: Names.
        boot: Draws of the films' patients.
    """
    cells = heatmaps.shape[:1:-1]
    covers = {
        "lungs": _cover(masks, cells),
        "box": _cover(np.stack([box_of(mask) for mask in masks]), cells),
        "outside": _cover(~bodies, cells),
    }
    found = {}
    for k, label in enumerate(labels):
        heat = heatmaps[:, k].astype(np.float64)
        total = heat.sum(axis=(1, 2))
        own = targets[:, k] == 1
        some = own & (total > 0)
        shares: dict[str, Figure] = {}
        areas: dict[str, float] = {}
        for name, cover in covers.items():
            part = (heat * cover).sum(axis=(1, 2)) / np.maximum(total, 1e-30)
            shares[name] = _mean(part, some, boot)
            areas[name] = float(cover[some].mean()) if some.any() else 0.0
        found[label] = HeatShare(
            films=int(some.sum()),
            blank=int((own & ~some).sum()),
            in_lungs=shares["lungs"],
            area_of_lungs=areas["lungs"],
            in_box=shares["box"],
            area_of_box=areas["box"],
            outside_body=shares["outside"],
            area_outside_body=areas["outside"],
        )
    return found


def _cover(masks: Masks, cells: tuple[int, ...]) -> Array:
    """Part of every cell that a mask covers: (n, h, w) for cells (w, h)."""
    return np.stack(
        [cv2.resize(m.astype(np.float32), cells, interpolation=cv2.INTER_AREA) for m in masks]
    ).astype(np.float64)


def _mean(values: Array, among: NDArray[np.bool_], boot: Bootstrap) -> Figure:
    """Mean over some films, with its interval."""
    columns = np.stack([np.where(among, values, 0.0), among.astype(np.float64)], axis=1)
    sums = boot.sums(columns)
    with np.errstate(invalid="ignore", divide="ignore"):
        sample = np.where(sums[:, 1] > 0, sums[:, 0] / sums[:, 1], np.nan)
    return figure_of(sample, boot, "unit", "no film of this class has heat")
