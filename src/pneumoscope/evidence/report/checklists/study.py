"""Answers on the study: title, aim, design, who took part."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.evidence.report.checklists.facts import Answer, in_part
from pneumoscope.evidence.report.words import (
    sentence,
)

if TYPE_CHECKING:
    from pneumoscope.evidence.report.checklists.facts import Facts


def method_answer(f: Facts) -> Answer | None:
    network = f.bundle.meta.recipe.get("network")
    if not network:
        return None
    return in_part(
        f"evaluation of a deep network, {network}, for {f.target.name}", "a paper's title"
    )


def summary_answer(_: Facts) -> Answer | None:
    return in_part("first page of this report", "conclusions of its authors")


def background_answer(f: Facts) -> Answer | None:
    meta = f.bundle.meta
    text = f"{sentence(meta.intended_use)} Trained on: {meta.population.text}"
    return in_part(text, "scientific background, place in the workflow")


def design_answer(_: Facts) -> Answer | None:
    return in_part(
        "films that were already stored were read", "whether they were gathered for this study"
    )


def goal_answer(_: Facts) -> Answer | None:
    return Answer("Evaluation of finished bundles; nothing was trained or tuned.")


def setting_answer(f: Facts) -> Answer | None:
    return in_part(
        f"training films: {f.bundle.meta.population.text}", "setting and dates of these films"
    )


def internal_answer(f: Facts) -> Answer | None:
    record = f.bundle.meta.validation
    if "films" not in record or "patients" not in record:
        return None
    return Answer(
        f"The bundle records figures on {record['films']:,} held-out films of {record['patients']:,} "
        f"patients. Films evaluated here: {f.evaluation.films.chosen}"
    )


def external_answer(_: Facts) -> Answer | None:
    return None  # no record says that films are from elsewhere


def no_trial_answer(_: Facts) -> Answer | None:
    return Answer("Stored films were read; nobody was enrolled or treated.", "not applicable")


def no_assessor_answer(_: Facts) -> Answer | None:
    return Answer("The only predictor is the film, read by software.", "not applicable")


def no_patients_answer(_: Facts) -> Answer | None:
    return Answer("Stored films were read; nobody was examined for it.", "not applicable")


def limitations_answer(_: Facts) -> Answer | None:
    return Answer("First page, what can't be said.")


def implications_answer(f: Facts) -> Answer | None:
    return in_part(f.bundle.meta.intended_use, "implications for practice")


def interpretation_answer(_: Facts) -> Answer | None:
    return in_part(
        "first page, worst case and shortcuts in words", "comparison with other studies, fairness"
    )


def availability_answer(f: Facts) -> Answer | None:
    own = f.evaluation
    return in_part(
        f"software: pneumoscope {own.version} (Apache-2.0). Model: bundle {f.bundle.title}, SHA-256 "
        f"{f.bundle.sha256}. Films: {own.films.source}",
        "where others get bundle and films",
    )


def data_availability_answer(f: Facts) -> Answer | None:
    return in_part(f"films: {f.evaluation.films.source}", "how others get them")


def code_availability_answer(f: Facts) -> Answer | None:
    return Answer(f"pneumoscope {f.evaluation.version}, open source (Apache-2.0).")


def updating_answer(_: Facts) -> Answer | None:
    return Answer("Nothing was updated: the bundle was evaluated as it is.")


def outputs_answer(_: Facts) -> Answer | None:
    return Answer(
        "predictions.parquet: every film's probabilities with the hashes of film and bundle; metrics.json: "
        "every figure."
    )
