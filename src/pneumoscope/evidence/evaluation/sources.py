"""Figures by hospital or collection, and how much of a pooled figure is the source.

If the share of ill films differs between sources, whatever recognises the source also ranks the films. The
pooled AUC is a mean over pairs of an ill and a healthy film. Pairs of one source show what the bundle
distinguishes within a hospital; pairs of two sources may also show that it recognises the hospital.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.data.sources import UNNAMED
from pneumoscope.evidence.evaluation.subgroups import figures_of_group
from pneumoscope.evidence.evaluation.target_results import SourceFigures, SourceResult
from pneumoscope.evidence.statistics.intervals import figure_of
from pneumoscope.evidence.statistics.ranking import ONE_CLASS, smaller_class
from pneumoscope.metrics import roc_auc

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pneumoscope.evidence.evaluation.evaluated_films import EvaluatedFilm
    from pneumoscope.evidence.evaluation.questions import Question
    from pneumoscope.evidence.evaluation.settings import Settings
    from pneumoscope.evidence.statistics.intervals import Array, Figure

NO_SOURCE_HAS_BOTH = "no source has films of both classes"
NO_PAIR_BETWEEN = "no ill and healthy film are from different sources"


def source_result(
    question: Question, films: Sequence[EvaluatedFilm], threshold: float, settings: Settings
) -> SourceResult | None:
    """Figures by source; None if the question's films are of fewer than two sources.

    Args:
        question: Films with known answers.
        films: All films.
        threshold: Of the default operating point.
        settings: Draws.
    """
    known = [films[i] for i in question.rows]
    names = np.array([film.source or UNNAMED for film in known])
    sources, codes = np.unique(names, return_inverse=True)
    if len(sources) < 2:
        return None
    by_source = []
    for code, source in enumerate(sources.tolist()):
        group = codes == code
        figures = figures_of_group(question, group, threshold, settings)
        by_source.append(
            SourceFigures(
                source=source,
                films=int(group.sum()),
                patients=len({f.patient for f, inside in zip(known, group, strict=True) if inside}),
                positives=int(question.positive[group].sum()),
                roc_auc=figures["roc_auc"],
                sensitivity=figures["sensitivity"],
                specificity=figures["specificity"],
            )
        )
    boot = question.boot
    samples = boot.over(lambda weights: _pairs(question, codes, weights))
    share = float(samples[0, 3])

    def auc(column: int, missing: str) -> Figure:
        # At 1 none is exact: the first is fitted to these films, the others rank some pairs only.
        few = smaller_class(question.positive, boot)
        return figure_of(samples[:, column], boot, "unit", missing, patients=few, bias="log odds")

    alone, within = auc(0, ONE_CLASS), auc(1, NO_SOURCE_HAS_BOTH)
    return SourceResult(
        sources=tuple(by_source),
        source_alone=alone,
        within=within,
        between=auc(2, NO_PAIR_BETWEEN),
        pairs_within=share if np.isfinite(share) else None,
        words=_words(alone, within, share),
    )


def _pairs(q: Question, codes: NDArray[np.intp], weights: Array) -> Array:
    """AUC of the source alone, within and between sources, and share of pairs within: (draws, 4)."""
    positive = q.positive
    ill_share = np.array([positive[codes == code].mean() for code in range(codes.max() + 1)])
    pairs = weights[:, positive].sum(axis=1) * weights[:, ~positive].sum(axis=1)
    inside, ranked = np.zeros(len(weights)), np.zeros(len(weights))
    for code in np.unique(codes):
        group = codes == code
        if positive[group].all() or not positive[group].any():
            continue
        part, ill = weights[:, group], positive[group]
        count = part[:, ill].sum(axis=1) * part[:, ~ill].sum(axis=1)
        auc = roc_auc(ill, q.p[group], part)
        inside += count
        ranked += np.where(count > 0, auc, 0.0) * count
    pooled = roc_auc(positive, q.p, weights)
    with np.errstate(invalid="ignore", divide="ignore"):
        within = ranked / inside
        # Of no pair at all, rounding would leave a figure.
        between = np.where(pairs > inside, (pooled * pairs - ranked) / (pairs - inside), np.nan)
        share = inside / pairs
    return np.stack([roc_auc(positive, ill_share[codes], weights), within, between, share], axis=1)


def _words(alone: Figure, within: Figure, share: float) -> str:
    if alone.value is None:
        return "All films are of one class, so nothing can be ranked."
    first = (
        "Ranking the films by the share of positive films in their source, without looking at them, gives "
        f"AUC {alone.value:.3f}."
    )
    if within.value is None:
        return (
            f"{first} No source has films of both classes, so the pooled AUC may be that of the source "
            "altogether."
        )
    return (
        f"{first} {share:.0%} of the pairs of a positive and a negative film are of one source; among them the "
        f"AUC is {within.value:.3f}."
    )
