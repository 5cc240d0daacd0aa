"""Results of trainings that left a source out, made by hand."""

from __future__ import annotations

from typing import Any

from pneumoscope.evidence.evaluation.left_out import LeftOut
from pneumoscope.evidence.evaluation.target_results import SourceFigures
from pneumoscope.evidence.statistics.intervals import Figure


def source(name: str, auc: Figure, **changes: Any) -> SourceFigures:
    """Of 40 films of 30 patients 10 are ill; 0.9 of these and 0.25 of the others are called ill."""
    values: dict[str, Any] = {
        "source": name,
        "films": 40,
        "patients": 30,
        "positives": 10,
        "roc_auc": auc,
        "sensitivity": Figure(0.9, 0.8, 0.95),
        "specificity": Figure(0.75, 0.5, 0.875),
    }
    return SourceFigures(**(values | changes))


def left_out(name: str, auc: Figure, validation: Figure, *members: SourceFigures) -> LeftOut:
    return LeftOut(
        name=name,
        whole=source(name, auc),
        members=members,
        validation_auc=validation,
        operating_point="balanced",
        bundle_sha256="ab12",
        broken=0,
        warnings=("few films",),
    )
