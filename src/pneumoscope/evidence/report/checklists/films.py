"""Answers on films, labels and splits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.evidence.report.checklists.facts import Answer, in_part, versions
from pneumoscope.evidence.report.words import (
    counted,
    known_patients,
    sentence,
    share,
)

if TYPE_CHECKING:
    from pneumoscope.evidence.report.checklists.facts import Facts


def data_source_answer(f: Facts) -> Answer | None:
    trained = f.bundle.meta.data.get("source") or "not recorded"
    text = f"evaluated films: {f.evaluation.films.source}. Training films: {trained}"
    return in_part(text, "how they were collected, whom they represent")


def eligibility_answer(f: Facts) -> Answer | None:
    return in_part(
        f"every film taken that could be read. {f.evaluation.films.chosen}", "clinical criteria"
    )


def preprocessing_answer(f: Facts) -> Answer | None:
    meta = f.bundle.meta
    steps = f"antialiased bilinear resampling to {meta.source_size} x {meta.source_size} pixels without "
    steps += f"keeping the aspect ratio, then to {meta.size} x {meta.size}"
    scaling = f.recipe("scaling")
    return in_part(
        f"{steps}{'; ' + scaling if scaling else ''}", "what was done to the films before"
    )


def subsets_answer(f: Facts) -> Answer | None:
    return Answer(f"{sentence(f.evaluation.films.chosen)} Split taken: {f.evaluation.films.split}.")


def missing_answer(f: Facts) -> Answer | None:
    films = f.evaluation.films
    unlabelled = len(films.films) - f.target.films
    return Answer(
        f"Left out: {counted(len(films.broken), 'film')} that could not be read; {unlabelled:,} without a "
        f"known label for {f.target.name}. Nothing was imputed."
    )


def acquisition_answer(f: Facts) -> Answer | None:
    views = ", ".join(f.bundle.meta.population.views)
    return (
        in_part(f"views of the training films: {views}", "devices and protocol") if views else None
    )


def devices_answer(f: Facts) -> Answer | None:
    return in_part(versions(f), "X-ray devices")


def reference_answer(f: Facts) -> Answer | None:
    films = f.evaluation.films
    return in_part(
        f"the labels of the data ({films.layout})", "how, when and by whom they were made"
    )


def partitions_answer(f: Facts) -> Answer | None:
    data = f.bundle.meta.data
    if not data.get("split"):
        return None
    parts = [f"{side}: {text}" for side in ("train", "validation") if (text := f.counts(side))]
    seed = f", seed {data['split_seed']}" if "split_seed" in data else ""
    return Answer(sentence(f"split: {data['split']}{seed}. {'; '.join(parts)}"))


def disjoint_answer(f: Facts) -> Answer | None:
    split = f.bundle.meta.data.get("split")
    words = sentence(f.bundle.overlap.words)
    if not split:
        return Answer(words, "in part")
    # How training and evaluated films are kept apart is half of the question.
    text = f"Training split by: {split}. {words}"
    return Answer(text) if f.bundle.overlap.known else Answer(text, "in part")


def flow_answer(f: Facts) -> Answer | None:
    films, target = f.evaluation.films, f.target
    return in_part(
        f"{counted(len(films.films) + len(films.broken), 'film')} taken, {len(films.broken):,} not readable, "
        f"{target.films:,} with a known label, of {known_patients(target.patients, films)}, {target.positives:,} "
        "positive",
        "who was not in the data, and why",
    )


def characteristics_answer(f: Facts) -> Answer | None:
    columns = list(dict.fromkeys(group.column for group in f.target.subgroups))
    told = f"subgroups by {', '.join(columns)}" if columns else ""
    trained = "; ".join(text for side in ("train", "validation") if (text := f.counts(side)))
    parts = [
        text
        for text in (told, f"labels in training and validation: {trained}" if trained else "")
        if text
    ]
    return in_part(". ".join(parts), "age, sex and clinical facts beyond these") if parts else None


def counts_answer(f: Facts) -> Answer | None:
    if not f.counts("train"):
        return None
    return Answer(
        f"Training: {f.counts('train')}. Validation: {f.counts('validation')}. Here: {f.target.films:,} films, "
        f"{f.target.positives:,} positive."
    )


def differences_answer(f: Facts) -> Answer | None:
    trained = f.counts("train")
    if not trained:
        return None
    text = f"labels of the training films: {trained}. Here {share(f.target.positives / f.target.films)} are "
    return in_part(f"{text}{f.target.name}. {f.bundle.overlap.words}", "other differences")


def representative_answer(f: Facts) -> Answer | None:
    text = f"{share(f.target.positives / f.target.films)} of the films are {f.target.name}"
    return in_part(text, "how common it is where the model is meant to be used")


def poor_input_answer(f: Facts) -> Answer | None:
    text = "films that cannot be read are refused with an error"
    if f.bundle.robustness is not None:
        text += "; the section on robustness tells what poor films do"
    return in_part(text, "a check of quality before the verdict")
