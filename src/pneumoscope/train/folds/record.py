"""What a cross-validation leaves: tables, a record, and a prediction of every film."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pneumoscope.decision.probability import p_positive
from pneumoscope.errors import DataError
from pneumoscope.render.export import table_text
from pneumoscope.train.validation.predictions import PLAIN

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pneumoscope.evidence.statistics.intervals import Figure
    from pneumoscope.train.folds.figures import CrossValidation, Measured
    from pneumoscope.train.folds.plan import Fold
    from pneumoscope.train.folds.results import FoldResult

RECORD = "folds.json"
"""In the folder of a cross-validation: all figures."""
TABLE = "folds.csv"
FILMS = "out-of-fold.csv"
POOLED = "pooled"


def to_json(measured: CrossValidation) -> dict[str, Any]:
    """All figures, without NaN; figures have value, low, high and note."""
    return {
        "folds": measured.folds,
        "finished": len(measured.by_fold),
        "broken": measured.broken,
        POOLED: asdict(measured.pooled),
        "by_fold": [{"fold": n} | asdict(fold) for n, fold in measured.by_fold.items()],
        "spread": {name: asdict(spread) for name, spread in measured.spread.items()},
    }


def finished_folds(record: Path) -> int:
    """Number of folds of a finished cross-validation; 0 while some are missing.

    Args:
        record: Its `RECORD`.

    Raises:
        DataError: The file is not such a record.
    """
    try:
        content = json.loads(record.read_text(encoding="utf-8"))
        return int(content["folds"]) if content["finished"] == content["folds"] else 0
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{record}: not the record of a cross-validation ({type(error).__name__})",
            "Run the training's command again: it writes what is missing.",
        ) from error


def to_csv(measured: CrossValidation) -> str:
    """A row per fold, and one of all films together."""
    names = [*measured.pooled.figures, *(f"auc {name}" for name in measured.pooled.findings)]
    ends = [f"{name}{end}" for name in names for end in ("", "_low", "_high")]
    rows = [*((str(n), fold) for n, fold in measured.by_fold.items()), (POOLED, measured.pooled)]
    columns = ("fold", "films", "patients", "ill", *ends)
    return table_text(columns, (_row(n, fold) for n, fold in rows))


def _row(name: str, measured: Measured) -> dict[str, Any]:
    row = {"fold": name, "films": measured.films, "patients": measured.patients}
    by_finding = {f"auc {finding}": auc for finding, auc in measured.findings.items()}
    for key, figure in (measured.figures | by_finding).items():
        row |= _cells(key, figure)
    return row | {"ill": measured.ill}


def _cells(name: str, figure: Figure) -> dict[str, Any]:
    return {name: figure.value, f"{name}_low": figure.low, f"{name}_high": figure.high}


def films_to_csv(folds: Sequence[Fold], results: Sequence[FoldResult]) -> str:
    """A row per film: its fold, its targets, and its probabilities from the network that has not seen it."""
    names = folds[0].films.names
    several = folds[0].films.task == "multilabel"
    labels = [f"target {name}" for name in names] if several else ["label"]
    chances = [f"p {name}" for name in names]
    ends = [] if several else ["p_positive", "threshold"]
    columns = ("path", "patient", "source", "fold", *labels, *chances, *ends)
    return table_text(
        columns, (row for pair in zip(folds, results, strict=False) for row in _films(*pair))
    )


def _films(fold: Fold, result: FoldResult) -> Iterator[dict[str, Any]]:
    films = fold.films
    several = films.task == "multilabel"
    p = result.validation.probabilities[PLAIN]
    for row, of_film in zip(films.rows("test"), p, strict=True):
        film = films.films[row]
        about = {"path": film.path, "patient": film.patient, "source": film.source}
        chances = {
            f"p {name}": float(value) for name, value in zip(films.names, of_film, strict=True)
        }
        targets = (
            {f"target {name}": t for name, t in zip(films.names, film.targets, strict=True)}
            if several
            else {"label": films.names[film.targets.index(1.0)]}
        )
        ends = (
            {}
            if several
            else {"p_positive": float(p_positive(of_film, 0)), "threshold": result.threshold}
        )
        yield about | {"fold": fold.number} | targets | chances | ends
