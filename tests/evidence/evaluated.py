"""Evaluated films, settings and questions for tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pneumoscope.evidence.evaluation.evaluated_films import EvaluatedFilm
from pneumoscope.evidence.evaluation.questions import Question
from pneumoscope.evidence.evaluation.settings import Settings
from pneumoscope.evidence.statistics.intervals import Bootstrap
from pneumoscope.records import OperatingPoint


def evaluated_film(number: int = 0, **changes: Any) -> EvaluatedFilm:
    """A film of patient ``p<number>`` with the label x."""
    values: dict[str, Any] = {
        "path": f"{number}.png",
        "label": "x",
        "patient": f"p{number}",
        "keyed": True,
        "split": "",
        "file_sha256": "",
        "pixels_sha256": "",
        "columns": {},
    }
    return EvaluatedFilm(**(values | changes))


def settings(**changes: Any) -> Settings:
    """No section, 200 draws."""
    values: dict[str, Any] = {
        "sections": (),
        "split": "all",
        "prevalences": (),
        "by": ("place",),
        "draws": 200,
        "seed": 0,
        "threads": 1,
    }
    return Settings(**(values | changes))


def question(p: Sequence[float], positive: Sequence[bool]) -> Question:
    """PNEUMONIA against normal at the threshold 0.5, one film per patient."""
    return Question(
        name="PNEUMONIA",
        negative="normal",
        finding=None,
        column=0,
        rows=np.arange(len(p)),
        positive=np.array(positive),
        p=np.array(p),
        before=np.array(p),
        points=(OperatingPoint("balanced", 0.5, "by hand"),),
        boot=Bootstrap.of([f"p{i}" for i in range(len(p))], 200),
    )
