"""A site's labelled films, read and judged by a bundle."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.data.check import Broken
from pneumoscope.decision.gate import REFUSE
from pneumoscope.decision.sentences import counted
from pneumoscope.errors import DataError, UsageError
from pneumoscope.evidence.evaluation import films
from pneumoscope.evidence.evaluation.truth import UNKNOWN, truth_of
from pneumoscope.evidence.site import fit
from pneumoscope.records import Settings
from pneumoscope.render.serialise import prediction_to_json
from pneumoscope.render.written import Written, written_of
from pneumoscope.runtime import Classifier

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from pneumoscope.bundle import Bundle, BundleMeta
    from pneumoscope.data.listing import Entry
    from pneumoscope.evidence.evaluation.films import Choice
    from pneumoscope.records import GateReport, Prediction

    Progress = Callable[[int, int, str], None]

FEWEST_FILMS = 10
"""Of either class; fewer are not enough to fit or to measure anything."""
FEWEST_PATIENTS = 5
"""Of either class, likewise."""
REFITTED = {"distance": "outside-population"}
"""Gate scores whose limit a site may raise, and the reason that they give. Pictures that are not chest
films are rejected everywhere."""


@dataclass(frozen=True, slots=True, eq=False)
class SiteFilms:
    """Labelled films with the predictions of the bundle, in the order of the data.

    Attributes:
        name: Name of the data folder.
        p: The bundle's class probabilities, float64 (films, classes).
        positive: bool (films,).
        classes: Class as the bundle counts them, (films,), `UNKNOWN` where the label does not say.
        labels: Label to number of films.
        patients: Key of each film's patient.
        written: Each film's prediction, as `predict` writes it.
        refused: Whether the gate refuses the film with the site's limits, bool (films,).
        gate_limits: Gate score to the site's limit, where it differs from the bundle's.
        older: P(positive) by the older bundle, (films,), if there is one.
        broken: Films that cannot be read; they are not included in the others.
        warnings: What is doubtful, in sentences.
    """

    name: str
    p: NDArray[np.float64]
    positive: NDArray[np.bool_]
    classes: NDArray[np.intp]
    labels: dict[str, int]
    patients: tuple[str, ...]
    written: tuple[Written, ...]
    refused: NDArray[np.bool_]
    gate_limits: dict[str, float]
    older: NDArray[np.float64] | None
    broken: tuple[Broken, ...]
    warnings: tuple[str, ...]

    @property
    def judged(self) -> NDArray[np.intp]:
        """Positions of the films that the gate lets pass: only they get a verdict, so only they calibrate."""
        return np.flatnonzero(~self.refused)


def read(
    root: Path,
    bundle: Bundle,
    older: Bundle | None = None,
    split: str = films.AUTO,
    cache: Path | None = None,
    progress: Progress = lambda _done, _total, _text: None,
) -> SiteFilms:
    """Reads every labelled film of a folder or manifest as the product does.

    Args:
        root: Films in any layout, see `evaluation.films.choose`.
        bundle: Judges them.
        older: Another bundle that also judges them.
        split: One of `evaluation.films.SPLITS`.
        cache: Folder for decoded films of the bundle's training; None for the user's.
        progress: Called with (films done, films in all, step).

    Raises:
        DataError: No films, no labels, labels that the bundle does not know, or fewer than
            `FEWEST_FILMS` of a class that can be read and judged.
        UsageError: The bundle is for findings, not for classes.
    """
    _check_one_class(bundle)
    if older is not None:
        _check_one_class(older)
    choice = films.choose(root, [bundle], split, (), cache, progress)
    truth = truth_of(choice.entries, choice.listing, bundle)
    known = np.flatnonzero(~np.isnan(truth.targets[:, 0]))
    entries = [choice.entries[i] for i in known]
    _check_counts(root, truth.targets[known, 0] == 1, bundle, "with a label that it knows")
    predictions, broken = _predict(entries, bundle, "reading films", progress)
    older_predictions: dict[int, Prediction] = {}
    if older is not None:
        older_predictions, older_broken = _predict(
            entries, older, f"predicting with {older.title}", progress
        )
        broken |= older_broken
    kept = [i for i in range(len(entries)) if i not in broken]
    rows = known[kept]
    site = _site_films(
        [entries[i] for i in kept],
        [predictions[i] for i in kept],
        truth.targets[rows, 0] == 1,
        bundle,
        root,
    )
    labels = [films.label_of(entries[i], choice.listing) for i in kept]
    return replace(
        site,
        classes=truth.classes[rows] if truth.classes is not None else site.classes,
        labels={name: labels.count(name) for name in dict.fromkeys(sorted(labels))},
        older=np.array([older_predictions[i].p_positive for i in kept])
        if older is not None
        else None,
        broken=tuple(broken[i] for i in sorted(broken)),
        warnings=tuple(_warnings(choice, truth.unanswered, len(broken))),
    )


def _site_films(
    entries: Sequence[Entry],
    predictions: Sequence[Prediction],
    positive: NDArray[np.bool_],
    bundle: Bundle,
    root: Path,
) -> SiteFilms:
    """Films that could be read, judged by the gate with the site's limits."""
    _check_counts(root, positive, bundle, "that can be read")
    limits = site_limits([prediction.gate for prediction in predictions], bundle.meta)
    refused = np.array([is_refused(prediction.gate, limits) for prediction in predictions])
    _check_counts(root, positive[~refused], bundle, "that its gate lets pass")
    patients = tuple(entry.patient for entry in entries)
    passed = [key for key, no in zip(patients, refused, strict=True) if not no]
    _check_patients(root, positive[~refused], passed)
    labels = bundle.meta.labels
    return SiteFilms(
        name=root.resolve().name,
        p=np.array([[film.probabilities[name] for name in labels] for film in predictions], float),
        positive=positive,
        classes=np.full(len(entries), UNKNOWN),
        labels={},
        patients=patients,
        written=tuple(
            replace(written_of(_record(entry, film)), refused=bool(no))
            for entry, film, no in zip(entries, predictions, refused, strict=True)
        ),
        refused=refused,
        gate_limits=limits,
        older=None,
        broken=(),
        warnings=(),
    )


def site_limits(reports: Sequence[GateReport], meta: BundleMeta) -> dict[str, float]:
    """Limits of the scores in `REFITTED` that the site's films require.

    Args:
        reports: Reports of the gate, for every film.
        meta: Metadata of the bundle, with its limits.
    """
    known = meta.gate["limits"] if meta.gate is not None else {}
    limits = {}
    for name in REFITTED.keys() & known.keys():
        values = np.array([report.scores[name] for report in reports])
        limit = fit.gate_limit(values, known[name])
        if limit is not None:
            limits[name] = limit
    return limits


def is_refused(report: GateReport, limits: dict[str, float]) -> bool:
    """Whether the gate refuses a film if the site's limits replace those of the bundle."""
    forgiven = {REFITTED[name] for name, limit in limits.items() if report.scores[name] <= limit}
    return any(r.level == REFUSE and r.code not in forgiven for r in report.reasons)


def _record(entry: Entry, prediction: Prediction) -> dict[str, object]:
    return {"source": entry.name, **prediction_to_json(prediction)}


def _predict(
    entries: Sequence[Entry], bundle: Bundle, text: str, progress: Progress
) -> tuple[dict[int, Prediction], dict[int, Broken]]:
    # With verdicts of refused films: their probabilities and measurements are needed.
    classifier = Classifier(bundle, settings=Settings(force=True, explain="none"))
    predictions, broken = {}, {}
    for outcome in classifier.predict_many([entry.path for entry in entries]):
        if outcome.prediction is not None:
            predictions[outcome.index] = outcome.prediction
        elif outcome.error is not None:
            error = outcome.error
            name = entries[outcome.index].name
            broken[outcome.index] = Broken(name, error.code, error.message, error.hint)
        progress(outcome.index + 1, len(entries), text)
    return predictions, broken


def _check_one_class(bundle: Bundle) -> None:
    if bundle.meta.negative is None:
        raise UsageError(
            f"bundle {bundle.title}: a site profile for several findings is not supported",
            "Name a bundle whose films have one class, such as the shipped one.",
        )


def _check_counts(root: Path, positive: NDArray[np.bool_], bundle: Bundle, which: str) -> None:
    meta = bundle.meta
    counts = {str(meta.negative): int((~positive).sum()), meta.positive: int(positive.sum())}
    for name, number in counts.items():
        if number < FEWEST_FILMS:
            all_counts = ", ".join(f"{n} {kind}" for kind, n in counts.items())
            raise DataError(
                f"{root}: {counted(number, 'film') if number else 'no film'} of class {name} {which} (there are {all_counts})",
                f"At least {FEWEST_FILMS} of either class are needed; 50 to 200 films in all are "
                "a good start.",
            )


def _check_patients(root: Path, positive: NDArray[np.bool_], patients: Sequence[str]) -> None:
    for kind in (positive, ~positive):
        number = len({key for key, inside in zip(patients, kind, strict=True) if inside})
        if number < FEWEST_PATIENTS:
            raise DataError(
                f"{root}: the films of one class are of {counted(number, 'patient')}",
                f"Films of at least {FEWEST_PATIENTS} patients of either class are needed.",
            )


def _warnings(choice: Choice, unanswered: dict[str, int], broken: int) -> list[str]:
    warnings = [*choice.warnings, *choice.limits]
    warnings += [
        f"films labelled {name}, which says nothing to the bundle, left out: {count:,}"
        for name, count in sorted(unanswered.items())
    ]
    if any(training is not None for training in choice.training):
        warnings.append(
            f"these are films of the bundle's own data ({choice.words}), not films of a site"
        )
    if broken:
        warnings.append(f"films that cannot be read, left out: {broken:,}")
    return warnings
