from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("scipy", reason="needs the [evidence] extra")

from patients import film_each
from pneumoscope.errors import UsageError
from pneumoscope.evidence.statistics import decision_curve
from pneumoscope.evidence.statistics.intervals import Bootstrap


def test_net_benefit_by_hand() -> None:
    positive = np.array([True, True, False, False, False])
    p = np.array([0.9, 0.3, 0.6, 0.2, 0.1])
    curve = decision_curve.decision_curve(positive, p, film_each(5), (0.25, 0.5))
    # At 0.25: 2 hits, 1 false alarm at odds 1/3. At 0.5: 1 and 1 at odds 1.
    assert [f.value for f in curve.model] == pytest.approx([(2 - 1 / 3) / 5, 0.0])
    # All: 2 hits, 3 false alarms.
    assert [f.value for f in curve.treat_all] == pytest.approx([(2 - 1) / 5, (2 - 3) / 5])
    assert [f.value for f in curve.gain] == pytest.approx([(2 - 1 / 3) / 5 - 0.2, 0.0])


def test_net_benefit_has_the_interval_of_its_mean() -> None:
    rng = np.random.default_rng(0)
    positive = rng.random(300) < 0.4
    p = np.clip(0.5 * positive + 0.5 * rng.random(300), 0, 1)
    benefit = decision_curve.decision_curve(positive, p, film_each(300, 4000), (0.5,)).model[0]
    each = (p >= 0.5) * np.where(positive, 1.0, -1.0)  # odds 1
    error = each.std(ddof=1) / np.sqrt(300)
    assert benefit.high is not None
    assert benefit.value is not None
    assert benefit.high - benefit.value == pytest.approx(1.968 * error, rel=0.05)


def test_risk_and_coverage_by_hand() -> None:
    # The surest film is right, then wrong, right, wrong.
    right = np.array([True, False, True, False])
    curve = decision_curve.risk_coverage(
        right, np.array([0.9, 0.8, 0.7, 0.6]), film_each(4), (0.25, 0.5, 0.75, 1.0)
    )
    assert [f.value for f in curve.risks] == pytest.approx([0, 1 / 2, 1 / 3, 1 / 2])
    assert curve.aurc.value == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 2) / 4)
    assert curve.full.value == 0.5


def test_films_of_equal_confidence_are_kept_together() -> None:
    # Whatever the order of the films, half of the two tied ones is wrong.
    confidence = np.array([0.9, 0.5, 0.5, 0.1])
    for right in ([True, True, False, True], [True, False, True, True]):
        curve = decision_curve.risk_coverage(np.array(right), confidence, film_each(4), (0.5,))
        assert curve.risks[0].value == pytest.approx(1 / 3)
        assert curve.aurc.value == pytest.approx((0 + 2 * (1 / 3) + 1 / 4) / 4)


def test_weights_are_repeated_films() -> None:
    rng = np.random.default_rng(0)
    right, confidence = rng.random(40) < 0.8, np.round(rng.random(40), 1)
    boot = Bootstrap.of([str(k // 2) for k in range(40)], draws=3)
    again = np.repeat(np.arange(40), boot.counts[1][boot.group])
    # Row 0 is what a figure's value comes from.
    first_draw = Bootstrap(boot.group, boot.counts[1:])
    weighted = decision_curve.risk_coverage(right, confidence, first_draw, (0.3, 0.7))
    repeated = decision_curve.risk_coverage(
        right[again], confidence[again], film_each(len(again)), (0.3, 0.7)
    )
    for figure, expected in zip(
        (*weighted.risks, weighted.aurc, weighted.full),
        (*repeated.risks, repeated.aurc, repeated.full),
        strict=True,
    ):
        assert figure.value == pytest.approx(expected.value)


def test_what_lies_out_of_range_is_refused() -> None:
    half = np.array([True, False])
    with pytest.raises(UsageError, match="between 0 and 1"):
        decision_curve.decision_curve(half, np.array([0.5, 0.5]), film_each(2), (0.5, 1.0))
    with pytest.raises(UsageError, match="coverages"):
        decision_curve.risk_coverage(half, np.array([0.5, 0.5]), film_each(2), (0.0,))
    with pytest.raises(UsageError, match="outside"):
        decision_curve.decision_curve(half, np.array([-0.5, 0.5]), film_each(2))
