"""Flow of the films, and demographics."""

from __future__ import annotations

from dataclasses import replace

import section_blocks as blocks_of
from pneumoscope.evidence.evaluation.demographics import demographics
from pneumoscope.evidence.evaluation.results import Evaluation
from pneumoscope.evidence.report.sections.participants import participants


def test_the_table_counts_films_by_class(record: Evaluation) -> None:
    films = tuple(
        replace(film, facts={"age": str(20 + i), "sex": "FM"[i % 2]}, source="A")
        for i, film in enumerate(record.films.films)
    )
    known = replace(record.films, films=films, demographics=demographics(films))
    labels = sorted({film.label for film in films})
    cells = blocks_of.rows(participants(replace(record, films=known)), "", "all films", *labels)
    assert cells["films"] == ("60", "20", "20", "20")
    # Ages 20 to 79.
    assert cells["age in years: median [quartiles]"][0] == "49.5 [34.8, 64.2]"
    assert cells["age unknown"][0] == "0 (0.0%)"
    assert cells["sex: F"][0] == "30 (50.0%)"
    assert cells["source: A"] == ("60 (100.0%)", *["20 (100.0%)"] * 3)


def test_unknown_facts_are_said_to_be_so(record: Evaluation) -> None:
    assert "The data give neither age, sex, view nor source of the films." in (
        blocks_of.paragraphs(participants(record))
    )
