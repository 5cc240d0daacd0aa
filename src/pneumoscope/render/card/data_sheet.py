"""The data sheet of the training films, after Gebru et al., "Datasheets for Datasets" (CACM 2021)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pneumoscope.decision.sentences import capitalised

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pneumoscope.bundle import BundleMeta

NOT_RECORDED = "Not recorded."
_KEYS = {
    "patient": "by patient: all films of a patient are on one side, exact duplicates too",
    "film": "by film: one patient may be on both sides",
    "given": "as the data set gives it",
}


def data_sheet(meta: BundleMeta) -> str:
    """The data sheet as Markdown; questions without an answer in the record say so."""
    lines = [
        "## Data sheet of the training films",
        "",
        "Questions after Gebru et al., Datasheets for Datasets (2021), answered from this bundle's record. "
        "What the record does not hold, the data set's authors have to be asked.",
    ]
    for section, questions in _sections(meta):
        lines += ["", f"### {section}", "", "| question | answer |", "|---|---|"]
        lines += [f"| {question} | {_cell(answer)} |" for question, answer in questions]
    return "\n".join(lines) + "\n"


def _sections(meta: BundleMeta) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    data = meta.data
    source = f"{data['source']}." if data.get("source") else ""
    yield (
        "Motivation",
        [
            ("For what purpose was the data set made, by whom, who paid?", ""),
            ("Where does it come from?", source),
        ],
    )
    yield (
        "Composition",
        [
            ("What is one instance?", "One chest radiograph with its label."),
            ("How many are there?", _counts(data.get("films", {}))),
            ("Whom does it show?", f"{meta.population.text}."),
            ("Ages in years", _ages(meta)),
            ("Views", ", ".join(meta.population.views)),
            ("Labels", f"{', '.join(meta.labels)}."),
            ("Who labelled, and how sure is it?", ""),
            ("Known errors, doubts", _doubts(data)),
            ("Is anything about race, sex or other groups recorded?", ""),
            ("Are there recommended splits?", _split(data)),
        ],
    )
    yield (
        "Collection",
        [
            ("How were the films acquired, when, with which devices?", ""),
            ("Was there ethical review, did people consent?", ""),
            ("Were the films de-identified, and how?", ""),
        ],
    )
    yield (
        "Preprocessing",
        [
            ("What was done to the films before training?", _preprocessing(meta)),
            ("Was anything done before that?", ""),
        ],
    )
    yield (
        "Uses",
        [
            (
                "What was it used for here?",
                f"Training and validation of {meta.name} {meta.version}.",
            ),
            ("What should it not be used for?", meta.intended_use),
        ],
    )
    yield (
        "Distribution and upkeep",
        [
            ("Is it part of this bundle?", "No film is part of the bundle."),
            ("How are exactly these films identified?", _identity(data)),
            ("Who maintains it, are there updates?", ""),
        ],
    )


def _cell(answer: str) -> str:
    return (answer or NOT_RECORDED).replace("|", "\\|").replace("\n", " ")


def _counts(films: Mapping[str, Mapping[str, int]]) -> str:
    sides = [
        f"{side}: " + ", ".join(f"{name} {number:,}" for name, number in counts.items())
        for side, counts in films.items()
    ]
    return f"Films by label. {'; '.join(sides)}." if sides else ""


def _ages(meta: BundleMeta) -> str:
    ages = meta.population.age_years
    return "" if ages is None else f"{ages[0]:g} to {ages[1]:g}."


def _doubts(data: Mapping[str, Any]) -> str:
    if "warnings" not in data:
        return ""
    warnings = [f"{capitalised(text)}." for text in data["warnings"]]
    return " ".join(warnings) or "The checks before training recorded none."


def _split(data: Mapping[str, Any]) -> str:
    if not data.get("split"):
        return ""
    text = _KEYS.get(data["split"], str(data["split"]))
    if any("no patient keys" in warning for warning in data.get("warnings", ())):
        text = _KEYS["film"]
    seed = f", seed {data['split_seed']}" if "split_seed" in data else ""
    left_out = ", ".join(data.get("left_out", ()))
    unseen = f" The films of {left_out} were left out." if left_out else ""
    if "fold" in data:
        unseen = f" Fold {data['fold']} of {data['folds']} was left out."
    return f"Split here {text}{seed}.{unseen}"


def _preprocessing(meta: BundleMeta) -> str:
    text = (
        f"Resampled to {meta.source_size} x {meta.source_size} pixels (bilinear, antialiased, aspect ratio not "
        f"kept), then to {meta.size} x {meta.size}."
    )
    if meta.recipe.get("augment"):
        text += " Augmented in training as the recipe says."
    return text


def _identity(data: Mapping[str, Any]) -> str:
    digest = data.get("manifest_sha256")
    return f"Manifest SHA-256 `{digest}`." if digest else ""
