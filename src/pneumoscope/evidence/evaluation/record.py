"""What an evaluation leaves behind for other programs: metrics and predictions per film."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumoscope.decision.probability import p_positive
from pneumoscope.decision.triage import label_at
from pneumoscope.files import replacing, write_text
from pneumoscope.render.serialise import NOTICE

if TYPE_CHECKING:
    from pathlib import Path

    from pneumoscope.bundle import BundleMeta
    from pneumoscope.evidence.evaluation.evaluated_films import Films
    from pneumoscope.evidence.evaluation.results import BundleResult, Evaluation

METRICS, TABLE, BLIND = "metrics.json", "predictions.parquet", "predictions.json"
FORMAT = 1
"""Version of the layout of metrics.json."""


def to_json(evaluation: Evaluation) -> dict[str, Any]:
    """An evaluation as JSON-ready values, without NaN.

    Every figure has ``value``, ``low``, ``high`` (None where it or its interval does not exist) and
    ``note``, which then says why.
    """
    found: dict[str, Any] = _plain(evaluation)
    return {
        "format": FORMAT,
        **found,
        "films": _films(evaluation.films),
        "bundles": [_plain(bundle) | {"meta": _meta(bundle.meta)} for bundle in evaluation.bundles],
        "notice": NOTICE,
    }


def write(evaluation: Evaluation, out: Path) -> list[Path]:
    """Writes metrics.json, predictions.parquet and, of bundles for classes, predictions.json.

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
        whole = records[0] if len(records) == 1 else records
        write_text(out / BLIND, json.dumps(whole, allow_nan=False, ensure_ascii=False) + "\n")
        written.append(out / BLIND)
    # Last: whoever finds it finds the others as well.
    write_text(out / METRICS, text + "\n")
    return written


def blind_record(evaluation: Evaluation, bundle: BundleResult) -> dict[str, Any] | None:
    """Predictions as `pneumoscope leaderboard --blind` reads them.

    Returns:
        None for several findings, and if no film's class is known in the bundle's terms.
    """
    meta, films = bundle.meta, evaluation.films
    if meta.negative is None:
        return None
    labels = (meta.negative, *(name for name in meta.labels if name != meta.negative))
    told = []
    known = {name.lower(): name for name in labels}
    answers = dict(zip(bundle.targets[0].rows.tolist(), bundle.targets[0].positive, strict=True))
    for row, (film, p) in enumerate(zip(films.films, bundle.probabilities, strict=True)):
        label = known.get(film.label.lower())
        if len(labels) == 2:  # its class follows, whatever the label is called
            label = labels[int(answers[row])] if row in answers else None
        if label is not None:
            named = {name: float(x) for name, x in zip(meta.labels, p, strict=True)}
            told.append({"label": label, "patient": film.patient, "probabilities": named})
    if not told:
        return None
    return {
        "set": f"{films.name} ({films.split})",
        "bundle": bundle.title,
        "bundle_sha256": bundle.sha256,
        "labels": list(labels),
        "negative": meta.negative,
        "films": told,
    }


def table(evaluation: Evaluation) -> dict[str, list[Any]]:
    """Columns of predictions.parquet: a row per bundle and film, broken films included.

    ``p:NAME`` is a probability, ``p_positive`` P(positive) of bundles for classes, ``call:POINT`` (of
    several findings ``call:POINT:FINDING``) what the film is called at an operating point,
    ``column:NAME`` a column of the manifest.
    """
    films = evaluation.films
    rows: list[dict[str, Any]] = []
    for bundle in evaluation.bundles:
        named = {"bundle": bundle.title, "bundle_sha256": bundle.sha256}
        for film, p in zip(films.films, bundle.probabilities, strict=True):
            rows.append(
                {
                    "path": film.path,
                    "label": film.label,
                    "patient": film.patient,
                    "patient_known": film.keyed,
                    "split": film.split,
                    "file_sha256": film.file_sha256,
                    "pixels_sha256": film.pixels_sha256,
                    **named,
                    "error": None,
                    **_said(p.tolist(), bundle.meta),
                    **{f"column:{name}": value for name, value in film.columns.items()},
                }
            )
        rows += [{"path": b.path, **named, "error": f"{b.code}: {b.message}"} for b in films.broken]
    names = list(dict.fromkeys(name for row in rows for name in row))
    return {name: [row.get(name) for row in rows] for name in names}


def _said(p: list[float], meta: BundleMeta) -> dict[str, Any]:
    named = dict(zip(meta.labels, p, strict=True))
    found: dict[str, Any] = {f"p:{name}": value for name, value in named.items()}
    if meta.negative is not None:
        positive = float(p_positive(np.array(p), meta.labels.index(meta.negative)))
        found["p_positive"] = positive
        for point in meta.operating_points:
            found[f"call:{point.name}"] = label_at(positive, point, meta.positive)
        return found
    for point in meta.operating_points:
        name = str(point.finding)
        found[f"call:{point.name}:{name}"] = (
            name if named[name] >= point.threshold else f"no {name}"
        )
    return found


def _parquet(evaluation: Evaluation, path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    columns = pyarrow.table(table(evaluation))
    with replacing(path) as stream:
        pyarrow.parquet.write_table(columns, stream)


def _films(films: Films) -> dict[str, Any]:
    """The films in numbers; one by one they stand in predictions.parquet."""
    return {
        **_plain(films),
        "films": len(films.films),
        "labels": dict(sorted(Counter(film.label for film in films.films).items())),
    }


def _meta(meta: BundleMeta) -> dict[str, Any]:
    """What of a bundle's record decides its figures."""
    names = (
        "name", "version", "task", "labels", "negative", "positive", "size", "source_size",
        "calibration", "default_operating_point", "data",
    )  # fmt: skip
    return {name: _plain(getattr(meta, name)) for name in names} | {
        "recipe": meta.recipe.get("name")
    }


def _plain(value: Any) -> Any:
    """Values of dataclasses, mappings and sequences; arrays are left out."""
    if is_dataclass(value) and not isinstance(value, type):
        return {
            f.name: _plain(inner)
            for f in fields(value)
            if not isinstance(inner := getattr(value, f.name), np.ndarray)
        }
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(inner) for inner in value]
    return value.item() if isinstance(value, np.generic) else value
