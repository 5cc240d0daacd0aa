from __future__ import annotations

import ast
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pneumoscope
from pneumoscope.decision.probability import (
    LOGIT_FLOOR,
    logistic,
    logit,
    p_positive,
    p_positive_of_film,
)


def test_p_positive_of_films_and_of_one_film() -> None:
    p = np.array([[0.25, 0.5, 0.25], [1.0, 0.0, 0.0]], np.float32)
    assert p_positive(p, 0).tolist() == [0.75, 0.0]
    assert p_positive(p[0], 1).tolist() == 0.5
    assert p_positive(p, 0).dtype == np.float64
    for negative in (0.25, 0.0, 1.0, 1.0000001, -1e-9, 1e-20, 0.1):
        assert p_positive_of_film(negative) == float(p_positive(np.array([negative]), 0))


def test_rounding_never_leaves_the_unit_interval() -> None:
    # A softmax in float32 may give the next number above 1.
    above = np.array([[np.nextafter(np.float32(1), np.float32(2)), -1e-9]], np.float32)
    assert p_positive(above, 0).tolist() == [0.0]
    assert p_positive(above, 1).tolist() == [1.0]


def test_log_odds_by_hand() -> None:
    assert logit(0.8).tolist() == pytest.approx(math.log(4))
    assert logit([[0.5], [0.25]]).tolist() == [[0.0], [pytest.approx(-math.log(3))]]


def test_log_odds_stay_finite() -> None:
    end = math.log((1 - LOGIT_FLOOR) / LOGIT_FLOOR)
    assert logit([0.0, LOGIT_FLOOR / 10, 1.0]).tolist() == pytest.approx([-end, -end, end])
    # What a file with six decimals calls 0 or 1 is cut like what the network said.
    assert logit(round(4e-7, 6)) == logit(4e-7)


def test_probabilities_of_log_odds_by_hand() -> None:
    assert logistic(np.array([0.0, math.log(3), -math.log(4)])).tolist() == pytest.approx(
        [0.5, 0.75, 0.2]
    )
    p = np.array([0.001, 0.3, 0.999])
    assert logistic(logit(p)) == pytest.approx(p, rel=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_log_odds_are_too_large_for_a_probability(dtype: type[np.floating[Any]]) -> None:
    with np.errstate(all="raise"):
        p = logistic(np.array([-np.inf, -1e4, -60.0, 60.0, np.inf], dtype))
    assert p.dtype == dtype
    assert p == pytest.approx(np.array([8.756511e-27] * 3 + [1.0] * 2), rel=1e-6)


def test_probabilities_of_log_odds_are_spelt_in_one_place() -> None:
    """But for shades of a DICOM window, and for the fit of a recalibration, which recognises films
    that it cannot fit by a quotient that is not finite.
    """
    package = Path(pneumoscope.__file__).parent
    spelt = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if re.search(r"1 / \(1 \+ (?:np|math)\.exp\(", path.read_text(encoding="utf-8"))
    }
    assert spelt == {
        *("decision/probability.py", "evidence/statistics/recalibration.py", "images/greyscale.py")
    }


def test_log_odds_are_spelt_in_one_place() -> None:
    """No other module divides p by 1 - p inside a logarithm, or calls scipy's logit.

    But for intervals of figures: those are no probabilities of films, and 0.9999999 is no 1 there.
    """
    package = Path(pneumoscope.__file__).parent
    texts = {path: path.read_text(encoding="utf-8") for path in package.rglob("*.py")}
    spelt = {
        path.relative_to(package).as_posix()
        for path, text in texts.items()
        if "logit" in text or ".log(" in text  # to parse all takes a second
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call)
        and (
            ast.unparse(node.func) == "special.logit"
            or (ast.unparse(node.func) in ("np.log", "math.log") and "/ (1" in ast.unparse(node))
        )
    }
    assert spelt == {"decision/probability.py", "evidence/statistics/intervals.py"}
