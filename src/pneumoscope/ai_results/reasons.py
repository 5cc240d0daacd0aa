"""Why a film was refused or its verdict is undetermined, coded; and the result in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope.ai_results import codes
from pneumoscope.decision.gate import is_outside
from pneumoscope.decision.sentences import full_sentence
from pneumoscope.records import REFUSED, UNDETERMINED
from pneumoscope.render import wording
from pneumoscope.render.serialise import NOTICE

if TYPE_CHECKING:
    from pydicom.sr.coding import Code

    from pneumoscope.records import Prediction


def marked_verdict(p: Prediction) -> str:
    """The label with what sets it apart, such as "NORMAL (forced, outside the population)"."""
    marks = ", ".join(wording.marks(p))
    return f"{p.label} ({marks})" if marks else p.label


def coded_reasons(p: Prediction) -> list[tuple[Code, Code]]:
    """Why a film was refused or its verdict is undetermined: (concept, reason); else empty."""
    if p.label == REFUSED:
        return [
            (codes.REFUSAL_REASON, codes.reason(reason.code))
            for reason in p.gate.reasons
            if reason.level == p.gate.level
        ]
    if p.label != UNDETERMINED:
        return []
    if p.profile is None and is_outside(p.gate):
        why = codes.private_code("outside", "Outside the population that the model knows")
    elif len(p.classes) == 2 or any(f.undetermined for f in p.findings):
        why = codes.private_code("several-classes", "The film conforms to more than one class")
    elif not p.classes:
        why = codes.private_code("no-class", "The film conforms to no class")
    else:
        why = codes.private_code("threshold", "Threshold and conformal set disagree")
    return [(codes.UNCLEAR_REASON, why)]


def comments(p: Prediction) -> list[str]:
    """What a reader must know about the result, in sentences."""
    lines = [NOTICE, wording.outside(p), wording.refused(p), *wording.reasons(p)]
    if wording.is_shown(p):
        kinds = wording.kinds(p)
        population = wording.population(p)
        lines += [
            wording.forced(p),
            wording.why_undetermined(p),
            wording.call(p),
            wording.prevalence(p),
            wording.promise(p),
            f"Kind: {kinds}" if kinds else "",
            f"Population: {population}" if population else "",
            wording.heatmap_caption(p),
            *p.warnings,
        ]
    return [full_sentence(line) for line in lines if line]
