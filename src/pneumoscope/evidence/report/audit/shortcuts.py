"""The sections of the audit page on shortcuts."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np

from pneumoscope.data.film_statistics import STATISTICS
from pneumoscope.decision.sentences import capitalised, counted
from pneumoscope.evidence.audit.file_shortcuts import NUMBERS
from pneumoscope.evidence.audit.shortcuts import ALL, FILE, PICTURE, THUMBNAIL, source_note
from pneumoscope.evidence.report.audit.charts import axis, histogram, interval_bar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pneumoscope.evidence.audit.results import Audit
    from pneumoscope.evidence.audit.shortcuts import Score, Shortcuts


def shortcuts_section(result: Audit, shortcuts: Shortcuts) -> str:
    """The scores of one contrast, by source."""
    if shortcuts.silence:
        return f"<p>Can't say: {escape(shortcuts.silence)}.</p>"
    keyed = any(entry.keyed for entry in result.listing.entries)
    patients = counted(shortcuts.patients, "patient") if keyed else "unknown patients"
    parts = [
        f'<p class="soft">{counted(shortcuts.films, "film")} of {patients}, '
        f"{shortcuts.prevalence:.1%} {escape(shortcuts.positive)}. AUC from 0.5 (no information) to 1 (perfect); "
        "bars are 95 % intervals over patients.</p>"
    ]
    for source in (FILE, PICTURE, THUMBNAIL, ALL):
        scores = [s for s in shortcuts.scores if s.source == source]
        parts.append(f"<h3>{escape(capitalised(source))}</h3>")
        parts.append(f'<p class="soft">{escape(source_note(source))}</p>')
        parts.append(_scores(scores))
        parts.append(_charts(result, shortcuts, scores))
    return "".join(parts)


def _scores(scores: Sequence[Score]) -> str:
    rows = []
    for score in sorted((s for s in scores if not s.constant), key=lambda s: -s.auc.value):
        quiet = "" if score.notable else ' class="quiet"'
        rows.append(
            f"<tr{quiet}><td>{escape(score.feature)}</td>"
            f'<td class="n">{score.auc}</td>'
            f'<td>{interval_bar(score.auc)}</td><td class="words">{escape(score.words)}</td></tr>'
        )
    constant = [s for s in scores if s.constant]
    constant_note = (
        f'<p class="soft">Equal on all films, so without information: {escape(", ".join(s.feature for s in constant))}.</p>'
        if constant
        else ""
    )
    if not rows:
        return constant_note
    head = f'<tr><th>feature</th><th class="n">AUC</th><th>{axis()}</th><th></th></tr>'
    table = f"<table class=scores>{head}{''.join(rows)}</table>"
    return f'<div class="wide">{table}</div>{constant_note}'


def _charts(result: Audit, shortcuts: Shortcuts, scores: Sequence[Score]) -> str:
    """Histograms of the three most informative numbers."""
    notable = sorted((s for s in scores if s.notable), key=lambda s: -s.auc.low)
    figures: list[str] = []
    for score in notable:
        values = _values(result, score.feature)
        if values is None or len(figures) == 3:
            continue
        truth = result.sides[shortcuts.contrast]
        groups = [values[[i for i, side in truth if side is group]] for group in (True, False)]
        figures.append(
            f"<figure>{histogram(*groups)}<figcaption>{escape(score.feature)}</figcaption></figure>"
        )
    if not figures:
        return ""
    key = f'<p class="key"><i style="background:var(--red)"></i>{escape(shortcuts.positive)}<i style="background:var(--green)"></i>{escape(shortcuts.negative)}</p>'
    return f'<div class="charts">{"".join(figures)}</div>{key}'


def _values(result: Audit, feature: str) -> NDArray[np.float64] | None:
    if feature in NUMBERS:
        return np.array([f.numbers[NUMBERS.index(feature)] for f in result.reading.files])
    if feature in STATISTICS:
        return result.reading.statistics[:, STATISTICS.index(feature)]
    return None
