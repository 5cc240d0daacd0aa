"""The content of ``bundle.json`` as records: parsed, and checked for impossible values."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from pneumoscope.bundle.meta import BundleMeta
from pneumoscope.decision.calibration import Calibration
from pneumoscope.decision.conformal import Scores, Sides
from pneumoscope.decision.rules import BundleRules, Labels
from pneumoscope.records import ANTIALIAS, NORMAL, RESIZES, TASKS, OperatingPoint, Population

if TYPE_CHECKING:
    from collections.abc import Mapping


def meta_from_json(content: Mapping[str, Any]) -> BundleMeta:
    """A bundle's record.

    Args:
        content: Content of ``bundle.json``, in the current format.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: The content has another structure.
    """
    rules = rules_from_json(content)
    meta = BundleMeta(
        name=rules.bundle,
        version=str(content["version"]),
        task=str(content["task"]),
        labels=rules.labels.names,
        negative=rules.labels.negative,
        positive=rules.labels.positive,
        kinds=rules.labels.kinds,
        kinds_warning=rules.kinds_warning,
        warnings=rules.warnings,
        size=int(content["size"]),
        source_size=int(content["source_size"]),
        calibration=rules.calibration,
        conformal=rules.conformal,
        operating_points=rules.operating_points,
        default_operating_point=rules.default_operating_point,
        population=rules.population,
        intended_use=str(content["intended_use"]),
        recipe=dict(content["recipe"]),
        data=dict(content["data"]),
        validation=dict(content["validation"]),
        gate=_gate(content.get("gate")),
        explanation=_explanation(content.get("explanation")),
        resize=str(content.get("resize", ANTIALIAS)),
        heatmaps=bool(content.get("heatmaps", True)),
    )
    if not 0 < meta.size <= meta.source_size:
        raise ValueError(f"size {meta.size}, source_size {meta.source_size}")
    if meta.resize not in RESIZES:
        raise ValueError(f"resize {meta.resize!r}")
    _check_labels(meta)
    _check_probabilities(meta)
    return meta


def rules_from_json(content: Mapping[str, Any]) -> BundleRules:
    """What a bundle offers to decide by.

    Args:
        content: Content of ``bundle.json``; the keys that decide nothing may be missing.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: The content has another structure.
    """
    population = content["population"]
    ages = population["age_years"]
    if ages is not None:
        low, high = ages
        ages = (float(low), float(high))
    gate = _gate(content.get("gate"))
    rules = BundleRules(
        bundle=str(content["name"]),
        labels=Labels(
            tuple(content["labels"]),
            None if content["negative"] is None else str(content["negative"]),
            str(content["positive"]),
            tuple(str(kind) for kind in content["kinds"]),
        ),
        calibration=_calibration(content["calibration"]),
        conformal=None if content["conformal"] is None else _conformal(content["conformal"]),
        operating_points=tuple(
            OperatingPoint(str(p["name"]), float(p["threshold"]), str(p["rule"]), p["finding"])
            for p in content["operating_points"]
        ),
        default_operating_point=str(content["default_operating_point"]),
        population=Population(str(population["text"]), ages, tuple(population["views"])),
        kinds_warning=str(content["kinds_warning"]),
        warnings=tuple(str(sentence) for sentence in content["warnings"]),
        gate_limits=None if gate is None else gate["limits"],
    )
    for point in rules.operating_points:
        if not 0 < point.threshold < 1:
            raise ValueError(f"threshold {point.threshold} of {point.name}")
    if rules.labels.positive == NORMAL:
        raise ValueError(f"what is not {rules.labels.negative} cannot be called {NORMAL}")
    return rules


def _gate(content: Any) -> dict[str, Any] | None:
    if content is None:
        return None
    limits = {str(name): float(value) for name, value in content["limits"].items()}
    return {"limits": limits, "measured": dict(content["measured"])}


def _calibration(content: Mapping[str, Any]) -> Calibration:
    prevalence = content["prevalence"]
    return Calibration(
        tuple(float(a) for a in content["scale"]),
        tuple(float(b) for b in content["offset"]),
        float(content["kinds_temperature"]),
        None if prevalence is None else float(prevalence),
        tuple(float(b) for b in content.get("kinds_offsets", ())),  # older bundles have none
    )


def _conformal(content: Mapping[str, Any]) -> Scores:
    return Scores(
        {
            str(name): Sides(tuple(map(float, s["negative"])), tuple(map(float, s["positive"])))
            for name, s in content["questions"].items()
        },
        {str(name): tuple(map(float, s)) for name, s in content["kinds"].items()},
        _errors(content.get("sources", {})),
        _errors(content.get("left_out", {})),
    )


def _errors(content: Mapping[str, Any]) -> dict[str, float]:
    return {str(name): float(error) for name, error in content.items()}


def _check_probabilities(meta: BundleMeta) -> None:
    calibration = meta.calibration
    questions = len(meta.labels) if meta.negative is None else 1
    if {len(calibration.scale), len(calibration.offset)} != {questions} or not min(
        calibration.scale
    ) > 0:
        raise ValueError(f"calibration of {questions} questions: {calibration}")
    known = calibration.prevalence is not None
    if (
        not calibration.kinds_temperature > 0
        or len(calibration.kinds_offsets) not in (0, len(meta.labels) - 1)
        or (known and not 0 < (calibration.prevalence or 0.0) < 1)
    ):
        raise ValueError(f"calibration {calibration}")
    if meta.conformal is None:
        return
    names = set(meta.labels) if meta.negative is None else {meta.positive}
    kinds = set(meta.conformal.kinds)
    if not set(meta.conformal.questions) <= names or not kinds <= set(meta.labels):
        raise ValueError(f"conformal scores of {[*meta.conformal.questions, *kinds]}")
    sides = [side for s in meta.conformal.questions.values() for side in (s.negative, s.positive)]
    for scores in (*sides, *meta.conformal.kinds.values()):
        if not all(0 <= a <= b <= 1 for a, b in pairwise((0.0, *scores))):
            raise ValueError("conformal scores that do not ascend from 0 to 1")
    if not sides:
        raise ValueError("conformal scores of nothing")


def _explanation(content: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    if content is None:
        return None
    limits = {str(mode): float(limit) for mode, limit in content["limits"].items()}
    if not all(0 <= limit <= 1 for limit in limits.values()):
        raise ValueError(f"explanation limits {limits}")
    negative = _explanation(content.get("negative"))
    return {**content, "limits": limits} | ({} if negative is None else {"negative": negative})


def _check_labels(meta: BundleMeta) -> None:
    if meta.task not in TASKS or len(set(meta.labels)) < max(2, len(meta.labels)):
        raise ValueError(f"task {meta.task!r} with the labels {meta.labels}")
    several = meta.task == "multilabel"
    if several != (meta.negative is None) or not (several or meta.negative in meta.labels):
        raise ValueError(
            f"task {meta.task}: negative class {meta.negative!r}, labels {meta.labels}"
        )
    if meta.kinds and not set(meta.kinds) <= {*meta.labels} - {meta.negative}:
        raise ValueError(f"kinds {meta.kinds} of the labels {meta.labels}")
    if meta.kinds and several:
        raise ValueError(f"kinds {meta.kinds} where a film has several findings")
    for name in dict.fromkeys(point.name for point in meta.operating_points):
        findings = [point.finding for point in meta.points(name)]
        if findings != (list(meta.labels) if several else [None]):
            raise ValueError(f"operating point {name} is for {findings}")
    meta.points()
