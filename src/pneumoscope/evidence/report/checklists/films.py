"""Answers about films, labels and splits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.decision.sentences import counted
from pneumoscope.evidence.report.checklists.facts import Answer, in_part, versions
from pneumoscope.evidence.report.words import (
    known_patients,
    sentence,
    share,
)
from pneumoscope.records import REFUSED, UNDETERMINED

if TYPE_CHECKING:
    from pneumoscope.evidence.report.checklists.facts import Facts, Question


def _data_source(f: Facts) -> Answer | None:
    trained = f.bundle.meta.data.get("source") or "not recorded"
    text = f"evaluated films: {f.evaluation.films.source}. Training films: {trained}"
    return in_part(text, "how they were collected, which patients they represent")


def _eligibility(f: Facts) -> Answer | None:
    return in_part(
        f"every selected film that could be read. {f.evaluation.films.chosen}", "clinical criteria"
    )


def _preprocessing(f: Facts) -> Answer | None:
    meta = f.bundle.meta
    steps = f"antialiased bilinear resampling to {meta.source_size} x {meta.source_size} pixels without "
    steps += f"preserving the aspect ratio, then to {meta.size} x {meta.size}"
    scaling = f.recipe("scaling")
    return in_part(
        f"{steps}{'; ' + scaling if scaling else ''}", "what was done to the films beforehand"
    )


def _subsets(f: Facts) -> Answer | None:
    return Answer(f"{sentence(f.evaluation.films.chosen)} Split: {f.evaluation.films.split}.")


def _missing(f: Facts) -> Answer | None:
    films = f.evaluation.films
    unlabelled = len(films.films) - f.target.films
    return Answer(
        f"Left out: {counted(len(films.broken), 'film')} that could not be read; {unlabelled:,} without a "
        f"known label for {f.target.name}. {_without_verdict(f)} Nothing was imputed."
    )


def _without_verdict(f: Facts) -> str:
    result = f.bundle.verdicts
    refused, undetermined = (result.label(name).films for name in (REFUSED, UNDETERMINED))
    return (
        f"Without a verdict, but included in discrimination: {refused:,} refused by the gate, {undetermined:,} "
        "undetermined."
    )


def _acquisition(f: Facts) -> Answer | None:
    views = ", ".join(f.bundle.meta.population.views)
    return (
        in_part(f"views of the training films: {views}", "devices and protocol") if views else None
    )


def _devices(f: Facts) -> Answer | None:
    return in_part(versions(f), "X-ray devices")


def _reference(f: Facts) -> Answer | None:
    films = f.evaluation.films
    return in_part(
        f"the labels of the data ({films.layout})", "how, when and by whom they were made"
    )


def _partitions(f: Facts) -> Answer | None:
    data = f.bundle.meta.data
    if not data.get("split"):
        return None
    parts = [f"{side}: {text}" for side in ("train", "validation") if (text := f.counts(side))]
    seed = f", seed {data['split_seed']}" if "split_seed" in data else ""
    return Answer(sentence(f"split: {data['split']}{seed}. {'; '.join(parts)}"))


def _disjoint(f: Facts) -> Answer | None:
    split = f.bundle.meta.data.get("split")
    words = sentence(f.bundle.overlap.words)
    if not split:
        return Answer(words, "in part")
    # How training films and evaluated films are kept apart is half of the question.
    text = f"Training split by: {split}. {words}"
    return Answer(text) if f.bundle.overlap.known else Answer(text, "in part")


def _flow(f: Facts) -> Answer | None:
    films, target = f.evaluation.films, f.target
    return in_part(
        f"{counted(len(films.films) + len(films.broken), 'film')} selected, {len(films.broken):,} not readable, "
        f"{target.films:,} with a known label, of {known_patients(target.patients, films)}, {target.positives:,} "
        f"positive. {_without_verdict(f)}",
        "which patients are missing from the data, and why",
    )


def _characteristics(f: Facts) -> Answer | None:
    columns = list(dict.fromkeys(group.column for group in f.target.subgroups))
    subgroups = f"subgroups by {', '.join(columns)}" if columns else ""
    trained = "; ".join(text for side in ("train", "validation") if (text := f.counts(side)))
    parts = [
        text
        for text in (subgroups, f"labels in training and validation: {trained}" if trained else "")
        if text
    ]
    return (
        in_part(". ".join(parts), "age, sex and clinical facts other than these") if parts else None
    )


def _counts(f: Facts) -> Answer | None:
    if not f.counts("train"):
        return None
    return Answer(
        f"Training: {f.counts('train')}. Validation: {f.counts('validation')}. Here: {f.target.films:,} films, "
        f"{f.target.positives:,} positive."
    )


def _differences(f: Facts) -> Answer | None:
    trained = f.counts("train")
    if not trained:
        return None
    text = f"labels of the training films: {trained}. Here {share(f.target.positives / f.target.films)} are "
    return in_part(f"{text}{f.target.name}. {f.bundle.overlap.words}", "other differences")


def _representative(f: Facts) -> Answer | None:
    text = f"{share(f.target.positives / f.target.films)} of the films are {f.target.name}"
    return in_part(text, "how common it is where the model is meant to be used")


def _poor_input(f: Facts) -> Answer | None:
    codes = ", ".join(reason.code for reason in f.bundle.verdicts.gate if reason.refused)
    text = (
        "films that cannot be read give an error; the gate of the bundle checks each film and refuses those "
        f"that cannot be judged. Reasons here: {codes or 'none'}"
    )
    if f.bundle.robustness is not None:
        text += ". The section on robustness measures poor films"
    return Answer(sentence(text))


ANSWERS: dict[str, Question] = {
    "data_source": _data_source,
    "eligibility": _eligibility,
    "preprocessing": _preprocessing,
    "subsets": _subsets,
    "missing": _missing,
    "acquisition": _acquisition,
    "devices": _devices,
    "reference": _reference,
    "partitions": _partitions,
    "disjoint": _disjoint,
    "flow": _flow,
    "characteristics": _characteristics,
    "counts": _counts,
    "differences": _differences,
    "representative": _representative,
    "poor_input": _poor_input,
}
