"""Measures where a bundle looks, against lungs and findings that people drew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.data.masks import read_mask
from pneumoscope.evidence.evaluation.drawn_regions import side_of
from pneumoscope.evidence.evaluation.heat_regions import class_heats, region_heats
from pneumoscope.evidence.evaluation.localisation_results import Localisation
from pneumoscope.evidence.evaluation.masked_views import MaskedViews, masked_views
from pneumoscope.evidence.evaluation.views import (
    LabelledFilms,
    network_inputs,
    outputs_of,
    sample_of,
)
from pneumoscope.evidence.statistics.intervals import Bootstrap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pneumoscope.evidence.evaluation.context import Context, Predicted
    from pneumoscope.evidence.evaluation.evaluated_films import EvaluatedFilm
    from pneumoscope.evidence.evaluation.questions import Question

MOST_HEAT, MOST_VIEWS = 2000, 500
"""Films that are sampled for the heat and for the views, each in about half a minute on two cores."""
NOTHING_DRAWN = "no film has a lung mask or readers' boxes (--masks, --boxes, or columns mask and boxes of a manifest)"
NO_MASKS, ONE_CLASS = "no film has a lung mask", "the films with a lung mask are of one class"


def localisation(
    predicted: Predicted,
    questions: Sequence[Question],
    films: Sequence[EvaluatedFilm],
    context: Context,
) -> Localisation | None:
    """Everything that lung masks and boxes tell of a bundle; None if no film has any.

    Args:
        predicted: The bundle.
        questions: Of the bundle.
        films: All films.
        context: Settings, progress.

    Raises:
        DataError: A mask cannot be read.
    """
    settings = context.settings
    drawn = np.array([film.mask is not None or bool(film.boxes) for film in films])
    rows = sample_of(np.flatnonzero(drawn), MOST_HEAT, settings.seed)
    if not len(rows):
        return None
    chosen = [films[i] for i in rows]
    meta, classifier = predicted.classifier.bundle.meta, predicted.classifier
    outputs = outputs_of(classifier, network_inputs(predicted.pixels[rows], meta.size))
    heats = class_heats(
        outputs.heatmaps,
        predicted.p[rows],
        predicted.targets[rows],
        meta,
        are_shares=outputs.lungs is not None,
    )
    boot = Bootstrap.of([film.patient for film in chosen], settings.draws, settings.seed)
    step = context.counting(f"heat of {predicted.title}")
    regions = region_heats(heats, chosen, boot, step)
    views, question, picked, note = _views(predicted, questions, films, context)
    return Localisation(
        masked=sum(film.mask is not None for film in chosen),
        boxed=sum(bool(film.boxes) for film in chosen),
        one_sided=sum(bool(film.boxes) and side_of(film.boxes) is not None for film in chosen),
        regions=regions,
        views=views.views if views else (),
        view_of=question,
        view_films=len(picked),
        view_patients=len({films[i].patient for i in picked}),
        hidden=views.hidden if views else None,
        area_own=views.area_own if views else None,
        area_fixed=views.area_fixed if views else None,
        note=note,
    )


def _views(
    predicted: Predicted,
    questions: Sequence[Question],
    films: Sequence[EvaluatedFilm],
    context: Context,
) -> tuple[MaskedViews | None, str, NDArray[np.intp], str]:
    """The painted films: results, the question, the films, and why there are no results."""
    seed, nobody = context.settings.seed, np.zeros(0, np.intp)
    masked = np.array([film.mask is not None for film in films])
    if not masked.any():
        return None, "", nobody, NO_MASKS
    both = [q for q in questions if len(np.unique(q.positive[masked[q.rows]])) == 2]
    if not both:
        return None, "", nobody, ONE_CLASS
    question = max(both, key=lambda q: int(q.positive[masked[q.rows]].sum()))
    rows = sample_of(question.rows[masked[question.rows]], MOST_VIEWS, seed)
    side = predicted.pixels.shape[1]
    masks = np.stack([read_mask(path, side).lungs for i in rows if (path := films[i].mask)])
    views = masked_views(
        predicted.classifier,
        LabelledFilms(
            predicted.pixels[rows], predicted.targets[rows], [films[i].patient for i in rows]
        ),
        masks,
        finding=question.finding,
        draws=context.settings.draws,
        seed=seed,
        step=context.counting(f"lungs out for {predicted.title}"),
    )
    return views, question.name, rows, ""
