"""A site calibrates a bundle on its own films: from films to a profile, figures and a verdict.

``site_films`` reads, ``site_fit`` fits and cross-fits, ``site_points`` carries the operating points of
an older bundle over, ``site_verdict`` judges, ``site_report`` shows.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.decision.conformal import Scores
from pneumoscope.decision.probability import p_positive
from pneumoscope.decision.profile import SitePoint, SiteProfile
from pneumoscope.decision.reader_settings import DEFAULT_ERROR
from pneumoscope.evidence.site import drift, fit
from pneumoscope.evidence.site import points as site_points
from pneumoscope.evidence.site import verdict as site_verdict
from pneumoscope.evidence.site.request import check
from pneumoscope.evidence.site.results import Calibrated, PointResult, Probabilities
from pneumoscope.evidence.statistics import reliability
from pneumoscope.evidence.statistics.calls import threshold_samples
from pneumoscope.evidence.statistics.intervals import Bootstrap, Figure, figure_of
from pneumoscope.metrics import Interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pneumoscope.bundle import Bundle
    from pneumoscope.evidence.site.films import SiteFilms
    from pneumoscope.evidence.site.request import SiteRequest
    from pneumoscope.records import OperatingPoint

MOST_REFERENCE = 500
"""Values of one drift channel in a profile: the reference of more films would hardly be better."""
_FILMS_PER_BIN = 10


def calibrate(films: SiteFilms, bundle: Bundle, asked: SiteRequest) -> Calibrated:
    """Fits and measures everything.

    Args:
        films: See `site_films.read`.
        bundle: That judged them.
        asked: See `SiteRequest`.

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
    site_p = p_positive(fitted.apply(p, negative), negative)
    choose = fit.own_points(positive)
    older = None
    if asked.older is not None and films.older is not None:
        older = site_points.older_calls(asked.older, films.older[rows])
        choose = site_points.carrying(older, asked.older, positive)
    crossed = fit.cross_fit(p, negative, positive, patients, choose)
    raw_p = p_positive(p, negative)
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
    bins = int(np.clip(len(p) // _FILMS_PER_BIN, 5, reliability.BINS))
    return Probabilities(
        reliability.calibration_error(positive, p, boot, bins),
        reliability.reliability(positive, p, boot, bins),
    )
