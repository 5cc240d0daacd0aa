"""The first page of a report."""

from __future__ import annotations

from dataclasses import replace

import pytest

for module in ("cv2", "scipy", "sklearn", "matplotlib", "reportlab"):
    pytest.importorskip(module)


from pneumoscope.evidence.evaluation.results import Evaluation
from pneumoscope.evidence.report.blocks import (
    Report,
    words_of,
)
from pneumoscope.evidence.report.sections.shortcut_words import verdicts
from pneumoscope.evidence.report.sections.summary import summary, worst_case
from reported import evaluation


def test_the_first_page_names_the_worst_case_and_the_shortcut() -> None:
    full = evaluation()
    assert worst_case(full.bundles[0]) == (
        "Worst case of tiny 1, of 10 perturbations: crop by 5 (crop, severity 5): balanced accuracy is "
        "0.640 [0.540, 0.690]. Among severities 1 to 3: crop by 3 (crop, severity 3): balanced accuracy "
        "is 0.740 [0.640, 0.790]."
    )
    texts = list(verdicts(full))
    assert "bytes (file), without any model of lungs, reach AUC 0.812 [0.700, 0.900]" in texts[0]
    assert "50.0% needs the lung field" in texts[1]
    points = words_of(Report("", "", "", tuple(summary(full))))
    assert "Nobody's lungs." in points
    assert "A warning." in points


def test_the_summary_does_not_count_unknown_patients(record: Evaluation) -> None:
    unknown = replace(record, films=replace(record.films, keyed=0))
    first, second = (words_of(Report("", "", "", tuple(summary(e)))) for e in (record, unknown))
    assert "evaluated on 60 films of 30 patients from drawn films" in first[0]
    assert "60 films (whose patients are not known; each film counts as one) from" in second[0]
