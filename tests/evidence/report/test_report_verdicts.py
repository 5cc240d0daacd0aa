"""The section on the verdicts that readers see, by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from evaluated import evaluated_film, settings
from pneumoscope.evidence.evaluation.settings import SECTIONS
from pneumoscope.evidence.evaluation.truth import UNKNOWN, Truth
from pneumoscope.evidence.evaluation.verdict_figures import verdict_result
from pneumoscope.evidence.report.blocks import Paragraph, Picture, Table
from pneumoscope.evidence.report.plots.verdicts import verdicts as plot
from pneumoscope.evidence.report.sections.verdicts import verdicts
from reported import evaluation, outcomes_of
from tiny import scored_meta


def test_the_section_counts_films_with_each_label() -> None:
    # 12 films each: NORMAL at 0.1 (the first refused), undetermined at 0.4, PNEUMONIA at 0.9, of
    # which 2 are normal.
    p = np.repeat([0.1, 0.4, 0.9], 12)
    outcomes = outcomes_of(np.stack([1 - p, p / 2, p / 2], axis=1), scored_meta(), refused=1)
    truth = Truth(np.r_[np.zeros(26), np.ones(10)][:, None], np.full(36, UNKNOWN), {})
    films = [evaluated_film(i, label="x") for i in range(36)]
    result = verdict_result(outcomes, truth, films, settings(sections=SECTIONS))
    record = evaluation()
    blocks = list(verdicts(record, replace(record.bundles[0], verdicts=result)))
    labels = next(block for block in blocks if isinstance(block, Table))
    assert labels.head[:3] == ("label", "films", "share of all")
    assert [(row[0], row[1], row[2][:5]) for row in labels.rows] == [
        ("NORMAL", "11", "0.306"),
        ("PNEUMONIA", "12", "0.333"),
        ("UNDETERMINED", "12", "0.333"),
        ("REFUSED", "1", "0.028"),
    ]
    # Of the 12 films with the verdict PNEUMONIA 2 are normal.
    assert labels.rows[1][5].startswith("0.167")
    text = " ".join(block.text for block in blocks if isinstance(block, Paragraph))
    assert "36 films of 36 patients; the class of 36 is known." in text
    assert "promised: 95.0% of each class" in text
    # The others, by true class: 26 normal films and 10 ill ones.
    drawing = plot("verdicts", result)
    assert b"26 films" in drawing.svg
    assert b"10 films" in drawing.svg
    assert any(isinstance(block, Picture) for block in blocks)
