"""The figures of a model card, from what ``bundle.json`` records of the validation films."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pneumoscope.metrics import interval_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pneumoscope.bundle import BundleMeta


def headline(v: Mapping[str, Any]) -> str:
    """The table of the main figures, from ``bundle.json``'s ``validation``; Markdown."""
    plain, worst = v["plain"], v["worst"]

    def row(name: str, key: str) -> str:
        bad = f"{interval_text(worst[key])} ({worst[key]['condition']})" if key in worst else ""
        return f"| {name} | {interval_text(plain[key])} | {bad} |"

    classes = v["classes"]
    return "\n".join(
        [
            f"| figure | as they are | under the worst of {len(v['stress'])} perturbations |",
            "|---|---|---|",
            row("AUC", "auc"),
            row("balanced accuracy", "balanced_accuracy"),
            row("accuracy", "accuracy"),
            row("sensitivity", "sensitivity"),
            row("specificity", "specificity"),
            row("F1", "f1"),
            *([row(f"{classes}-class accuracy", "class_accuracy")] if classes > 2 else []),
            f"| expected calibration error | {plain['ece']:.3f} | {v['stress_ece']:.3f} on average |",
        ]
    )


def figures_of(meta: BundleMeta) -> str:
    """All figures of a bundle with a record of its validation films; Markdown."""
    return _figures_of_findings(meta) if meta.negative is None else _figures_of_classes(meta)


def _figures_of_classes(meta: BundleMeta) -> str:
    v = meta.validation
    baseline = v["statistics_baseline"]
    rows = "\n".join(
        f"| {name} | {interval_text(row['auc'])} | {interval_text(row['sensitivity'])} "
        f"| {interval_text(row['specificity'])} | {interval_text(row['balanced_accuracy'])} |"
        for name, row in sorted(
            v["stress"].items(), key=lambda item: item[1]["balanced_accuracy"]["value"]
        )
    )
    return f"""{headline(v)}

**Baseline without anatomy**: nine global image statistics (brightness, contrast, sharpness,
borders) alone reach AUC {interval_text(baseline["positive"])} for {meta.positive.lower()}{_auc_of_kinds(baseline, meta.kinds)}
on the same films.

{_heatmaps(v)}

### Under each perturbation, at the same threshold

{_STRESS}

| perturbation | AUC | sensitivity | specificity | balanced accuracy |
|---|---|---|---|---|
{rows}"""


def _figures_of_findings(meta: BundleMeta) -> str:
    v = meta.validation
    rows = "\n".join(
        f"| {name} | {row['with']} | {row['without']} | {row['unknown']} | {_measured(row)} "
        f"| {_baseline(v['statistics_baseline'], name)} |"
        for name, row in v["findings"].items()
    )
    stress = "\n".join(
        f"| {name} | {auc:.3f} |"
        for name, auc in sorted(v["stress"].items(), key=lambda i: i[1] or 0.0)
        if auc is not None
    )
    return f"""| finding | with | without | unknown | AUC | sensitivity | specificity | statistics alone |
|---|---|---|---|---|---|---|---|
{rows}

*Statistics alone*: AUC of nine global image statistics (brightness, contrast, sharpness, borders),
without any anatomy. Mean AUC over the findings that can be measured: {interval_text(v["macro_auc"])};
under the worst of {len(v["stress"])} perturbations ({v["worst"]["condition"]})
{interval_text(v["worst"])}.

{_heatmaps(v)}

### Mean AUC under each perturbation

{_STRESS}

| perturbation | mean AUC |
|---|---|
{stress}"""


_STRESS = """Most of these are milder relatives of the training augmentation; contrast-low, brightness-up,
brightness-down and illumination lie outside it, and clahe unless the recipe has it. A network can be robust to all of them and fail on
another hospital's films."""


def _measured(row: Mapping[str, Any]) -> str:
    keys = ("auc", "sensitivity", "specificity")
    return " | ".join(interval_text(row[key]) if key in row else "not measurable" for key in keys)


def _baseline(baseline: Mapping[str, Any], name: str) -> str:
    return interval_text(baseline[name]) if name in baseline else "not measurable"


def _heatmaps(v: Mapping[str, Any]) -> str:
    heat = v["heatmaps"]
    if heat is None:
        return "**Heatmaps**: not measured, because one of the classes has no validation films."
    return f"""**Heatmaps**: on {heat["films"]} films composed of a healthy and an ill half, the ill half holds
{interval_text(heat["pointing"])} of the heat (0.5 is chance). The peak lies in one and the same
cell on {heat["same_peak"]:.0%} of the ill films."""


def _auc_of_kinds(baseline: Mapping[str, Any], kinds: tuple[str, ...]) -> str:
    name = "_against_".join(kinds)
    if name not in baseline:
        return ""
    return f" and\n{interval_text(baseline[name])} for {' against '.join(kinds)}"
