"""The results of ``pneumoscope evaluate`` on a bundle, as a section of its card."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pneumoscope.decision.sentences import capitalised
from pneumoscope.errors import UsageError
from pneumoscope.metrics import interval_text, threshold_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

METRICS = "metrics.json"
FORMAT = 2
"""Version of the layout of metrics.json."""
_HINT = "Give the folder that `pneumoscope evaluate BUNDLE DATA --out DIR` wrote for this bundle."
_FIGURES = {
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "balanced_accuracy": "balanced accuracy",
    "accuracy": "accuracy",
    "ppv": "PPV",
    "npv": "NPV",
    "f1": "F1",
}


def section(folder: Path, sha256: str) -> str:
    """Markdown from the folder of an evaluation.

    Args:
        folder: Folder with ``metrics.json``.
        sha256: SHA-256 of the bundle that the card describes.

    Raises:
        UsageError: There is no such file, it cannot be read, or it describes other bundles.
    """
    path = folder / METRICS
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise UsageError(f"{path}: no such file", _HINT) from None
    except ValueError:
        raise UsageError(f"{path}: is not JSON", _HINT) from None
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise UsageError(f"{path}: is not an evaluation of this version", _HINT)
    evaluated = next((b for b in record["bundles"] if b["sha256"] == sha256), None)
    if evaluated is None:
        titles = ", ".join(b["title"] for b in record["bundles"])
        raise UsageError(
            f"{path}: is about other bundles ({titles}), not about SHA-256 {sha256[:12]}", _HINT
        )
    return _text(record, evaluated)


def figure_text(figure: Mapping[str, Any] | None) -> str:
    """A recorded figure as text: the value with its interval, or why there is none."""
    return "not measured" if figure is None else interval_text(figure)


def _text(record: Mapping[str, Any], bundle: Mapping[str, Any]) -> str:
    films = record["films"]
    count = len(films["films"]) if isinstance(films["films"], list) else films["films"]
    patients = f"of {films['patients']:,} patients" if films["keyed"] else "of patients not known"
    lines = [
        "## Evaluation",
        "",
        f"By `pneumoscope evaluate` {record['version']} on {record['created'][:10]}, of the bundle SHA-256 "
        f"`{bundle['sha256']}`, on {count:,} films {patients}: {films['source']}. "
        f"{_sentence(films['chosen'])} {_sentence(bundle['overlap']['words'])} In brackets: 95 % intervals from "
        f"{record['settings']['draws']:,} draws of patients.",
    ]
    lines += ["", *_verdicts(bundle["verdicts"])]
    for target in bundle["targets"]:
        lines += ["", *_target(target, bundle if len(bundle["targets"]) == 1 else {})]
    if films["limits"]:
        lines += ["", *(f"- {_sentence(text)}" for text in films["limits"])]
    return "\n".join(lines) + "\n"


def _verdicts(verdicts: Mapping[str, Any]) -> list[str]:
    rows = [
        f"| {label['label']} | {label['films']:,} | {figure_text(label['share'])} | {figure_text(label['error'])} |"
        for label in verdicts["labels"]
    ]
    return [
        f"Verdicts as shown, on all {verdicts['films']:,} films, at `{verdicts['operating_point']}`. Wrong calls: among "
        "the films with the label whose class is known; of UNDETERMINED and REFUSED films readers do not see the call.",
        "",
        "| label | films | share of all films | wrong calls |",
        "|---|---|---|---|",
        *rows,
        "",
        f"Wrong among the {verdicts['shown']['films']:,} films with a verdict: {figure_text(verdicts['shown']['error'])}. "
        "The following figures are of all films that could be read.",
    ]


def _target(target: Mapping[str, Any], bundle: Mapping[str, Any]) -> list[str]:
    point = next(p for p in target["points"] if p["default"])
    figures = point["figures"]
    rob = bundle.get("robustness")
    rows = [("AUC", target["ranking"]["roc_auc"], "roc_auc")]
    rows += [(name, figures[key], key) for key, name in _FIGURES.items()]
    if target["calibration"] is not None:
        rows.append(("ECE", target["calibration"]["after"]["error"]["ece"], "ece"))
    head = [
        f"{target['name']} ({target['positives']:,} films) against {target['negative']} "
        f"({target['films'] - target['positives']:,}), at `{point['name']}`, threshold "
        f"{threshold_text(figures['threshold'])}:",
        "",
    ]
    if rob is None:
        head += ["| figure | these films |", "|---|---|"]
        return head + [f"| {name} | {figure_text(figure)} |" for name, figure, _ in rows]
    count = len(rob["conditions"])
    head += [
        f"| figure | these films | under the worst of {count} perturbations |",
        "|---|---|---|",
    ]
    return head + [
        f"| {name} | {figure_text(figure)} | {_worst(rob, key)} |" for name, figure, key in rows
    ]


def _worst(rob: Mapping[str, Any], key: str) -> str:
    if key not in rob["worst"]:
        return ""
    kind, severity = rob["worst"][key]
    worst = next(c for c in rob["conditions"] if (c["kind"], c["severity"]) == (kind, severity))
    return f"{figure_text(worst['figures'][key])} ({worst['words']})"


def _sentence(text: str) -> str:
    text = text.strip().rstrip(".")
    return f"{capitalised(text)}." if text else ""
