"""Answers about figures and how they were measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.decision.sentences import capitalised, counted
from pneumoscope.evidence.evaluation.settings import CALIBRATION, CONFORMAL, DECISION
from pneumoscope.evidence.report.checklists.facts import Answer, in_part
from pneumoscope.evidence.report.words import (
    NAMES,
    Footnotes,
    sentence,
)
from pneumoscope.metrics import threshold_text
from pneumoscope.records import REFUSED, UNDETERMINED
from pneumoscope.render.card.model import heatmap_method

if TYPE_CHECKING:
    from pneumoscope.evidence.report.checklists.facts import Facts, Question


def _metrics(f: Facts) -> Answer | None:
    sections = f.evaluation.settings.sections
    extra = [name for name in (CALIBRATION, DECISION, CONFORMAL) if name in sections]
    also = f"; sections on {', '.join(extra)}" if extra else ""
    return Answer(
        "AUC, average precision; sensitivity, specificity, PPV, NPV, accuracy, F1, kappa and others at each "
        f"operating point{also}."
    )


def _uncertainty(f: Facts) -> Answer | None:
    settings = f.evaluation.settings
    text = f"95 % intervals from {settings.draws:,} draws of patients, seed {settings.seed}"
    pairs = "; pairs of bundles by paired draws, DeLong and McNemar" if f.evaluation.pairs else ""
    return Answer(sentence(text + pairs))


def _robustness(f: Facts) -> Answer | None:
    rob = f.bundle.robustness
    if rob is None:
        return None
    return Answer(f"{len(rob.conditions)} perturbations at the fixed operating point {rob.point}.")


def _explained(f: Facts) -> Answer | None:
    if not f.bundle.meta.heatmaps:
        return Answer("None: the model gives no heatmaps.")
    done = []
    if f.bundle.sanity is not None and f.bundle.sanity.randomisation is not None:
        done.append("weights randomised layer by layer")
    if f.bundle.sanity is not None and f.bundle.sanity.perturbation is not None:
        done.append("deletion and insertion")
    if f.bundle.anatomy is not None:
        done.append("share of the heat inside the lung field")
    text = f"{capitalised(heatmap_method(f.bundle.meta))}, inside the network"
    return (
        Answer(f"{text}. Checked by: {', '.join(done)}.")
        if done
        else in_part(text, "any check of it")
    )


def _performance(f: Facts) -> Answer | None:
    notes, target = Footnotes(), f.target
    auc = target.ranking.roc_auc
    if auc.value is None:
        return None
    return Answer(
        f"AUC of {target.name} {notes.cell(auc)}; sections on discrimination and subgroups."
    )


def _diagnostic(f: Facts) -> Answer | None:
    notes, point = Footnotes(), f.target.default
    figures = [
        f"{NAMES[key]} {notes.cell(figure)}"
        for key in ("sensitivity", "specificity", "ppv", "npv")
        if (figure := getattr(point.figures, key)).value is not None
    ]
    return Answer(f"At {point.name}: {', '.join(figures)}.") if figures else None


def _failures(f: Facts) -> Answer | None:
    gallery = f.bundle.gallery
    if gallery is None:
        return None
    tally = ", ".join(counted(n, kind) for kind, n in gallery.mistakes.items())
    return in_part(
        f"section on films to look at: {tally or 'no mistakes'}", "why the model was wrong"
    )


def _errors(f: Facts) -> Answer | None:
    return _failures(f) or _fairness(f)


def _heterogeneity(f: Facts) -> Answer | None:
    columns = list(dict.fromkeys(g.column for g in f.target.subgroups if g.column != "class"))
    return Answer(f"Figures by {', '.join(columns)}, section on subgroups.") if columns else None


def _fairness(f: Facts) -> Answer | None:
    answer = _heterogeneity(f)
    return in_part(answer.text, "which of these columns concern fairness") if answer else None


def _variability(f: Facts) -> Answer | None:
    done = [a.text for a in (_heterogeneity(f), _robustness(f)) if a is not None]
    return in_part(" ".join(done), "which analyses were planned in advance") if done else None


def _points(f: Facts) -> Answer | None:
    points = "; ".join(
        f"{point.name} {threshold_text(point.figures.threshold)} ({point.rule})"
        for point in f.target.points
    )
    return Answer(f"Probabilities, and verdicts at thresholds fixed in the bundle: {points}.")


def _indeterminate(f: Facts) -> Answer | None:
    result, cell = f.bundle.verdicts, Footnotes().cell
    shares = ", ".join(
        f"{name} {cell(result.label(name).share)}" for name in (UNDETERMINED, REFUSED)
    )
    return Answer(
        f"Share of {counted(result.films, 'film')}: {shares}. Discrimination is given for all films and for those with "
        "a verdict; section on verdicts as shown."
    )


def _crosstab(f: Facts) -> Answer | None:
    names = ", ".join(point.name for point in f.target.points)
    return Answer(f"Section on operating points: {names}.")


ANSWERS: dict[str, Question] = {
    "metrics": _metrics,
    "uncertainty": _uncertainty,
    "robustness": _robustness,
    "explained": _explained,
    "performance": _performance,
    "diagnostic": _diagnostic,
    "failures": _failures,
    "errors": _errors,
    "heterogeneity": _heterogeneity,
    "fairness": _fairness,
    "variability": _variability,
    "points": _points,
    "indeterminate": _indeterminate,
    "crosstab": _crosstab,
}
