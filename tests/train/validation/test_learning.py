"""Networks of no use: chance, or a class that is never called."""

from __future__ import annotations

import numpy as np
import pytest

from pneumoscope.records import OperatingPoint
from pneumoscope.train.validation.learning import learned_nothing
from pneumoscope.train.validation.predictions import PLAIN, Validation

NAMES = ("normal", "pneumonia")


def binary(p_ill: np.ndarray, p_healthy: np.ndarray) -> Validation:
    p = np.concatenate([p_healthy, p_ill])
    truth = np.repeat([0, 1], [len(p_healthy), len(p_ill)])
    patients = tuple(f"p{i}" for i in range(len(p)))
    return Validation(truth, patients, {PLAIN: np.stack([1 - p, p], axis=1)})


def at(threshold: float, finding: str | None = None) -> OperatingPoint:
    return OperatingPoint("balanced", threshold, "", finding)


def reasons(v: Validation, threshold: float = 0.5) -> tuple[str, ...]:
    return learned_nothing(v, NAMES, [at(threshold)], draws=200)


def test_a_network_that_has_learned() -> None:
    spread = np.linspace(0, 0.45, 30)
    assert reasons(binary(0.5 + spread, spread)) == ()


def test_an_auc_that_may_be_chance() -> None:
    same = np.linspace(0, 1, 30)
    (reason,) = reasons(binary(same, same))
    assert reason.startswith("the AUC on the validation films is 0.500 [")
    assert reason.endswith("which may be chance (0.5)")
    # Worse than chance is no better.
    spread = np.linspace(0, 0.45, 30)
    reason = reasons(binary(spread, 0.5 + spread))[0]
    assert "is 0.0" in reason
    assert reason.endswith("which is worse than chance (0.5)")


def test_a_class_that_is_never_called() -> None:
    low = binary(np.linspace(0.3, 0.4, 30), np.linspace(0.1, 0.2, 30))
    assert reasons(low) == ("no validation film is called pneumonia",)
    assert reasons(low, 0.05) == ("no validation film is called normal",)
    assert reasons(low, 0.25) == ()


def test_a_class_that_is_never_the_most_probable() -> None:
    truth = np.repeat([0, 1, 2], 20)
    p = np.repeat([[0.8, 0.1, 0.1], [0.1, 0.6, 0.3], [0.1, 0.5, 0.4]], 20, axis=0)
    p += np.linspace(0, 0.01, 60)[:, None]
    v = Validation(truth, tuple(map(str, range(60))), {PLAIN: p})
    words = learned_nothing(v, ("normal", "bacterial", "viral"), [at(0.5)], draws=200)
    assert words == ("viral is the most probable class of no validation film",)


def test_findings() -> None:
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 2, (80, 2)).astype(np.float32)
    patients = tuple(map(str, range(80)))
    good = np.clip(truth * 0.5 + rng.random((80, 2)) * 0.4, 0, 1)
    points = [at(0.45, "Edema"), at(0.95, "Mass")]
    v = Validation(truth, patients, {PLAIN: good})
    words = learned_nothing(v, ("Edema", "Mass"), points, draws=200)
    assert words == ("Mass is called on no validation film",)
    chance = Validation(truth, patients, {PLAIN: rng.random((80, 2))})
    words = learned_nothing(chance, ("Edema", "Mass"), [at(0.5, "Edema"), at(0.5, "Mass")], 200)
    assert words[0].startswith("the mean AUC on the validation films is 0.")
    nothing_known = Validation(np.full((80, 2), np.nan), patients, {PLAIN: good})
    assert learned_nothing(nothing_known, ("Edema", "Mass"), points) == ()


@pytest.mark.parametrize("p", [0.2, 0.9])
def test_a_constant_network(p: float) -> None:
    constant = np.full(20, p)
    assert len(reasons(binary(constant, constant))) == 2
