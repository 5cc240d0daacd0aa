"""Trainings that left a source out, each measured on the films of that source: one table."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from pneumoscope.evidence.evaluation.target_results import SourceFigures
from pneumoscope.evidence.statistics.intervals import Figure
from pneumoscope.render.export import table_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pneumoscope.evidence.evaluation.results import Evaluation

FIGURES = ("roc_auc", "healthy_called_ill", "ill_called_ill", "validation_roc_auc")
"""Figures of a row, as JSON and CSV call them; the last is of a whole training only."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """One training on the films of the sources that it left out.

    Attributes:
        name: The sources, joined by ``+``.
        whole: Figures of all their films together.
        members: Figures of each source, if there are several.
        validation_auc: AUC on the validation films, which are of the other sources.
        operating_point: Name of the default operating point, at which films are called ill.
        bundle_sha256: SHA-256 of the bundle.
        broken: Number of films that could not be read; they are in no figure.
        warnings: What is doubtful, in sentences.
    """

    name: str
    whole: SourceFigures
    members: tuple[SourceFigures, ...]
    validation_auc: Figure
    operating_point: str
    bundle_sha256: str
    broken: int
    warnings: tuple[str, ...]


def left_out_result(name: str, evaluation: Evaluation) -> LeftOut:
    """The table's part of one training.

    Args:
        name: The sources that it left out, joined by ``+``.
        evaluation: Its bundle, with one question, on their films, with the section subgroups.
    """
    result = evaluation.bundles[0]
    target, point = result.targets[0], result.targets[0].default
    whole = SourceFigures(
        source=name,
        films=target.films,
        patients=target.patients,
        positives=target.positives,
        roc_auc=target.ranking.roc_auc,
        sensitivity=point.figures.sensitivity,
        specificity=point.figures.specificity,
    )
    doubts = (result.overlap.words,) if result.overlap.doubtful else ()
    by_source = (target.sources.words,) if target.sources else ()
    return LeftOut(
        name=name,
        whole=whole,
        members=target.sources.sources if target.sources else (),
        validation_auc=Figure(**result.meta.validation["plain"]["auc"]),
        operating_point=point.name,
        bundle_sha256=result.sha256,
        broken=len(evaluation.films.broken),
        warnings=(*doubts, *result.warnings, *by_source),
    )


def called_ill(specificity: Figure) -> Figure:
    """The share of healthy films that are called ill."""
    if specificity.value is None:
        return specificity
    low = None if specificity.high is None else 1 - specificity.high
    high = None if specificity.low is None else 1 - specificity.low
    return Figure(1 - specificity.value, low, high, specificity.note)


def to_json(results: Sequence[LeftOut]) -> list[dict[str, Any]]:
    """One record per training, without NaN; figures have value, low, high and note."""
    return [
        {
            **_row(result.whole),
            "validation_roc_auc": asdict(result.validation_auc),
            "sources": [_row(member) for member in result.members],
            "operating_point": result.operating_point,
            "bundle_sha256": result.bundle_sha256,
            "broken": result.broken,
            "warnings": list(result.warnings),
        }
        for result in results
    ]


def to_csv(results: Sequence[LeftOut]) -> str:
    """A row per training, followed by a row for each of its sources if it left several out."""
    ends = [f"{name}{end}" for name in FIGURES for end in ("", "_low", "_high")]
    columns = ("left_out", "source", "films", "patients", "healthy", "ill", *ends)
    rows = (_cells(result.name, row) for result in results for row in _rows(result))
    return table_text(columns, rows)


def _rows(result: LeftOut) -> Iterator[dict[str, Any]]:
    yield _row(result.whole) | {"validation_roc_auc": asdict(result.validation_auc)}
    for member in result.members:
        yield _row(member)


def _row(figures: SourceFigures) -> dict[str, Any]:
    return {
        "source": figures.source,
        "films": figures.films,
        "patients": figures.patients,
        "healthy": figures.films - figures.positives,
        "ill": figures.positives,
        "roc_auc": asdict(figures.roc_auc),
        "healthy_called_ill": asdict(called_ill(figures.specificity)),
        "ill_called_ill": asdict(figures.sensitivity),
    }


def _cells(name: str, row: dict[str, Any]) -> dict[str, Any]:
    cells = {"left_out": name, **{key: row[key] for key in row if key not in FIGURES}}
    for key in FIGURES:
        figure = row.get(key, {})
        cells |= {key: figure.get("value"), f"{key}_low": figure.get("low")}
        cells[f"{key}_high"] = figure.get("high")
    return cells
