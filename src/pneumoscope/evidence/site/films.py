"""A site's own labelled films, read and judged by a bundle."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.data.check import Broken
from pneumoscope.decision.gate import REFUSE
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
"""Of either class; with fewer there is nothing to fit or to measure."""
FEWEST_PATIENTS = 5
"""Of either class, likewise."""
REFITTED = {"distance": "outside-population"}
"""Gate scores whose limit a site sets, and the reason that they give. What is no chest film at all is
so everywhere."""


@dataclass(frozen=True, slots=True, eq=False)
class SiteFilms:
    """Labelled films with what the bundle says of them, in the order of the data.

    Attributes:
        name: Of the data folder.
        p: The bundle's class probabilities, float64 (films, classes).
        positive: bool (films,).
        classes: Class as the bundle counts them, (films,), `UNKNOWN` where the label does not say.
        labels: Label to number of films.
        patients: Key of each film's patient.
        written: What `predict` would write of each film.
        refused: Whether the gate refuses the film at the site's limits, bool (films,).
        gate_limits: Gate score to the site's limit, where the bundle's is not kept.
        older: P(positive) by the older bundle, (films,), if there is one.
        broken: Films that cannot be read; they are not among the others.
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
        """Films that the gate lets pass: only they get a verdict, so only they calibrate it."""
        return np.flatnonzero(~self.refused)


def read(
    root: Path,
    bundle: Bundle,
    older: Bundle | None = None,
    split: str = films.AUTO,
    cache: Path | None = None,
    progress: Progress = lambda _done, _total, _text: None,
) -> SiteFilms:
    """Reads every labelled film of a folder or manifest the product's own way.

    Args:
        root: Films in any layout, see `evaluation_films.choose`.
        bundle: Judges them.
        older: Another bundle that judges them too.
        split: Of `evaluation_films.SPLITS`.
        cache: Folder for decoded films of the bundle's training; None for the user's.
        progress: Called with (films done, films in all, what is done).

    Raises:
        DataError: No films, no labels, labels that the bundle does not know, or fewer than
            `FEWEST_FILMS` of a class that can be read and judged.
        UsageError: The bundle tells findings, not classes.
    """
    for one in (bundle, older):
        if one is not None and one.meta.negative is None:
            raise UsageError(
                f"bundle {one.title}: a site profile for several findings is not supported",
                "Name a bundle whose films have one class, such as the shipped one.",
            )
    choice = films.choose(root, [bundle], split, (), cache, progress)
    truth = truth_of(choice.entries, choice.listing, bundle)
    known = np.flatnonzero(~np.isnan(truth.targets[:, 0]))
    entries = [choice.entries[i] for i in known]
    _check_counts(root, truth.targets[known, 0] == 1, bundle, "with a label that it knows")
    found, broken = _predict(entries, bundle, "reading films", progress)
    before: dict[int, Prediction] = {}
    if older is not None:
        before, also = _predict(entries, older, f"predicting with {older.title}", progress)
        broken |= also
    kept = [i for i in range(len(entries)) if i not in broken]
    rows = known[kept]
    positive = truth.targets[rows, 0] == 1
    _check_counts(root, positive, bundle, "that can be read")
    limits = site_limits([found[i].gate for i in kept], bundle.meta)
    refused = np.array([is_refused(found[i].gate, limits) for i in kept])
    written = tuple(
        replace(written_of(_record(entries[i], found[i])), refused=bool(no))
        for i, no in zip(kept, refused, strict=True)
    )
    _check_counts(root, positive[~refused], bundle, "that its gate lets pass")
    keys = [entries[i].patient for i in kept]
    _check_patients(
        root, positive[~refused], [k for k, no in zip(keys, refused, strict=True) if not no]
    )
    labels = [films.label_of(entries[i], choice.listing) for i in kept]
    return SiteFilms(
        root.resolve().name,
        np.array([[found[i].probabilities[c] for c in bundle.meta.labels] for i in kept], float),
        positive,
        truth.classes[rows] if truth.classes is not None else np.full(len(rows), UNKNOWN),
        {name: labels.count(name) for name in dict.fromkeys(sorted(labels))},
        tuple(keys),
        written,
        refused,
        limits,
        np.array([before[i].p_positive for i in kept]) if older is not None else None,
        tuple(broken[i] for i in sorted(broken)),
        tuple(_warnings(choice, truth.unanswered, len(broken))),
    )


def site_limits(reports: Sequence[GateReport], meta: BundleMeta) -> dict[str, float]:
    """Limits of the scores in `REFITTED` that the site's own films ask for.

    Args:
        reports: The gate's, of every film.
        meta: Of the bundle whose limits they were.
    """
    known = meta.gate["limits"] if meta.gate is not None else {}
    found = {}
    for name in REFITTED.keys() & known.keys():
        values = np.array([report.scores[name] for report in reports])
        limit = fit.gate_limit(values, known[name])
        if limit is not None:
            found[name] = limit
    return found


def is_refused(report: GateReport, limits: dict[str, float]) -> bool:
    """Whether the gate refuses a film once the site's limits stand in the place of the bundle's."""
    forgiven = {REFITTED[name] for name, limit in limits.items() if report.scores[name] <= limit}
    return any(r.level == REFUSE and r.code not in forgiven for r in report.reasons)


def _record(entry: Entry, prediction: Prediction) -> dict[str, object]:
    return {"source": entry.name, **prediction_to_json(prediction)}


def _predict(
    entries: Sequence[Entry], bundle: Bundle, text: str, progress: Progress
) -> tuple[dict[int, Prediction], dict[int, Broken]]:
    # Refused films too: their probabilities and measurements are wanted.
    classifier = Classifier(bundle, settings=Settings(force=True, explain="none"))
    found, broken = {}, {}
    for outcome in classifier.predict_many([entry.path for entry in entries]):
        if outcome.prediction is not None:
            found[outcome.index] = outcome.prediction
        elif outcome.error is not None:
            error = outcome.error
            name = entries[outcome.index].name
            broken[outcome.index] = Broken(name, error.code, error.message, error.hint)
        progress(outcome.index + 1, len(entries), text)
    return found, broken


def _check_counts(root: Path, positive: NDArray[np.bool_], bundle: Bundle, which: str) -> None:
    meta = bundle.meta
    counts = {str(meta.negative): int((~positive).sum()), meta.positive: int(positive.sum())}
    for name, number in counts.items():
        if number < FEWEST_FILMS:
            counted = f"{number} films" if number else "no film"
            told = ", ".join(f"{n} {kind}" for kind, n in counts.items())
            raise DataError(
                f"{root}: {counted} of class {name} {which} (there are {told})",
                f"At least {FEWEST_FILMS} of either class are needed; 50 to 200 films in all are "
                "a good start.",
            )


def _check_patients(root: Path, positive: NDArray[np.bool_], patients: Sequence[str]) -> None:
    for kind in (positive, ~positive):
        number = len({key for key, own in zip(patients, kind, strict=True) if own})
        if number < FEWEST_PATIENTS:
            raise DataError(
                f"{root}: the films of one class are of {number} patients",
                f"Films of at least {FEWEST_PATIENTS} patients of either class are needed.",
            )


def _warnings(choice: Choice, unanswered: dict[str, int], broken: int) -> list[str]:
    said = [*choice.warnings, *choice.limits]
    said += [
        f"films labelled {name}, which says nothing to the bundle, left out: {count:,}"
        for name, count in sorted(unanswered.items())
    ]
    if any(training is not None for training in choice.training):
        said.append(
            f"these are films of the bundle's own data ({choice.words}): they are no site's own"
        )
    if broken:
        said.append(f"films that cannot be read, left out: {broken:,}")
    return said
