from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("scipy", reason="needs the [evidence] extra")

from scipy import stats

from patients import film_each
from pneumoscope.errors import UsageError
from pneumoscope.evidence.statistics import prior_shift


def films(priors: list[float], reference: list[float], number: int) -> np.ndarray:
    """Probabilities, right for the reference shares, of films with other shares."""
    rng = np.random.default_rng(0)
    truth = rng.choice(len(priors), number, p=priors)
    score = rng.normal(1.5 * truth)
    likelihood = np.stack([stats.norm.pdf(score, 1.5 * k) for k in range(len(priors))], axis=1)
    joint = likelihood * reference
    return np.asarray(joint / joint.sum(axis=1, keepdims=True))


@pytest.mark.parametrize(
    ("priors", "reference"),
    [([0.9, 0.1], [0.5, 0.5]), ([0.3, 0.7], [0.8, 0.2]), ([0.6, 0.3, 0.1], [0.2, 0.3, 0.5])],
)
def test_a_known_shift_is_recovered(priors: list[float], reference: list[float]) -> None:
    p = films(priors, reference, 3000)
    shift = prior_shift.estimate_priors(p, np.array(reference), film_each(3000))
    assert shift.reference == tuple(reference)
    for figure, share in zip(shift.priors, priors, strict=True):
        assert figure.value == pytest.approx(share, abs=0.04)
        assert figure.low is not None
        assert figure.high is not None
        assert figure.low - 0.01 < share < figure.high + 0.01
    assert sum(f.value for f in shift.priors) == pytest.approx(1.0)
    # What the films' shares would naively be taken for is far off.
    assert abs(p.mean(axis=0)[0] - priors[0]) > 0.1


def test_one_step_by_hand() -> None:
    # Two films, ratios (1.6, 0.4) and (0.8, 1.2); from equal shares the responsibilities of the
    # first class are 0.8 and 0.4, so its new share is 0.6. The maximum of
    # log(0.4 + 1.2 s) + log(1.2 - 0.4 s) lies at 2.4 s = 1.28, s = 4/3 > 1: the share is 1.
    p = np.array([[0.8, 0.2], [0.4, 0.6]])
    shift = prior_shift.estimate_priors(p, np.array([0.5, 0.5]), film_each(2, draws=5))
    assert shift.priors[0].value == pytest.approx(1.0, abs=1e-3)
    # Ratios (1.8, 0.2) and (0.4, 1.6): log(0.2 + 1.6 s) + log(1.6 - 1.2 s), maximum at s = 29/48.
    p = np.array([[0.9, 0.1], [0.2, 0.8]])
    shift = prior_shift.estimate_priors(p, np.array([0.5, 0.5]), film_each(2, draws=5))
    assert shift.priors[0].value == pytest.approx(29 / 48, abs=1e-4)


def test_the_estimate_of_each_draw_maximises_its_likelihood() -> None:
    p = films([0.7, 0.3], [0.5, 0.5], 200)
    ratio = p / 0.5
    weights = np.random.default_rng(0).integers(0, 3, (4, 200)).astype(float)
    estimates = prior_shift._maximise(ratio, weights, np.array([0.5, 0.5]))
    grid = np.linspace(0.001, 0.999, 999)
    for row, shares in zip(weights, estimates, strict=True):
        likelihood = row @ np.log(ratio[:, :1] * grid + ratio[:, 1:] * (1 - grid))
        assert shares[0] == pytest.approx(grid[likelihood.argmax()], abs=0.002)


def test_bayes_by_hand() -> None:
    # Odds 4 at equal shares; at 10 % positive they are 4 / 9: probability 4 / 13.
    p = np.array([[0.2, 0.8]])
    adjusted = prior_shift.adjust_priors(p, np.array([0.5, 0.5]), np.array([0.9, 0.1]))
    assert adjusted[0] == pytest.approx([9 / 13, 4 / 13])
    back = prior_shift.adjust_priors(adjusted, np.array([0.9, 0.1]), np.array([0.5, 0.5]))
    assert back == pytest.approx(p)


def test_shares_that_are_none_are_refused() -> None:
    p, half = np.array([[0.2, 0.8], [1.0, 0.0]]), np.array([0.5, 0.5])
    with pytest.raises(UsageError, match="not class shares"):
        prior_shift.adjust_priors(p, np.array([0.0, 1.0]), half)
    with pytest.raises(UsageError, match="not class shares"):
        prior_shift.adjust_priors(p, half, np.array([0.5, 0.6]))
    with pytest.raises(UsageError, match=r"shares \(3,\)"):
        prior_shift.estimate_priors(p, np.ones(3) / 3, film_each(2))
    with pytest.raises(UsageError, match="new share is 0"):
        prior_shift.adjust_priors(p, half, np.array([0.0, 1.0]))
    with pytest.raises(UsageError, match="not a number"):
        prior_shift.adjust_priors(np.array([[np.nan, 0.5]]), half, half)


@pytest.mark.slow
def test_draws_without_convergence_have_no_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most draws may converge in the very last step that is allowed; the others have no shares."""
    p = films([0.3, 0.7], [0.8, 0.2], 60)
    boot = film_each(60)
    for steps in range(1, 120):
        monkeypatch.setattr(prior_shift, "MOST_STEPS", steps)
        for figure in prior_shift.estimate_priors(p, np.array([0.8, 0.2]), boot).priors:
            assert (figure.value is None) == (
                figure.note == f"the iteration has not converged after {steps} steps"
            )
