"""What a reader chooses of what a bundle offers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pneumoscope.decision.calibration import Calibration
from pneumoscope.decision.conformal import Scores, Sides
from pneumoscope.decision.rules import BundleRules, Labels, Rules, points_named
from pneumoscope.errors import UnknownOperatingPoint, UsageError
from pneumoscope.records import OperatingPoint, Population, Settings

SIDE = tuple(np.linspace(0.1, 0.9, 99))
OFFERED = BundleRules(
    bundle="tiny 1",
    labels=Labels(("normal", "sick"), "normal", "PNEUMONIA"),
    calibration=Calibration(prevalence=0.5),
    conformal=Scores({"PNEUMONIA": Sides(SIDE, SIDE)}),
    operating_points=(
        OperatingPoint("balanced", 0.5, "by hand"),
        OperatingPoint("screen", 0.1, "x"),
    ),
    default_operating_point="balanced",
    population=Population("tests", None, ()),
)


def rules(offered: BundleRules = OFFERED, **settings: Any) -> Rules:
    return Rules.of(offered, Settings(**settings))


@pytest.mark.parametrize(
    ("names", "negative", "column"),
    [(("a", "normal"), "normal", 1), (("normal", "a"), "normal", 0), (("a", "b"), None, None)],
)
def test_where_the_negative_class_stands(
    names: tuple[str, ...], negative: str | None, column: int | None
) -> None:
    assert Labels(names, negative, "SICK").negative_column == column


def test_who_chooses_nothing_gets_the_defaults() -> None:
    made = rules()
    assert [point.name for point in made.points] == ["balanced"]
    assert (made.prevalence, made.force) == (None, False)
    assert made.offered is OFFERED
    assert made.limits == OFFERED.conformal.at(0.05)  # type: ignore[union-attr]


def test_choices_are_taken() -> None:
    made = rules(operating_point="screen", error=0.1, prevalence=0.2, force=True)
    assert [point.threshold for point in made.points] == [0.1]
    assert made.limits == OFFERED.conformal.at(0.1)  # type: ignore[union-attr]
    assert (made.prevalence, made.force) == (0.2, True)


def test_the_sites_prevalence_holds_where_none_is_given() -> None:
    site = replace(OFFERED, prevalence=0.05)
    assert rules(site).prevalence == 0.05
    assert rules(site, prevalence=0.4).prevalence == 0.4


def test_without_scores_nothing_is_undetermined() -> None:
    plain = replace(OFFERED, conformal=None)
    assert rules(plain).limits is None
    with pytest.raises(UsageError, match=r"error 0\.1 cannot be kept: the bundle tiny 1") as error:
        rules(plain, error=0.1)
    assert "never UNDETERMINED" in error.value.hint


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, 2.0, float("nan")])
@pytest.mark.parametrize("name", ["error", "prevalence"])
def test_shares_lie_between_0_and_1(name: str, share: float) -> None:
    with pytest.raises(UsageError):
        rules(**{name: share})


def test_an_error_that_so_few_films_cannot_keep() -> None:
    few = replace(OFFERED, conformal=Scores({"PNEUMONIA": Sides(SIDE[:20], SIDE)}))
    with pytest.raises(UsageError):
        rules(few, error=0.001)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"labels": Labels(("Mass", "Nodule"), None, "ABNORMAL")}, "knows several findings"),
        ({"calibration": Calibration()}, "does not say to which prevalence"),
    ],
)
def test_bundles_whose_probabilities_cannot_be_corrected(
    changes: dict[str, Any], words: str
) -> None:
    offered = replace(OFFERED, **changes)
    assert rules(offered).prevalence is None
    with pytest.raises(UsageError, match=words) as error:
        rules(offered, prevalence=0.2)
    assert error.value.hint == "Leave it out."


def test_each_finding_has_its_threshold() -> None:
    points = [
        OperatingPoint(name, threshold, "by hand", finding)
        for name, threshold in (("balanced", 0.5), ("screen", 0.1))
        for finding in ("Mass", "Nodule")
    ]
    assert [p.finding for p in points_named(points, "screen")] == ["Mass", "Nodule"]
    with pytest.raises(UnknownOperatingPoint) as error:
        points_named(points, "scren")
    assert "balanced, screen" in error.value.hint
    assert "balanced, balanced" not in error.value.hint
