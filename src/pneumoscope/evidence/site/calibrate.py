"""A site calibrates a bundle on its own films: from films to a profile, figures and a verdict.

`films` reads, `fit` fits and cross-fits, `points` carries the operating points of an older bundle over,
`verdict` judges, and `report.site` shows the results.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.decision.conformal import Scores
from pneumoscope.decision.probability import p_positive
from pneumoscope.decision.profile import SitePoint, SiteProfile
from pneumoscope.decision.reader_settings import DEFAULT_ERROR
from pneumoscope.evidence.site import drift, fit
from pneumoscope.evidence.site.points import carrying, compared, figures, older_calls
from pneumoscope.evidence.site.request import check
from pneumoscope.evidence.site.results import Calibrated, PointResult, Probabilities
from pneumoscope.evidence.site.verdict import JudgedFilms, judge
from pneumoscope.evidence.statistics import reliability
from pneumoscope.evidence.statistics.calls import threshold_samples
from pneumoscope.evidence.statistics.intervals import Bootstrap, Figure
from pneumoscope.evidence.statistics.shares import share_figure
from pneumoscope.metrics import Interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pneumoscope.bundle import Bundle, BundleMeta
    from pneumoscope.decision.calibration import Calibration
    from pneumoscope.evidence.site.films import SiteFilms
    from pneumoscope.evidence.site.fit import CrossFit
    from pneumoscope.evidence.site.points import CarriedPoint, OlderCalls
    from pneumoscope.evidence.site.request import SiteRequest
    from pneumoscope.evidence.statistics.intervals import Array
    from pneumoscope.records import OperatingPoint

MOST_REFERENCE = 500
"""Values of one drift channel in a profile: more films would hardly improve the reference."""
_FILMS_PER_BIN = 10


@dataclass(frozen=True, slots=True, eq=False)
class _Judged:
    """The films that the gate lets pass.

    Attributes:
        p: The bundle's class probabilities, (films, classes).
        negative: Column of the negative class.
        positive: bool (films,).
        classes: Class as the bundle counts them, (films,).
        patients: Key of each film's patient.
        boot: Draws of the patients.
    """

    p: Array
    negative: int
    positive: NDArray[np.bool_]
    classes: NDArray[np.intp]
    patients: Sequence[str]
    boot: Bootstrap

    @property
    def raw_p(self) -> Array:
        """The bundle's own P(positive), (films,)."""
        return p_positive(self.p, self.negative)


@dataclass(frozen=True, slots=True, eq=False)
class _Fits:
    """What was fitted to the films.

    Attributes:
        calibration: Fitted to all films.
        points: Operating points, chosen on all films.
        crossed: Calls and sets of films that had no part in the fit.
        older: Calls of the older bundle, if there is one.
    """

    calibration: Calibration
    points: Sequence[OperatingPoint]
    crossed: CrossFit
    older: OlderCalls | None


@dataclass(frozen=True, slots=True, eq=False)
class _Measures:
    """What was measured on films that had no part in the fit.

    Attributes:
        points: Every operating point.
        default: The point that applies unless the reader names another.
        undetermined: Share of films without a clear verdict at the default point.
        carried: Comparison with an older bundle, if there is one.
    """

    points: tuple[PointResult, ...]
    default: PointResult
    undetermined: Figure
    carried: tuple[CarriedPoint, ...]


def calibrate(films: SiteFilms, bundle: Bundle, request: SiteRequest) -> Calibrated:
    """Fits and measures everything.

    Args:
        films: See `films.read`.
        bundle: The bundle that judged them.
        request: See `request.SiteRequest`.

    Raises:
        DataError: The bundle's probability contradicts the labels.
        UsageError: A setting is out of range.
    """
    check(request)
    judged = _judged(films, bundle.meta)
    fits = _fits(judged, films, request)
    measures = _measures(judged, fits, bundle.meta)
    verdict, reasons = judge(
        measures.default,
        JudgedFilms(judged.positive, judged.patients, measures.undetermined, films),
        request.goal,
    )
    profile = SiteProfile(
        name=request.name,
        created=datetime.now(UTC).date().isoformat(),
        bundle=bundle.title,
        bundle_sha256=bundle.sha256,
        films=len(judged.positive),
        patients=judged.boot.patients,
        classes=films.labels,
        prevalence=request.prevalence,
        calibration=fits.calibration,
        points=tuple(
            SitePoint(result.point, _interval(result.sensitivity), _interval(result.specificity))
            for result in measures.points
        ),
        default_operating_point=measures.default.point.name,
        conformal=_conformal(judged, fits, bundle.meta),
        gate_limits=films.gate_limits,
        reference=reference_of(films),
        verdict=verdict,
        reasons=tuple(reasons),
    )
    return Calibrated(
        profile=profile,
        points=measures.points,
        before=_probabilities(judged.positive, judged.raw_p, judged.boot),
        after=_probabilities(judged.positive, fits.crossed.p, judged.boot),
        undetermined=measures.undetermined,
        carried=measures.carried,
        refused=float(films.refused.mean()),
        p=fits.crossed.p,
        positive=judged.positive,
        broken=films.broken,
        warnings=films.warnings,
    )


def reference_of(films: SiteFilms) -> dict[str, tuple[float, ...]]:
    """Drift channel to the values of the first film of each patient, at most `MOST_REFERENCE`.

    One film per patient: the test needs independent films.
    """
    seen: set[str] = set()
    first = []
    for key, film in zip(films.patients, films.written, strict=True):
        if key not in seen:
            first.append(film)
        seen.add(key)
    rng = np.random.default_rng(0)
    if len(first) > MOST_REFERENCE:
        first = [first[i] for i in rng.choice(len(first), MOST_REFERENCE, replace=False)]
    return {
        name: tuple(np.sort(values).tolist())
        for name, (_, values) in drift.values_of(first).items()
    }


def _judged(films: SiteFilms, meta: BundleMeta) -> _Judged:
    rows = films.judged
    patients = [films.patients[i] for i in rows]
    return _Judged(
        p=films.p[rows],
        negative=meta.labels.index(str(meta.negative)),
        positive=films.positive[rows],
        classes=films.classes[rows],
        patients=patients,
        boot=Bootstrap.of(patients),
    )


def _fits(judged: _Judged, films: SiteFilms, request: SiteRequest) -> _Fits:
    p, negative, positive = judged.p, judged.negative, judged.positive
    every = np.arange(len(positive))
    calibration = fit.fit_rows(p, negative, positive, judged.patients, every)
    choose, older = fit.own_points(positive), None
    if request.older is not None and films.older is not None:
        older = older_calls(request.older, films.older[films.judged])
        choose = carrying(older, request.older, positive)
    return _Fits(
        calibration=calibration,
        points=choose(every, p_positive(calibration.apply(p, negative), negative)),
        crossed=fit.cross_fit(p, negative, positive, judged.patients, choose),
        older=older,
    )


def _measures(judged: _Judged, fits: _Fits, meta: BundleMeta) -> _Measures:
    called, positive, boot = fits.crossed.called, judged.positive, judged.boot
    points = tuple(
        _measured(point, called[point.name], judged, meta.operating_points) for point in fits.points
    )
    names = [point.name for point in fits.points]
    default = meta.default_operating_point if meta.default_operating_point in names else names[0]
    carried: tuple[CarriedPoint, ...] = ()
    if fits.older is not None:
        carried = compared(fits.points, fits.older, called, positive, boot)
    return _Measures(
        points=points,
        default=points[names.index(default)],
        undetermined=_undetermined(fits.crossed, default, boot),
        carried=carried,
    )


def _measured(
    point: OperatingPoint,
    called: NDArray[np.bool_],
    judged: _Judged,
    bundle_points: Sequence[OperatingPoint],
) -> PointResult:
    positive, boot = judged.positive, judged.boot
    threshold = next((p.threshold for p in bundle_points if p.name == point.name), None)
    nothing = Figure(None, note="the bundle has no operating point of this name")
    bundle_sides = (nothing, nothing)
    if threshold is not None:
        samples = threshold_samples(positive, judged.raw_p >= threshold, boot)
        bundle_sides = figures(samples, positive, boot)
    sides = figures(threshold_samples(positive, called, boot), positive, boot)
    return PointResult(
        point=point,
        sensitivity=sides[0],
        specificity=sides[1],
        bundle_threshold=threshold,
        bundle_sensitivity=bundle_sides[0],
        bundle_specificity=bundle_sides[1],
    )


def _undetermined(crossed: CrossFit, point: str, boot: Bootstrap) -> Figure:
    """Share of films whose set is not exactly the class that is called, as in `triage.judge`."""
    called = crossed.called[point]
    unclear = (crossed.holds != np.stack([~called, called], axis=1)).any(axis=1)
    return share_figure(unclear, np.ones(len(called), bool), boot)


def _conformal(judged: _Judged, fits: _Fits, meta: BundleMeta) -> Scores:
    """Scores of the site's films; those of the bundle where the site has too few films."""
    scores = fit.scores_of(fits.crossed.p, judged.positive, meta.positive)
    if scores.smallest_error > DEFAULT_ERROR and meta.conformal is not None:
        scores = fit.carried_scores(meta.conformal, fits.calibration, meta.positive)
    kinds = fit.kind_scores(judged.p, judged.classes, meta.labels, judged.negative).kinds
    return Scores(scores.questions, kinds)


def _interval(figure: Figure) -> Interval | None:
    if figure.value is None or figure.low is None or figure.high is None:
        return None
    return Interval(figure.value, figure.low, figure.high)


def _probabilities(positive: NDArray[np.bool_], p: Array, boot: Bootstrap) -> Probabilities:
    bins = int(np.clip(len(p) // _FILMS_PER_BIN, 5, reliability.BINS))
    return Probabilities(
        reliability.calibration_error(positive, p, boot, bins),
        reliability.reliability(positive, p, boot, bins),
    )
