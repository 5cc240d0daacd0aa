"""The files that an evaluation writes for other programs: metrics and predictions per film."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope.data.sources import counts_by_source
from pneumoscope.decision.probability import p_positive
from pneumoscope.decision.triage import label_at
from pneumoscope.files import replacing, write_text
from pneumoscope.render.card.evaluation import FORMAT, METRICS
from pneumoscope.render.serialise import NOTICE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pneumoscope.bundle import BundleMeta
    from pneumoscope.decision.decide import Decision
    from pneumoscope.evidence.evaluation.evaluated_films import Films
    from pneumoscope.evidence.evaluation.results import BundleResult, Evaluation

TABLE, BLIND = "predictions.parquet", "predictions.json"


def to_json(evaluation: Evaluation) -> dict[str, Any]:
    """An evaluation as JSON-ready values, without NaN.

    Every figure has ``value``, ``low``, ``high`` (None where it or its interval does not exist) and
    ``note``, which then gives the reason.
    """
    return {
        "format": FORMAT,
        **_fields(evaluation, without=("films", "bundles")),
        "films": _films(evaluation.films),
        "bundles": [
            _fields(bundle, without=("meta", "outcomes")) | {"meta": _meta(bundle.meta)}
            for bundle in evaluation.bundles
        ],
        "notice": NOTICE,
    }


def write(evaluation: Evaluation, out: Path) -> list[Path]:
    """Writes metrics.json, predictions.parquet and, if an answer is known, predictions.json.

    Args:
        evaluation: What to write.
        out: An existing folder.

    Returns:
        The files.
    """
    written = [out / METRICS, out / TABLE]
    text = json.dumps(to_json(evaluation), indent=1, allow_nan=False, ensure_ascii=False)
    _parquet(evaluation, out / TABLE)
    records = [record for b in evaluation.bundles if (record := blind_record(evaluation, b))]
    if records:
        content = records[0] if len(records) == 1 else records
        write_text(out / BLIND, json.dumps(content, allow_nan=False, ensure_ascii=False) + "\n")
        written.append(out / BLIND)
    # Last, so that a folder with metrics.json is complete.
    write_text(out / METRICS, text + "\n")
    return written


def blind_record(evaluation: Evaluation, bundle: BundleResult) -> dict[str, Any] | None:
    """Predictions as `pneumoscope leaderboard --blind` reads them.

    Returns:
        None if no film's class, or none of its findings, is known in the bundle's terms.
    """
    meta, films = bundle.meta, evaluation.films
    negative = meta.negative
    others = tuple(name for name in meta.labels if name != negative)
    labels = others if negative is None else (negative, *others)
    answers = _known_findings(bundle) if negative is None else _known_classes(films, bundle, labels)
    known = [
        {
            **answers[row],
            "patient": film.patient,
            "probabilities": {name: float(x) for name, x in zip(meta.labels, p, strict=True)},
        }
        for row, (film, p) in enumerate(zip(films.films, bundle.probabilities, strict=True))
        if row in answers
    ]
    if not known:
        return None
    return {
        "set": f"{films.name} ({films.split})",
        "bundle": bundle.title,
        "bundle_sha256": bundle.sha256,
        "labels": list(labels),
        "negative": negative,
        "films": known,
    }


def _known_classes(
    films: Films, bundle: BundleResult, labels: Sequence[str]
) -> dict[int, dict[str, Any]]:
    """Row of a film to its class, for the films whose class is known."""
    by_name = {name.lower(): name for name in labels}
    if len(labels) > 2:
        names = {row: by_name.get(film.label.lower()) for row, film in enumerate(films.films)}
        return {row: {"label": name} for row, name in names.items() if name is not None}
    # The answer determines the class, whatever the label is called.
    return {
        row: {"label": labels[int(positive)]}
        for verdict in bundle.targets
        for row, positive in zip(verdict.rows.tolist(), verdict.positive, strict=True)
    }


def _known_findings(bundle: BundleResult) -> dict[int, dict[str, Any]]:
    """Row of a film to its findings, None for one that is not known, for films with a known one."""
    targets: dict[int, dict[str, int | None]] = {}
    for question in bundle.targets:
        for row, positive in zip(question.rows.tolist(), question.positive, strict=True):
            unknown: dict[str, int | None] = dict.fromkeys(bundle.meta.labels)
            targets.setdefault(row, unknown)[question.name] = int(positive)
    return {row: {"targets": of_film} for row, of_film in targets.items()}


def table(evaluation: Evaluation) -> dict[str, list[Any]]:
    """Columns of predictions.parquet: a row per bundle and film, broken films included.

    ``label`` is the film's own label. ``verdict``, ``set``, ``kinds``, ``gate`` and ``gate_codes`` are
    what the product says about the film. ``p:NAME`` is a probability, ``p_positive`` P(positive) for
    bundles with classes, ``call:POINT`` (``call:POINT:FINDING`` for several findings) the call at an
    operating point, ``column:NAME`` a column of the manifest.
    """
    films = evaluation.films
    rows: list[dict[str, Any]] = []
    for bundle in evaluation.bundles:
        names = {"bundle": bundle.title, "bundle_sha256": bundle.sha256}
        for film, p, decision in zip(
            films.films, bundle.probabilities, bundle.outcomes.decisions, strict=True
        ):
            rows.append(
                {
                    "path": film.path,
                    "label": film.label,
                    "patient": film.patient,
                    "patient_known": film.keyed,
                    "split": film.split,
                    "source": film.source,
                    "file_sha256": film.file_sha256,
                    "pixels_sha256": film.pixels_sha256,
                    **names,
                    "error": None,
                    **_verdict(decision),
                    **_calls(p.tolist(), bundle.meta),
                    **{f"column:{name}": value for name, value in film.columns.items()},
                }
            )
        rows += [{"path": b.path, **names, "error": f"{b.code}: {b.message}"} for b in films.broken]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    return {name: [row.get(name) for row in rows] for name in columns}


def _verdict(decision: Decision) -> dict[str, Any]:
    """What the product says about one film; figures of refused films are not shown to readers."""
    return {
        "verdict": decision.label,
        "set": list(decision.classes),
        "kinds": list(decision.kinds),
        "gate": decision.gate.level,
        "gate_codes": [reason.code for reason in decision.gate.reasons],
    }


def _calls(p: list[float], meta: BundleMeta) -> dict[str, Any]:
    probabilities = dict(zip(meta.labels, p, strict=True))
    columns: dict[str, Any] = {f"p:{name}": value for name, value in probabilities.items()}
    if meta.negative is not None:
        positive = float(p_positive(np.array(p), meta.labels.index(meta.negative)))
        columns["p_positive"] = positive
        for point in meta.operating_points:
            columns[f"call:{point.name}"] = label_at(positive, point, meta.positive)
        return columns
    for point in meta.operating_points:
        name = str(point.finding)
        columns[f"call:{point.name}:{name}"] = (
            name if probabilities[name] >= point.threshold else f"no {name}"
        )
    return columns


def _parquet(evaluation: Evaluation, path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    columns = pyarrow.table(table(evaluation))
    with replacing(path) as stream:
        pyarrow.parquet.write_table(columns, stream)


def _films(films: Films) -> dict[str, Any]:
    """The films in numbers; predictions.parquet lists them one by one."""
    return {
        **_fields(films),
        "films": len(films.films),
        "labels": dict(sorted(Counter(film.label for film in films.films).items())),
        "sources": counts_by_source((film.source, film.label) for film in films.films),
    }


def _meta(meta: BundleMeta) -> dict[str, Any]:
    """The part of a bundle's record that determines its figures."""
    names = (
        "name", "version", "task", "labels", "negative", "positive", "size", "source_size",
        "calibration", "default_operating_point", "data",
    )  # fmt: skip
    return {name: _plain(getattr(meta, name)) for name in names} | {
        "recipe": meta.recipe.get("name")
    }


def _fields(record: Any, without: tuple[str, ...] = ()) -> dict[str, Any]:
    """The fields of a dataclass as JSON-ready values; arrays are left out."""
    values = {f.name: getattr(record, f.name) for f in fields(record) if f.name not in without}
    return {
        name: _plain(value) for name, value in values.items() if not isinstance(value, np.ndarray)
    }


def _plain(value: Any) -> Any:
    """Dataclasses, mappings and sequences as JSON-ready values."""
    if is_dataclass(value) and not isinstance(value, type):
        return _fields(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(inner) for inner in value]
    return value.item() if isinstance(value, np.generic) else value
