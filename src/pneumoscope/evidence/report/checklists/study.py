"""Answers about the study: title, aim, design, participants, availability."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.evidence.report.checklists.facts import Answer, in_part
from pneumoscope.evidence.report.words import sentence

if TYPE_CHECKING:
    from pneumoscope.evidence.report.checklists.facts import Facts, Question


def _method(f: Facts) -> Answer | None:
    network = f.bundle.meta.recipe.get("network")
    if not network:
        return None
    return in_part(
        f"evaluation of a deep network, {network}, for {f.target.name}", "a paper's title"
    )


def _summary(_: Facts) -> Answer | None:
    return in_part("first page of this report", "conclusions of its authors")


def _background(f: Facts) -> Answer | None:
    meta = f.bundle.meta
    text = f"{sentence(meta.intended_use)} Trained on: {meta.population.text}"
    return in_part(text, "scientific background, place in the workflow")


def _design(_: Facts) -> Answer | None:
    return in_part(
        "films that were already stored were read", "whether they were collected for this study"
    )


def _goal(_: Facts) -> Answer | None:
    return Answer("Evaluation of finished bundles. Nothing was trained or tuned.")


def _setting(f: Facts) -> Answer | None:
    return in_part(
        f"training films: {f.bundle.meta.population.text}", "setting and dates of these films"
    )


def _internal(f: Facts) -> Answer | None:
    record = f.bundle.meta.validation
    if "films" not in record or "patients" not in record:
        return None
    return Answer(
        f"The bundle records figures on {record['films']:,} held-out films of {record['patients']:,} "
        f"patients. Films evaluated here: {f.evaluation.films.chosen}"
    )


def _external(_: Facts) -> Answer | None:
    return None  # no record states that the films come from another hospital


def _no_trial(_: Facts) -> Answer | None:
    return Answer("Stored films were read. Nobody was enrolled or treated.", "not applicable")


def _no_assessor(_: Facts) -> Answer | None:
    return Answer("The only predictor is the film, read by software.", "not applicable")


def _no_patients(_: Facts) -> Answer | None:
    return Answer("Stored films were read. Nobody was examined for this study.", "not applicable")


def _limitations(_: Facts) -> Answer | None:
    return Answer("First page, what cannot be concluded.")


def _implications(f: Facts) -> Answer | None:
    return in_part(f.bundle.meta.intended_use, "implications for practice")


def _interpretation(_: Facts) -> Answer | None:
    return in_part(
        "first page, worst case and shortcuts", "comparison with other studies, fairness"
    )


def _availability(f: Facts) -> Answer | None:
    evaluation = f.evaluation
    return in_part(
        f"software: pneumoscope {evaluation.version} (Apache-2.0). Model: bundle {f.bundle.title}, SHA-256 "
        f"{f.bundle.sha256}. Films: {evaluation.films.source}",
        "where others can obtain bundle and films",
    )


def _data_availability(f: Facts) -> Answer | None:
    return in_part(f"films: {f.evaluation.films.source}", "how others can obtain them")


def _code_availability(f: Facts) -> Answer | None:
    return Answer(f"pneumoscope {f.evaluation.version}, open source (Apache-2.0).")


def _updating(_: Facts) -> Answer | None:
    return Answer("Nothing was updated. The bundle was evaluated unchanged.")


def _outputs(_: Facts) -> Answer | None:
    return Answer(
        "predictions.parquet: probabilities and verdict of every film with the hashes of film and bundle; "
        "metrics.json: every figure."
    )


ANSWERS: dict[str, Question] = {
    "method": _method,
    "summary": _summary,
    "background": _background,
    "design": _design,
    "goal": _goal,
    "setting": _setting,
    "internal": _internal,
    "external": _external,
    "no_trial": _no_trial,
    "no_assessor": _no_assessor,
    "no_patients": _no_patients,
    "limitations": _limitations,
    "implications": _implications,
    "interpretation": _interpretation,
    "availability": _availability,
    "data_availability": _data_availability,
    "code_availability": _code_availability,
    "updating": _updating,
    "outputs": _outputs,
}
