"""Every answer that the records give to checklist items."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.evidence.report.checklists import figures, films, model, study
from pneumoscope.evidence.report.checklists.facts import Facts

if TYPE_CHECKING:
    from pneumoscope.evidence.evaluation.results import Evaluation
    from pneumoscope.evidence.report.checklists.facts import Answer, Question

ANSWERS: dict[str, Question] = {
    **study.ANSWERS,
    **films.ANSWERS,
    **model.ANSWERS,
    **figures.ANSWERS,
}
"""Key of a checklist item to the function that answers it."""


def answers_of(evaluation: Evaluation) -> dict[str, Answer | None]:
    """Key to answer; None where the records contain no answer."""
    facts = Facts(evaluation, evaluation.bundles[0])
    return {key: answer(facts) for key, answer in ANSWERS.items()}
