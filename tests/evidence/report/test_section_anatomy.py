"""The section on films without lungs."""

from __future__ import annotations

from dataclasses import replace

import section_blocks as blocks_of
from pneumoscope.evidence.evaluation.results import Evaluation
from pneumoscope.evidence.report.sections.anatomy import anatomy
from pneumoscope.evidence.statistics.intervals import Figure
from reported import anatomy_by_network


def test_each_view_has_what_is_lost_and_what_needs_anatomy(quick: None, record: Evaluation) -> None:
    cells = blocks_of.rows(anatomy(record, record.bundles[0]), "films", "AUC")
    assert cells["as they are"] == ("0.900 [0.800, 0.950]", "", "")
    assert cells["without lungs (mean)"] == (
        "0.700 [0.600, 0.800]", "0.200 [0.100, 0.300]", "0.500 [0.300, 0.700]",
    )  # fmt: skip
    # What the masks alone tell, without the model: no interval, hence a note.
    assert cells["edges of the lungs' box alone, without the model"] == ("0.500 (a)", "", "")


def test_doubts_of_the_lung_field_are_counted(quick: None, record: Evaluation) -> None:
    text = blocks_of.text(anatomy(record, record.bundles[0]))
    assert "PNEUMONIA: 60 films of 30 patients; the lung field is found" in text
    assert "which reports doubts on 3 of them" in text
    assert "hides 90.0% of the lung field and 40.0% of the film" in text


def test_heat_stands_beside_the_area_of_its_region(quick: None, record: Evaluation) -> None:
    assert blocks_of.rows(anatomy(record, record.bundles[0]), "heat of") == {
        "bacterial": (
            "40",
            "0.600 [0.500, 0.700] of 30.0%",
            "0.800 [0.700, 0.900] of 50.0%",
            "0.010 (a) of 10.0%",
        )
    }


def test_the_network_s_lungs_stand_beside_the_classical_ones(
    quick: None, record: Evaluation
) -> None:
    (bundle, *_) = record.bundles
    made = list(anatomy(record, replace(bundle, anatomy=anatomy_by_network())))
    text = blocks_of.text(made)
    assert "the lung field is that of the bundle's network" in text
    assert "a classical method finds the lungs too, which reports doubts on 3 of them" in text
    assert "0.920 [0.910, 0.930], 0.940 [0.930, 0.950] where it has no doubts." in text
    cells = blocks_of.rows(made, "films", "AUC", "AUC, classical field")
    assert cells["as they are"] == ("0.900 [0.800, 0.950]", "", "", "")
    assert cells["without lungs (mean)"] == (
        "0.700 [0.600, 0.800]", "0.720 [0.620, 0.820]", "0.200 [0.100, 0.300]",
        "0.500 [0.300, 0.700]",
    )  # fmt: skip
    assert "cells of the lung field alone, without the model" in cells
    heat = blocks_of.rows(made, "heat of", "films", "lungs", "lungs, classical field")
    assert heat["bacterial"][1:3] == (
        "0.600 [0.500, 0.700] of 30.0%", "0.550 [0.450, 0.650] of 28.0%",
    )  # fmt: skip


def test_films_without_heat_have_no_table_of_it(quick: None, record: Evaluation) -> None:
    (bundle, *_) = record.bundles
    assert bundle.anatomy is not None
    bare = replace(bundle, anatomy=replace(bundle.anatomy, heat={}))
    assert "Location of the heat" not in blocks_of.titles(anatomy(record, bare), 2)


def test_a_share_that_cannot_be_told_says_why(quick: None, record: Evaluation) -> None:
    (bundle, *_) = record.bundles
    assert bundle.anatomy is not None
    whole, view = bundle.anatomy.views
    chance = replace(view, needs_anatomy=Figure(None, note="the AUC is not above chance"))
    made = list(
        anatomy(record, replace(bundle, anatomy=replace(bundle.anatomy, views=(whole, chance))))
    )
    assert blocks_of.rows(made, "films", "AUC")["without lungs (mean)"][2] == "- (a)"
    assert "(a) the AUC is not above chance" in blocks_of.text(made)


def test_anatomy_that_was_not_measured_says_so(quick: None, record: Evaluation) -> None:
    silences = {"anatomy": "all films are of one class"}
    made = list(anatomy(record, replace(record.bundles[0], anatomy=None, silences=silences)))
    assert blocks_of.warnings(made) == ["Not measured. All films are of one class."]
    assert blocks_of.plots(made) == []
