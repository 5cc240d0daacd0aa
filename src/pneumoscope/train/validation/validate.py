"""What a trained network is worth: plain and stress validation, calibration, operating points."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope import metrics
from pneumoscope.data.film_statistics import statistics
from pneumoscope.data.stress import stress_suite
from pneumoscope.decision import calibration, conformal, thresholds
from pneumoscope.decision.probability import p_positive
from pneumoscope.decision.reader_settings import DEFAULT_ERROR
from pneumoscope.errors import DataError
from pneumoscope.files import replacing
from pneumoscope.images import resample
from pneumoscope.metrics import (
    expected_calibration_error,
    patient_bootstrap,
    roc_auc,
    share,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from pneumoscope.data import FilmSet
    from pneumoscope.decision.calibration import Calibration
    from pneumoscope.metrics import Weighted
    from pneumoscope.records import OperatingPoint

    Predict = Callable[[NDArray[np.uint8]], NDArray[np.float64]]

SIDES = ("train", "validation")
FILE = "validation.npz"
"""In a run folder: class, patient and probabilities of every validation film, see `save`."""
PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class Scores:
    """What an epoch is worth on the validation films.

    Attributes:
        auc: Area under the ROC curve of P(ill) = 1 - P(first class).
        accuracy: Share of films whose most probable class is the right one.
        loss: Cross-entropy per film.
    """

    auc: float
    accuracy: float
    loss: float

    @classmethod
    def of(cls, p: NDArray[np.floating[Any]], truth: NDArray[np.intp]) -> Scores:
        """From probabilities (n, classes) and classes (n,)."""
        auc = float(roc_auc(truth > 0, p_positive(p, 0), np.ones((1, len(truth))))[0])
        own = p[np.arange(len(truth)), truth]
        return cls(
            auc, float((p.argmax(1) == truth).mean()), float(-np.log(np.clip(own, 1e-7, 1)).mean())
        )


def probabilities_of(logits: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Softmax of logits (n, classes); one logit is the positive one of two classes."""
    z = np.asarray(logits, np.float64)
    return metrics.softmax(np.concatenate([np.zeros_like(z), z], axis=1) if z.shape[1] == 1 else z)


@dataclass(frozen=True, slots=True, eq=False)
class Validation:
    """Probabilities of the validation films, untouched and under every perturbation.

    Attributes:
        truth: Class of each film, (n,); of several findings their targets float32 (n, findings), NaN
            where unknown.
        patients: Patient key of each film.
        probabilities: Name of the condition (``"plain"`` or a perturbation) to (n, classes).
    """

    truth: NDArray[Any]
    patients: tuple[str, ...]
    probabilities: dict[str, NDArray[np.float64]]

    @property
    def negative(self) -> int | None:
        """Column of the class that means "nothing found"; None for several findings."""
        return 0 if self.truth.ndim == 1 else None

    @property
    def ill(self) -> NDArray[np.bool_]:
        """True for pneumonia, (n,)."""
        return self.truth > 0

    def p_positive(self, condition: str = PLAIN) -> NDArray[np.float64]:
        """P(pneumonia) of each film under a condition, (n,)."""
        return p_positive(self.probabilities[condition], 0)


def run(
    predict: Predict,
    films: FilmSet,
    size: int,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Validation:
    """Predicts the validation films, plain and under the stress suite.

    Args:
        predict: uint8 (n, size, size, 1) to probabilities (n, classes).
        films: All films; those of the split ``"validation"`` are used.
        size: Side of the network's input.
        progress: Called with (conditions done, conditions in all).
    """
    rows = films.rows("validation")
    conditions = {PLAIN: None, **stress_suite()}
    probabilities = {}
    for done, (name, perturb) in enumerate(conditions.items(), 1):
        parts = []
        for i in range(0, len(rows), 64):
            part = [films.pixels[row] for row in rows[i : i + 64]]
            x = np.stack([resample(perturb(f) if perturb else f, size) for f in part])
            parts.append(predict(x[..., None]))
        probabilities[name] = np.concatenate(parts).astype(np.float64)
        progress(done, len(conditions))
    truth = films.targets if films.task == "multilabel" else films.labels
    return Validation(truth[rows], tuple(films.films[row].patient for row in rows), probabilities)


def save(validation: Validation, path: Path) -> None:
    """Writes a validation as ``.npz``, see `load`."""
    with replacing(path) as stream:
        np.savez_compressed(
            stream,
            truth=validation.truth,
            patients=np.array(validation.patients),
            conditions=np.array(list(validation.probabilities)),
            probabilities=np.stack(list(validation.probabilities.values())).astype(np.float32),
        )


def load(path: Path) -> Validation:
    """Reads what `save` wrote.

    Raises:
        DataError: The file is missing or something else.
    """
    try:
        with np.load(path) as stored:
            conditions = stored["conditions"].tolist()
            parts = stored["probabilities"].astype(np.float64)
            return Validation(
                stored["truth"],
                tuple(stored["patients"].tolist()),
                dict(zip(conditions, parts, strict=True)),
            )
    except (OSError, KeyError, ValueError) as error:
        raise DataError(
            f"{path}: no validation record ({type(error).__name__})",
            "Run the training's command again: it writes what is missing.",
        ) from error


def fit_calibration(validation: Validation) -> Calibration:
    """Fits on plain and perturbed films alike; see `pneumoscope.decision.calibration.fit`.

    Args:
        validation: Of the network before calibration.
    """
    return calibration.fit(validation.probabilities, validation.truth, validation.negative)


def calibrated(validation: Validation, by: Calibration) -> Validation:
    """The same validation as the calibrated network would give."""
    moved = {name: by.apply(p, validation.negative) for name, p in validation.probabilities.items()}
    return Validation(validation.truth, validation.patients, moved)


def conformal_scores(
    validation: Validation, labels: Sequence[str], positive: str
) -> conformal.Scores | None:
    """Scores of the plain validation films, for sets of classes at any error.

    Plain ones: a promise per class holds for films like those that it was made on, and each patient's
    film counts once.

    Args:
        validation: Of the calibrated network.
        labels: Classes or findings.
        positive: What a film is called that is not negative.

    Returns:
        None if no question has films enough for `DEFAULT_ERROR`; findings with too few
        are left out.
    """
    p, truth = validation.probabilities[PLAIN], validation.truth
    if validation.negative is None:
        names, columns = labels, [(p[:, k], truth[:, k]) for k in range(len(labels))]
    else:
        ill = p_positive(p, validation.negative)
        names, columns = (positive,), [(ill, validation.ill.astype(np.float64))]
    least = round(1 / DEFAULT_ERROR) - 1
    questions = {
        name: conformal.Sides.of(own[~np.isnan(t)], t[~np.isnan(t)] == 1)
        for name, (own, t) in zip(names, columns, strict=True)
        if min((t == 0).sum(), (t == 1).sum()) >= least
    }
    if not questions:
        return None
    kinds = {}
    if validation.negative is not None and len(labels) > 2:
        shares = p[:, 1:] / p[:, 1:].sum(axis=1, keepdims=True)
        kinds = {
            labels[k]: conformal.scores_of(shares[truth == k, k - 1]) for k in range(1, len(labels))
        }
    return conformal.Scores(questions, kinds)


def choose_operating_points(validation: Validation) -> tuple[OperatingPoint, ...]:
    """``balanced``, ``screen`` and ``rule-in``, on plain and perturbed validation films alike.

    See `pneumoscope.decision.thresholds.choose`.
    """
    scores = {name: validation.p_positive(name) for name in validation.probabilities}
    return thresholds.choose(validation.ill, scores)


def measures(
    validation: Validation, threshold: float, condition: str = PLAIN
) -> dict[str, Weighted]:
    """The figures of one condition at one threshold, as functions of weights (draws, n)."""
    truth, ill = validation.truth, validation.ill
    everyone = np.ones(len(truth), bool)
    p = validation.p_positive(condition)
    called = p >= threshold
    right = validation.probabilities[condition].argmax(axis=1) == truth
    return {
        "auc": lambda w: roc_auc(ill, p, w),
        "accuracy": lambda w: share(called == ill, everyone, w),
        "sensitivity": lambda w: share(called, ill, w),
        "specificity": lambda w: share(~called, ~ill, w),
        "balanced_accuracy": lambda w: 0.5 * (share(called, ill, w) + share(~called, ~ill, w)),
        "f1": lambda w: _f1(called, ill, w),
        "class_accuracy": lambda w: share(right, everyone, w),
    }


def figures(validation: Validation, point: OperatingPoint, draws: int = 2000) -> dict[str, Any]:
    """The figures of the model card, each with a patient-clustered 95 % interval.

    Returns:
        ``plain``: auc, accuracy, sensitivity, specificity, balanced_accuracy, f1, class_accuracy (of the
        most probable class) and ece;
        ``stress``: name to auc and balanced_accuracy; ``worst``: name and figures of the worst
        auc and balanced_accuracy.
    """
    truth, ill = validation.truth, validation.ill
    by_condition = {
        name: {
            key: asdict(patient_bootstrap(figure, validation.patients, draws))
            for key, figure in measures(validation, point.threshold, name).items()
        }
        for name in validation.probabilities
    }
    stress = {name: by_condition[name] for name in by_condition if name != PLAIN}

    def worst(figure: str) -> dict[str, Any]:
        name = min(stress, key=lambda n: stress[n][figure]["value"])
        return {"condition": name, **stress[name][figure]}

    return {
        "draws": draws,
        "films": len(truth),
        "patients": len(set(validation.patients)),
        "operating_point": asdict(point),
        "plain": {
            **by_condition[PLAIN],
            "ece": expected_calibration_error(ill, validation.p_positive()),
        },
        "stress": stress,
        "stress_ece": float(
            np.mean([expected_calibration_error(ill, validation.p_positive(n)) for n in stress])
        ),
        "worst": {
            "auc": worst("auc"),
            "balanced_accuracy": worst("balanced_accuracy"),
            "class_accuracy": worst("class_accuracy"),
        },
    }


def statistics_baseline(films: FilmSet, draws: int = 2000) -> dict[str, Any]:
    """What nine global statistics tell without any anatomy: the shortcut that films offer.

    Returns:
        ``positive`` (any class but the first) and, where these are the classes,
        ``bacterial_against_viral``; or every finding that films of both splits have and lack: AUC on
        validation films, with interval, of gradient-boosted trees on the statistics, trained on the
        training films.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    features = np.stack([statistics(film) for film in films.pixels])
    patients = np.array([film.patient for film in films.films])
    found: dict[str, Any] = {}
    for name, target in _questions(films).items():
        known = ~np.isnan(target)
        own, other = (rows[known[rows]] for rows in map(films.rows, SIDES))
        positive = target == 1
        if any(len(np.unique(positive[rows])) < 2 for rows in (own, other)):
            continue
        model = HistGradientBoostingClassifier(random_state=0, max_iter=150)
        model.fit(features[own], positive[own])
        score = model.predict_proba(features[other])[:, 1]
        auc = partial(roc_auc, positive[other], score)
        found[name] = asdict(patient_bootstrap(auc, patients[other].tolist(), draws))
    return found


def _questions(films: FilmSet) -> dict[str, NDArray[np.float64]]:
    """What the statistics are asked: targets (n,) of every film, NaN where they do not count."""
    if films.task == "multilabel":
        targets = films.targets.astype(np.float64)
        return {name: targets[:, i] for i, name in enumerate(films.names)}
    labels = films.labels
    questions = {"positive": (labels > 0).astype(np.float64)}
    if films.names == ("normal", "bacterial", "viral"):
        bacterial = np.where(labels == 0, np.nan, (labels == 1).astype(np.float64))
        questions["bacterial_against_viral"] = bacterial
    return questions


def _f1(
    called: NDArray[np.bool_], ill: NDArray[np.bool_], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    hits = weights @ (called & ill).astype(np.float64)
    with np.errstate(invalid="ignore"):  # NaN where a draw holds neither called nor ill films
        return np.asarray(2 * hits / (weights @ (called.astype(np.float64) + ill)))
