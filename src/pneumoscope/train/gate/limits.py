"""The limits of a gate's scores, and how often validation films exceed them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope.decision.gate import OTHER_PATIENTS, SCREEN_NOTE, screen_probability
from pneumoscope.decision.lung_scores import LUNG_SCORES
from pneumoscope.train.gate import unsuitable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Scores = dict[str, NDArray[np.float64]]
    """Name of a score to its values, each (n,)."""

AUGMENTED = "augmented"
"""Condition of the films that `fitting` augments mildly."""
STRESS = "stress:"
"""Prefix of the conditions of the stress suite."""

_TIGHTEST = 0.99
"""P(unsuitable) above which a film is always refused. Heads that call validation films unsuitable know
little, but a limit of 1 would refuse nothing."""
_LOOSEST = 0.5
"""P(unsuitable) up to which a film always passes, since a chest film is more likely."""
_FAINTEST = 0.002
"""P(screen) up to which a film gets no note, however sure the heads are of all validation films. Of 68
photographs of screens, drawn otherwise than those of a training, the gate of `children` refuses 18, notes 27
for a grey side and 12 for this, and of 68 films none for this; that of `adults` 22, 26, 6, and none."""


def limits_of(scores: dict[str, Scores]) -> dict[str, float]:
    """Score to its limit, wide enough that few validation films exceed it.

    At most 0.5 % of plain films exceed any one limit. Films of other hospitals score higher than plain
    ones, as stressed and augmented films do. Foreign pictures score higher than all of them.

    Args:
        scores: Condition to scores of validation films: ``"plain"``, `AUGMENTED`, those of the
            stress suite.
    """
    plain, augmented = scores["plain"], scores[AUGMENTED]
    stressed = [by_score for name, by_score in scores.items() if name.startswith(STRESS)]

    def worst(score: str) -> float:
        under_stress = np.concatenate([by_score[score] for by_score in stressed])
        return float(max(np.quantile(plain[score], 0.995), np.quantile(under_stress, 0.98)))

    def worst_condition(score: str) -> float:
        # One condition among many, such as a blur, must not be refused more often than the others.
        under_stress = max(float(np.quantile(by_score[score], 0.98)) for by_score in stressed)
        return max(float(np.quantile(plain[score], 0.995)), under_stress)

    limits = {
        "unsuitable": min(
            max(_LOOSEST, worst("unsuitable"), float(np.quantile(augmented["unsuitable"], 0.97))),
            _TIGHTEST,
        ),
        "distance": max(worst("distance"), float(np.quantile(augmented["distance"], 0.995))),
        "distance-note": float(np.quantile(plain["distance"], 0.98)),
        SCREEN_NOTE: max(_FAINTEST, float(np.quantile(screen_probability(plain), 0.99))),
        "mirrored": max(_LOOSEST, float(np.quantile(plain["mirrored"], 0.99))),
        # Half the lowest contrast: the network equalises contrast.
        "flatness": 1 - (1 - worst_condition("flatness")) / 2,
        "saturation": worst_condition("saturation"),
        "blur": worst_condition("blur"),
    }
    for name in LUNG_SCORES:
        if name in plain:
            # A fifth of the way to the highest score: other hospitals' lungs are less clear.
            highest = max(worst_condition(name), float(np.quantile(augmented[name], 0.97)))
            limits[name] = highest + (1 - highest) / 5
    if OTHER_PATIENTS in plain:
        limits[OTHER_PATIENTS] = max(_LOOSEST, float(np.quantile(plain[OTHER_PATIENTS], 0.99)))
    return {name: round(value, 4) for name, value in limits.items()}


def measure(scores: dict[str, Scores], limits: dict[str, float]) -> dict[str, Any]:
    """How often the limits refuse validation films.

    Args:
        scores: Condition to scores of validation films, including those changed on purpose.
        limits: See `limits_of`.

    Returns:
        ``plain``: ``films``, their number; ``refused``, the share that any score refuses; and the
        share that exceeds each limit. ``stress``: perturbation to the share refused; `AUGMENTED`,
        the share refused; ``changed``: kind of change to the shares ``refused`` and ``recognised``;
        and `OTHER_PATIENTS`: ``films`` and the share ``recognised``, if there are such films.
    """
    noting = ("distance-note", SCREEN_NOTE, "mirrored", OTHER_PATIENTS)
    refusing = [name for name in limits if name not in noting]
    plain = scores["plain"]
    return {
        "plain": {
            "films": len(plain["distance"]),
            "refused": float(_refused(plain, refusing, limits).mean()),
            **{
                name: float(_refused(plain, [name], limits).mean())
                for name in limits
                if name in plain
            },
        },
        "stress": {
            name.removeprefix(STRESS): float(_refused(by_score, refusing, limits).mean())
            for name, by_score in scores.items()
            if name.startswith(STRESS)
        },
        AUGMENTED: float(_refused(scores[AUGMENTED], refusing, limits).mean()),
        "changed": {
            kind: _changed(kind, scores[kind], refusing, limits) for kind in unsuitable.CHANGES
        },
        **_other_patients(scores, limits),
    }


def _other_patients(scores: dict[str, Scores], limits: dict[str, float]) -> dict[str, Any]:
    """Films of other patients, and the share that is recognised; nothing without such films."""
    if OTHER_PATIENTS not in scores:
        return {}
    p = scores[OTHER_PATIENTS][OTHER_PATIENTS]
    recognised = float((p > limits[OTHER_PATIENTS]).mean())
    return {OTHER_PATIENTS: {"films": len(p), "recognised": recognised}}


def _refused(by_score: Scores, names: list[str], limits: dict[str, float]) -> NDArray[np.bool_]:
    return np.any([by_score[name] > limits[name] for name in names], axis=0)


def _changed(
    kind: str, by_score: Scores, refusing: list[str], limits: dict[str, float]
) -> dict[str, float]:
    """Shares of films changed on purpose that are refused, and whose change is recognised."""
    if kind == "mirrored":
        return {"recognised": float((by_score[kind] > limits[kind]).mean())}
    names = [name for name in by_score if name in unsuitable.CHANGES and name != "mirrored"]
    likeliest = np.array(names)[np.argmax([by_score[name] for name in names], axis=0)]
    refused = _refused(by_score, refusing, limits)
    return {
        "refused": float(refused.mean()),
        "recognised": float((refused & (likeliest == kind)).mean()),
    }
