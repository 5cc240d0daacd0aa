"""The server's answers about films and jobs, as values."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pneumoscope import errors
from pneumoscope.client.answers import sentence
from pneumoscope.errors import PneumoscopeError, ServerError
from pneumoscope.render.serialise import prediction_from_json, prediction_to_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pneumoscope.records import Finding, Prediction


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """One film, with its state and its result on the server.

    Attributes:
        id: The server's name for it.
        created: When the server accepted it, ISO 8601.
        name: The film's name, as it was sent.
        sha256: SHA-256 of the film's bytes.
        state: ``"queued"``, ``"running"``, ``"done"`` or ``"failed"``.
        prediction: What the model says; None without a result. Its heatmap stays on the server: see
            `Client.rendering`.
        error: Why there is no result, or None.
        links: Name of a rendering to its path.
    """

    id: str
    created: str
    name: str
    sha256: str
    state: str
    prediction: Prediction | None
    error: PneumoscopeError | None
    links: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Job:
    """Films that the server reads later.

    Attributes:
        id: The server's name for it.
        state: ``"queued"``, ``"running"`` or ``"done"``.
        total: Films in it.
        done: Films that are finished, with or without a result.
        failed: Films that are finished without a result.
    """

    id: str
    state: str
    total: int
    done: int
    failed: int


def record_from_json(content: Mapping[str, Any], name: str | None = None) -> Record:
    """A film of the server's answer.

    Args:
        content: The film's JSON.
        name: What to call the film; None for the name that the server keeps.
    """
    shown = name or content["film"]["name"]
    result, problem = content["result"], content["error"]
    return Record(
        id=content["id"],
        created=content["created"],
        name=shown,
        sha256=content["film"]["sha256"],
        state=content["state"],
        prediction=None if result is None else _prediction(result),
        error=None if problem is None else _film_error(problem, shown),
        links=content["links"],
    )


def _prediction(result: Mapping[str, Any]) -> Prediction:
    """A prediction that every output can show: its words are words, and its figures are figures.

    Raises:
        LookupError, TypeError, ValueError, AttributeError, ArithmeticError: It is none.
    """
    made = prediction_from_json(result)
    prediction_to_json(made)  # rounds figures
    words = (
        made.label, made.called, made.positive, made.bundle, made.bundle_sha256, made.operating_point.name,
        *made.classes, *made.kinds, *made.warnings, *(reason.code for reason in made.gate.reasons),
    )  # fmt: skip
    if not all(isinstance(word, str) for word in words):
        raise TypeError("a word of the result is none")
    parts: tuple[Prediction | Finding, ...] = (made, *made.findings)
    figures = (
        made.p_positive, made.p_unadjusted, made.operating_point.threshold, *made.probabilities.values(),
        *(f for f in (made.prevalence, made.error, made.adjusted_threshold) if f is not None),
        *(f for part in parts for f in (part.negative_below, part.positive_from) if f is not None),
    )  # fmt: skip
    if not all(math.isfinite(figure) or math.isnan(figure) for figure in figures):
        raise ValueError("a figure of the result is infinite")
    if made.subtype is not None and made.subtype not in made.probabilities:
        raise LookupError("the kind of the result has no probability")
    return made


def job_from_json(content: Mapping[str, Any]) -> Job:
    """A job of the server's answer."""
    return Job(**{key: content[key] for key in ("id", "state", "total", "done", "failed")})


def _film_error(problem: Mapping[str, Any], name: str) -> PneumoscopeError:
    """A problem of the server as this package's own error, with the film's name in its message."""
    kind = errors.image_error(str(problem["code"]))
    message = f"{name}: {sentence(problem['detail']).removeprefix('film: ')}"
    hint = sentence(problem["hint"])
    if kind is None:
        return ServerError(message, hint, problem["status"])
    return errors.restored(kind, message, hint)
