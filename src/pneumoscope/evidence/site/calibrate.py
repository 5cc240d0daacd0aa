"""A site calibrates a bundle on its own films: from films to a profile, figures and a verdict.

``site_films`` reads, ``site_fit`` fits and cross-fits, ``site_points`` carries the operating points of
an older bundle over, ``site_verdict`` judges, ``site_report`` shows.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope import __version__
from pneumoscope.decision.conformal import DEFAULT_ERROR, Scores
from pneumoscope.decision.profile import SitePoint, SiteProfile
from pneumoscope.errors import UsageError
from pneumoscope.evidence.site import drift, fit
from pneumoscope.evidence.site import points as site_points
from pneumoscope.evidence.site import verdict as site_verdict
from pneumoscope.evidence.statistics import calibration
from pneumoscope.evidence.statistics.calls import threshold_samples
from pneumoscope.evidence.statistics.intervals import Bootstrap, Figure, figure_of
from pneumoscope.metrics import Interval
from pneumoscope.render.serialise import NOTICE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pneumoscope.bundle import Bundle
    from pneumoscope.data.check import Broken
    from pneumoscope.evidence.site.films import SiteFilms
    from pneumoscope.evidence.site.points import CarriedPoint
    from pneumoscope.evidence.statistics.calibration import Bin, CalibrationError
    from pneumoscope.records import OperatingPoint

MOST_REFERENCE = 500
"""Values of one drift channel in a profile: the reference of more films would hardly be better."""
_FILMS_PER_BIN = 10


@dataclass(frozen=True, slots=True)
class PointResult:
    """An operating point on the site's films.

    Attributes:
        point: The site's.
        sensitivity: Of calls by points that had no part in choosing (cross-fitted).
        specificity: Likewise.
        bundle_threshold: The bundle's own threshold of that name, on its own P(positive); None if
            it has none.
        bundle_sensitivity: At that threshold.
        bundle_specificity: Likewise.
    """

    point: OperatingPoint
    sensitivity: Figure
    specificity: Figure
    bundle_threshold: float | None
    bundle_sensitivity: Figure
    bundle_specificity: Figure


@dataclass(frozen=True, slots=True)
class Probabilities:
    """How well probabilities fit the labels, by the bundle and by the site.

    Attributes:
        error: Expected calibration error.
        bins: Of the reliability plot.
    """

    error: CalibrationError
    bins: tuple[Bin, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Calibrated:
    """What came of a site's films.

    Attributes:
        profile: What is written.
        points: The profile's operating points, measured.
        before: The bundle's probabilities.
        after: The site's, of films that had no part in the fit.
        undetermined: Share of films whose conformal set at error 5 % is not one class.
        carried: Operating points of an older bundle on the new one; empty without one.
        refused: Share of all films that the gate refuses.
        p: Cross-fitted P(positive) of the judged films, for the plot.
        positive: Whether these are positive.
        broken: Films that cannot be read.
        warnings: What is doubtful, in sentences.
    """

    profile: SiteProfile
    points: tuple[PointResult, ...]
    before: Probabilities
    after: Probabilities
    undetermined: Figure
    carried: tuple[CarriedPoint, ...]
    refused: float
    p: NDArray[np.float64]
    positive: NDArray[np.bool_]
    broken: tuple[Broken, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the site says of itself and asks for.

    Attributes:
        name: Of the site.
        prevalence: In its practice, in (0, 1), or None.
        goal: What the verdict asks for.
        older: Older bundle, and the points and the calibration that were in use with it; or None.
    """

    name: str
    prevalence: float | None
    goal: site_verdict.Goal
    older: site_points.Older | None = None


def check(asked: Asked) -> None:
    """Refuses settings out of range, before films are read.

    Raises:
        UsageError: Naming the setting.
    """
    if not asked.name.strip():
        raise UsageError("the site has no name", "Name it with --name.")
    shares = {
        "--prevalence": asked.prevalence,
        "--min-sensitivity": asked.goal.sensitivity,
        "--min-specificity": asked.goal.specificity,
    }
    for option, share in shares.items():
        if share is not None and not 0 < share < 1:
            raise UsageError(f"{option} {share:g} is not between 0 and 1", "0.05 stands for 5 %.")


def calibrate(films: SiteFilms, bundle: Bundle, asked: Asked) -> Calibrated:
    """Fits and measures everything.

    Args:
        films: See `site_films.read`.
        bundle: That judged them.
        asked: See `Asked`.

    Raises:
        DataError: The bundle's answer runs against the labels.
        UsageError: A setting is out of range.
    """
    check(asked)
    meta = bundle.meta
    negative = meta.labels.index(str(meta.negative))
    rows = films.judged
    p, positive = films.p[rows], films.positive[rows]
    patients = [films.patients[i] for i in rows]
    boot = Bootstrap.of(patients)
    every = np.arange(len(rows))
    fitted = fit.fit_rows(p, negative, positive, patients, every)
    site_p = 1 - fitted.apply(p, negative)[:, negative]
    choose = fit.own_points(positive)
    older = None
    if asked.older is not None and films.older is not None:
        older = site_points.older_calls(asked.older, films.older[rows])
        choose = site_points.carrying(older, asked.older, positive)
    crossed = fit.cross_fit(p, negative, positive, patients, choose)
    raw_p = 1 - p[:, negative]
    points = tuple(
        _measured(point, crossed.called[point.name], (positive, raw_p), meta.operating_points, boot)
        for point in choose(every, site_p)
    )
    carried = (
        site_points.compared([r.point for r in points], older, crossed.called, positive, boot)
        if older is not None
        else ()
    )
    names = [result.point.name for result in points]
    default = meta.default_operating_point
    default = default if default in names else names[0]
    # As `triage.judge` does: a verdict is the class that is called, alone in the set.
    called = crossed.called[default]
    unclear = (crossed.holds != np.stack([~called, called], axis=1)).any(axis=1)
    undetermined = figure_of(
        boot.over(lambda w: (w @ unclear) / w.sum(axis=1)), boot, "unit", trials=boot.patients
    )
    kinds = fit.kind_scores(p, films.classes[rows], meta.labels, negative).kinds
    scores = fit.scores_of(crossed.p, positive, meta.positive)
    if scores.smallest_error > DEFAULT_ERROR and meta.conformal is not None:
        scores = fit.carried_scores(meta.conformal, fitted, meta.positive)
    main = points[names.index(default)]
    verdict, reasons = site_verdict.judge(
        main, site_verdict.Seen(positive, patients, undetermined, films), asked.goal
    )
    profile = SiteProfile(
        name=asked.name,
        created=datetime.now(UTC).date().isoformat(),
        bundle=bundle.title,
        bundle_sha256=bundle.sha256,
        films=len(rows),
        patients=boot.patients,
        classes=films.labels,
        prevalence=asked.prevalence,
        calibration=fitted,
        points=tuple(
            SitePoint(r.point, _interval(r.sensitivity), _interval(r.specificity)) for r in points
        ),
        default_operating_point=default,
        conformal=Scores(scores.questions, kinds),
        gate_limits=films.gate_limits,
        reference=reference_of(films),
        verdict=verdict,
        reasons=tuple(reasons),
    )
    return Calibrated(
        profile,
        points,
        _probabilities(positive, raw_p, boot),
        _probabilities(positive, crossed.p, boot),
        undetermined,
        carried,
        float(films.refused.mean()),
        crossed.p,
        positive,
        films.broken,
        films.warnings,
    )


def reference_of(films: SiteFilms, seed: int = 0) -> dict[str, tuple[float, ...]]:
    """Drift channel to the values of the first film of each patient, at most `MOST_REFERENCE`.

    One film each: the test needs films that know nothing of one another.
    """
    seen: set[str] = set()
    first = []
    for key, one in zip(films.patients, films.written, strict=True):
        if key not in seen:
            first.append(one)
        seen.add(key)
    rng = np.random.default_rng(seed)
    if len(first) > MOST_REFERENCE:
        first = [first[i] for i in rng.choice(len(first), MOST_REFERENCE, replace=False)]
    return {
        name: tuple(np.sort(values).tolist())
        for name, (_, values) in drift.values_of(first).items()
    }


def to_json(result: Calibrated) -> dict[str, Any]:
    """All figures as JSON-ready values: no film but those that cannot be read."""
    profile = asdict(result.profile)
    # The lists are in the profile's own file.
    for name in ("conformal", "reference"):
        del profile[name]
    return {
        "notice": NOTICE,
        "verdict": result.profile.verdict,
        "reasons": list(result.profile.reasons),
        "profile": profile,
        "points": [asdict(point) for point in result.points],
        "calibration": {"before": asdict(result.before), "after": asdict(result.after)},
        "undetermined": {"error": DEFAULT_ERROR, **asdict(result.undetermined)},
        "carried": [asdict(point) for point in result.carried],
        "refused": result.refused,
        "broken": [asdict(film) for film in result.broken],
        "warnings": list(result.warnings),
        "pneumoscope": __version__,
    }


def _measured(
    point: OperatingPoint,
    called: NDArray[np.bool_],
    films: tuple[NDArray[np.bool_], NDArray[np.float64]],
    bundle_points: Sequence[OperatingPoint],
    boot: Bootstrap,
) -> PointResult:
    positive, raw_p = films
    own = next((p.threshold for p in bundle_points if p.name == point.name), None)
    nothing = Figure(None, note="the bundle has no operating point of this name")
    plain = (nothing, nothing)
    if own is not None:
        plain = site_points.figures(threshold_samples(positive, raw_p >= own, boot), positive, boot)
    samples = threshold_samples(positive, called, boot)
    return PointResult(point, *site_points.figures(samples, positive, boot), own, *plain)


def _interval(figure: Figure) -> Interval | None:
    if figure.value is None or figure.low is None or figure.high is None:
        return None
    return Interval(figure.value, figure.low, figure.high)


def _probabilities(
    positive: NDArray[np.bool_], p: NDArray[np.float64], boot: Bootstrap
) -> Probabilities:
    bins = int(np.clip(len(p) // _FILMS_PER_BIN, 5, calibration.BINS))
    return Probabilities(
        calibration.calibration_error(positive, p, boot, bins),
        calibration.reliability(positive, p, boot, bins),
    )
