"""The report's section on sources."""

from __future__ import annotations

from dataclasses import replace

import pytest

for module in ("cv2", "scipy", "sklearn", "matplotlib", "reportlab"):
    pytest.importorskip(module)

from evaluated import evaluated_film, question
from evaluated import settings as settings_of
from pneumoscope.evidence.evaluation.results import Evaluation
from pneumoscope.evidence.evaluation.sources import source_result
from pneumoscope.evidence.report.blocks import Heading, Paragraph, Picture, Table
from pneumoscope.evidence.report.sections.sources import sources
from reported import evaluation


def with_sources(record: Evaluation) -> Evaluation:
    (bundle,) = record.bundles
    (target,) = bundle.targets
    q = question([0.9, 0.4, 0.3, 0.5, 0.6, 0.8], [True, True, False, True, True, True])
    films = [evaluated_film(i, source="ab"[i > 2]) for i in range(6)]
    result = source_result(q, films, 0.45, settings_of())
    return replace(record, bundles=(replace(bundle, targets=(replace(target, sources=result),)),))


def test_a_dash_and_its_reason_where_a_source_has_one_class(quick: None) -> None:
    record = with_sources(evaluation(full=False))
    blocks = list(sources(record, record.bundles[0]))
    assert isinstance(blocks[0], Heading)
    by_source, pooled = (block for block in blocks if isinstance(block, Table))
    assert by_source.rows[0][:3] == ("a", "3 of 3", "2")
    assert by_source.rows[0][3].startswith("1.000")
    assert by_source.rows[1][3].startswith("- (")
    notes = " ".join(b.text for b in blocks if isinstance(b, Paragraph))
    assert "all films are of one class" in notes
    # Of the five pairs two are of source a.
    assert [row[2] for row in pooled.rows] == ["", "", "40.0%", "60.0%"]
    assert pooled.rows[2][1].startswith("1.000")
    assert any(isinstance(block, Picture) for block in blocks)


def test_films_of_a_single_source_have_no_section(quick: None) -> None:
    record = evaluation(full=False)
    assert list(sources(record, record.bundles[0])) == []
