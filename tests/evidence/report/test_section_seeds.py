"""The section on the spread over seeds."""

from __future__ import annotations

from dataclasses import replace

import section_blocks as blocks_of
from pneumoscope.evidence.evaluation.results import Evaluation
from pneumoscope.evidence.evaluation.section_results import SeedSpread, Spread
from pneumoscope.evidence.report.sections.seeds import seeds


def test_a_row_for_each_figure(record: Evaluation) -> None:
    spread = SeedSpread(
        "small", "ill", (1, 2), {"roc_auc": Spread(mean=0.9, sd=0.01, lowest=0.89, highest=0.91)}
    )
    made = list(seeds(replace(record, seeds=(spread,))))
    cells = blocks_of.rows(made, "figure", "mean", "standard deviation", "lowest", "highest")
    assert cells["AUC"] == ("0.900", "0.010", "0.890", "0.910")
    assert list(seeds(record)) == []
