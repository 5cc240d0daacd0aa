"""Answers on figures and how they were measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.evidence.evaluation.settings import CALIBRATION, CONFORMAL, DECISION
from pneumoscope.evidence.report.checklists.facts import Answer, in_part
from pneumoscope.evidence.report.words import (
    NAMES,
    Footnotes,
    counted,
    sentence,
    share,
)

if TYPE_CHECKING:
    from pneumoscope.evidence.report.checklists.facts import Facts


def metrics_answer(f: Facts) -> Answer | None:
    asked = f.evaluation.settings.sections
    extra = [name for name in (CALIBRATION, DECISION, CONFORMAL) if name in asked]
    also = f"; sections on {', '.join(extra)}" if extra else ""
    return Answer(
        "AUC, average precision; sensitivity, specificity, PPV, NPV, accuracy, F1, kappa and others at each "
        f"operating point{also}."
    )


def uncertainty_answer(f: Facts) -> Answer | None:
    settings = f.evaluation.settings
    text = f"95 % intervals from {settings.draws:,} draws of patients, seed {settings.seed}"
    pairs = "; pairs of bundles by paired draws, DeLong and McNemar" if f.evaluation.pairs else ""
    return Answer(sentence(text + pairs))


def robustness_answer(f: Facts) -> Answer | None:
    rob = f.bundle.robustness
    if rob is None:
        return None
    return Answer(f"{len(rob.conditions)} perturbations at the fixed operating point {rob.point}.")


def explained_answer(f: Facts) -> Answer | None:
    done = []
    if f.bundle.sanity is not None and f.bundle.sanity.randomisation is not None:
        done.append("weights randomised layer by layer")
    if f.bundle.sanity is not None and f.bundle.sanity.perturbation is not None:
        done.append("deletion and insertion")
    if f.bundle.anatomy is not None:
        done.append("share of the heat inside the lung field")
    text = "Grad-CAM in closed form, inside the network"
    return (
        Answer(f"{text}. Checked by: {', '.join(done)}.")
        if done
        else in_part(text, "any check of it")
    )


def performance_answer(f: Facts) -> Answer | None:
    notes, target = Footnotes(), f.target
    auc = target.ranking.roc_auc
    if auc.value is None:
        return None
    return Answer(
        f"AUC of {target.name} {notes.cell(auc)}; sections on discrimination and subgroups."
    )


def diagnostic_answer(f: Facts) -> Answer | None:
    notes, own = Footnotes(), f.target.default
    told = [
        f"{NAMES[key]} {notes.cell(figure)}"
        for key in ("sensitivity", "specificity", "ppv", "npv")
        if (figure := getattr(own.figures, key)).value is not None
    ]
    return Answer(f"At {own.name}: {', '.join(told)}.") if told else None


def failures_answer(f: Facts) -> Answer | None:
    found = f.bundle.gallery
    if found is None:
        return None
    tally = ", ".join(counted(n, kind) for kind, n in found.mistakes.items())
    return in_part(f"section on films to look at: {tally or 'no mistakes'}", "why the model erred")


def errors_answer(f: Facts) -> Answer | None:
    return failures_answer(f) or fairness_answer(f)


def heterogeneity_answer(f: Facts) -> Answer | None:
    columns = list(dict.fromkeys(g.column for g in f.target.subgroups if g.column != "class"))
    return Answer(f"Figures by {', '.join(columns)}, section on subgroups.") if columns else None


def fairness_answer(f: Facts) -> Answer | None:
    found = heterogeneity_answer(f)
    return in_part(found.text, "which of these columns are about fairness") if found else None


def variability_answer(f: Facts) -> Answer | None:
    done = [a.text for a in (heterogeneity_answer(f), robustness_answer(f)) if a is not None]
    return in_part(" ".join(done), "which analyses were planned before") if done else None


def points_answer(f: Facts) -> Answer | None:
    told = "; ".join(
        f"{point.name} from {point.figures.threshold:.3f} ({point.rule})"
        for point in f.target.points
    )
    return Answer(f"Probabilities, and verdicts at thresholds fixed in the bundle: {told}.")


def indeterminate_answer(f: Facts) -> Answer | None:
    found = f.bundle.classes.conformal if f.bundle.classes is not None else None
    text = "Every film that can be read gets a verdict."
    if found is not None and found.undetermined.mean is not None:
        text += f" Conformal sets leave {share(found.undetermined.mean)} of the films undetermined."
    return Answer(text)


def crosstab_answer(f: Facts) -> Answer | None:
    names = ", ".join(point.name for point in f.target.points)
    return Answer(f"Section on operating points: {names}.")
