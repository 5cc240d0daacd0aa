"""Every answer that the records give to checklist items."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pneumoscope.evidence.report.checklists.facts import Facts
from pneumoscope.evidence.report.checklists.figures import (
    crosstab_answer,
    diagnostic_answer,
    errors_answer,
    explained_answer,
    failures_answer,
    fairness_answer,
    heterogeneity_answer,
    indeterminate_answer,
    metrics_answer,
    performance_answer,
    points_answer,
    robustness_answer,
    uncertainty_answer,
    variability_answer,
)
from pneumoscope.evidence.report.checklists.films import (
    acquisition_answer,
    characteristics_answer,
    counts_answer,
    data_source_answer,
    devices_answer,
    differences_answer,
    disjoint_answer,
    eligibility_answer,
    flow_answer,
    missing_answer,
    partitions_answer,
    poor_input_answer,
    preprocessing_answer,
    reference_answer,
    representative_answer,
    subsets_answer,
)
from pneumoscope.evidence.report.checklists.model import (
    blind_answer,
    ensemble_answer,
    imbalance_answer,
    model_answer,
    predictions_answer,
    predictors_answer,
    scaling_answer,
    selection_answer,
    software_answer,
    specification_answer,
    start_answer,
    training_answer,
)
from pneumoscope.evidence.report.checklists.study import (
    availability_answer,
    background_answer,
    code_availability_answer,
    data_availability_answer,
    design_answer,
    external_answer,
    goal_answer,
    implications_answer,
    internal_answer,
    interpretation_answer,
    limitations_answer,
    method_answer,
    no_assessor_answer,
    no_patients_answer,
    no_trial_answer,
    outputs_answer,
    setting_answer,
    summary_answer,
    updating_answer,
)

if TYPE_CHECKING:
    from pneumoscope.evidence.evaluation.results import Evaluation
    from pneumoscope.evidence.report.checklists.facts import Answer

    Ask = Callable[["Facts"], "Answer | None"]


def answers_of(evaluation: Evaluation) -> dict[str, Answer | None]:
    """Key to answer; None where the records hold nothing."""
    facts = Facts(evaluation, evaluation.bundles[0])
    return {key: ask(facts) for key, ask in ANSWERS.items()}


ANSWERS: dict[str, Ask] = {
    "method": method_answer,
    "summary": summary_answer,
    "background": background_answer,
    "design": design_answer,
    "goal": goal_answer,
    "data_source": data_source_answer,
    "setting": setting_answer,
    "eligibility": eligibility_answer,
    "preprocessing": preprocessing_answer,
    "scaling": scaling_answer,
    "subsets": subsets_answer,
    "missing": missing_answer,
    "acquisition": acquisition_answer,
    "devices": devices_answer,
    "reference": reference_answer,
    "partitions": partitions_answer,
    "disjoint": disjoint_answer,
    "model": model_answer,
    "software": software_answer,
    "start": start_answer,
    "training": training_answer,
    "selection": selection_answer,
    "ensemble": ensemble_answer,
    "metrics": metrics_answer,
    "uncertainty": uncertainty_answer,
    "robustness": robustness_answer,
    "explained": explained_answer,
    "internal": internal_answer,
    "external": external_answer,
    "no_trial": no_trial_answer,
    "no_assessor": no_assessor_answer,
    "no_patients": no_patients_answer,
    "flow": flow_answer,
    "characteristics": characteristics_answer,
    "counts": counts_answer,
    "performance": performance_answer,
    "diagnostic": diagnostic_answer,
    "failures": failures_answer,
    "errors": errors_answer,
    "limitations": limitations_answer,
    "implications": implications_answer,
    "interpretation": interpretation_answer,
    "availability": availability_answer,
    "data_availability": data_availability_answer,
    "code_availability": code_availability_answer,
    "predictors": predictors_answer,
    "heterogeneity": heterogeneity_answer,
    "fairness": fairness_answer,
    "variability": variability_answer,
    "updating": updating_answer,
    "predictions": predictions_answer,
    "specification": specification_answer,
    "imbalance": imbalance_answer,
    "points": points_answer,
    "differences": differences_answer,
    "representative": representative_answer,
    "blind": blind_answer,
    "indeterminate": indeterminate_answer,
    "crosstab": crosstab_answer,
    "poor_input": poor_input_answer,
    "outputs": outputs_answer,
}
