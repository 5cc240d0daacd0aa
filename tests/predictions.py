"""Predictions that no network made, for tests of what is done with them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from pneumoscope.records import (
    Explanation,
    FilmFacts,
    Finding,
    GateReason,
    GateReport,
    OperatingPoint,
    Prediction,
    ZoneHeat,
)

REFUSING = GateReason("inverted", "refuse", "the film is inverted", "Export it as it was taken.")
NOTE = GateReason("distance-note", "note", "few films look like this", "Take care.")


def prediction(**changes: Any) -> Prediction:
    """A film called PNEUMONIA at P 0.8, threshold 0.5, of the shares 0.2, 0.5 and 0.3."""
    p = Prediction(
        label="PNEUMONIA",
        called="PNEUMONIA",
        positive="PNEUMONIA",
        p_positive=0.8,
        p_unadjusted=0.8,
        prevalence=None,
        probabilities={"normal": 0.2, "bacterial": 0.5, "viral": 0.3},
        classes=("PNEUMONIA",),
        error=0.05,
        kinds=("bacterial",),
        subtype="bacterial",
        findings=(),
        operating_point=OperatingPoint("balanced", 0.5, "by hand"),
        heatmap=np.array([[0.0, 1.0], [0.5, 0.25]], np.float32),
        heatmap_class="bacterial",
        facts=FilmFacts(format="PNG", rows=300, columns=224),
        gate=GateReport("ok", (), {"distance": 0.5}),
        forced=False,
        explanation=Explanation(
            mode="fast",
            reliable=True,
            score=0.75,
            limit=0.5,
            checks={"inside": 0.75},
            sentence="the map lies inside the body",
        ),
        warnings=("The kinds look alike.",),
        timings_ms={"infer": 1.23456},
        bundle="tiny 1",
        bundle_sha256="ab" * 32,
        profile=None,
        negative_below=0.5,
        positive_from=0.5,
    )
    return replace(p, **changes)


def refused(**changes: Any) -> Prediction:
    """The same film, which the gate refuses."""
    gate = GateReport("refuse", (REFUSING,), {"inverted": 0.9})
    return prediction(**({"label": "REFUSED", "gate": gate} | changes))


def with_zones(**changes: Any) -> Prediction:
    """The same film, from a bundle that looks for lungs: most heat in two zones."""
    zones = (ZoneHeat("right lower zone", 0.613), ZoneHeat("left middle zone", 0.35))
    lungs = np.array([[0.0, 1.0], [0.75, 0.25]], np.float32)
    return prediction(**({"lungs": lungs, "zones": zones} | changes))


def with_findings(**changes: Any) -> Prediction:
    """A film with a mass, and a nodule that is not clear."""
    findings = (
        Finding("Mass", 0.9, 0.5, present=True, negative_below=0.5, positive_from=0.5),
        Finding(
            name="Nodule",
            probability=0.06,
            threshold=0.05,
            present=True,
            undetermined=True,
            negative_below=0.05,
            positive_from=0.09,
        ),
        Finding("Device", 0.1, 0.6, present=False, negative_below=0.6, positive_from=0.6),
    )
    given = {
        "label": "ABNORMAL",
        "called": "ABNORMAL",
        "positive": "ABNORMAL",
        "p_positive": 0.9,
        "p_unadjusted": 0.9,
        "probabilities": {"Device": 0.1, "Mass": 0.9, "Nodule": 0.06},
        "classes": ("ABNORMAL",),
        "kinds": (),
        "subtype": None,
        "findings": findings,
        "operating_point": OperatingPoint("balanced", 0.5, "by hand", "Mass"),
        "heatmap_class": "Mass",
        "negative_below": None,
        "positive_from": None,
    }
    return prediction(**(given | changes))
