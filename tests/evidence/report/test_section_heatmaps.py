"""The sections on whether heatmaps depend on the network."""

from __future__ import annotations

from dataclasses import replace

import pytest

import section_blocks as blocks_of
from drawings import MISSING
from pneumoscope.evidence.evaluation.heatmap_deletion import Curve, Perturbation
from pneumoscope.evidence.evaluation.heatmap_sanity import (
    Agreement,
    Depth,
    Randomisation,
    Similarity,
)
from pneumoscope.evidence.evaluation.results import BundleResult, Evaluation
from pneumoscope.evidence.evaluation.section_results import Sanity
from pneumoscope.evidence.report.sections.heatmaps import agreement, sanity
from pneumoscope.evidence.report.sections.localisation import localisation
from pneumoscope.evidence.statistics.intervals import Figure

ALIKE = Similarity(Figure(0.2, 0.1, 0.3), Figure(0.4, 0.3, 0.45))
OTHER = Similarity(Figure(0.6, 0.5, 0.7), Figure(0.7, 0.6, 0.8))
RANDOM = Randomisation(
    films=9,
    repeats=3,
    depths=(Depth(1, "dense", OTHER, 0.0), Depth(5, "conv", ALIKE, 0.25)),
    other_films=OTHER,
    passed=True,
)
HEAT = Curve("heatmap", (0.9, 0.1), Figure(0.4, 0.3, 0.5), None)
CHANCE = Curve("random", (0.9, 0.1), Figure(0.6, 0.5, 0.7), Figure(0.2, 0.1, 0.3))
PERTURBED = Perturbation(9, 2, (0.0, 1.0), (HEAT, CHANCE), (replace(HEAT, area=MISSING),))


def with_sanity(record: Evaluation, result: Sanity | None) -> BundleResult:
    return replace(record.bundles[0], sanity=result, silences={})


@pytest.mark.parametrize(
    ("passed", "words"),
    [
        (True, "Passed: with all layers random, both intervals are below 0.5."),
        (False, "Not passed: with all layers random, the maps still resemble the original ones."),
        (None, "No verdict: there are too few patients for an interval."),
    ],
)
def test_the_verdict_on_random_weights_is_in_words(
    quick: None, record: Evaluation, passed: bool | None, words: str
) -> None:
    result = Sanity(replace(RANDOM, passed=passed), None)
    text = blocks_of.text(sanity(record, with_sanity(record, result)))
    assert f"9 films, 3 random networks. {words}" in text


def test_each_depth_has_its_similarity_beside_that_of_other_films(
    quick: None, record: Evaluation
) -> None:
    made = list(sanity(record, with_sanity(record, Sanity(RANDOM, None))))
    assert blocks_of.rows(made, "random layers") == {
        "1, down to dense": ("0.600 [0.500, 0.700]", "0.700 [0.600, 0.800]", "0.0%"),
        "5, down to conv": ("0.200 [0.100, 0.300]", "0.400 [0.300, 0.450]", "25.0%"),
        "original network, two different films": (
            "0.600 [0.500, 0.700]", "0.700 [0.600, 0.800]", "",
        ),
    }  # fmt: skip
    assert blocks_of.titles(made, 2) == ["Random weights, layer by layer"]


def test_the_advantage_of_the_heatmap_stands_with_the_other_orders(
    quick: None, record: Evaluation
) -> None:
    made = list(sanity(record, with_sanity(record, Sanity(None, PERTURBED))))
    assert blocks_of.rows(made, "order of the pixels") == {
        "deletion: heatmap": ("0.400 [0.300, 0.500]", ""),
        "deletion: random": ("0.600 [0.500, 0.700]", "0.200 [0.100, 0.300]"),
        "insertion: heatmap": ("- (a)", ""),
    }
    assert "9 films. 2 films with a blank map left out." in blocks_of.paragraphs(made)
    assert blocks_of.titles(made, 2) == ["Deletion and insertion"]


def test_no_blank_map_is_not_mentioned(quick: None, record: Evaluation) -> None:
    result = Sanity(None, replace(PERTURBED, left_out=0))
    assert "9 films." in blocks_of.paragraphs(sanity(record, with_sanity(record, result)))


def test_sanity_that_was_not_measured_says_so(quick: None, record: Evaluation) -> None:
    bundle = replace(with_sanity(record, None), silences={"sanity": "the extra is missing"})
    made = list(sanity(record, bundle))
    assert blocks_of.warnings(made) == ["Not measured. The extra is missing."]


def test_agreement_has_a_row_for_each_pair_and_one_for_chance(
    quick: None, record: Evaluation
) -> None:
    result = Agreement(9, {"a and b": ALIKE}, ALIKE, OTHER)
    made = list(agreement(replace(record, agreement=result)))
    assert blocks_of.rows(made, "maps of") == {
        "a and b": ("0.200 [0.100, 0.300]", "0.400 [0.300, 0.450]"),
        "all pairs": ("0.200 [0.100, 0.300]", "0.400 [0.300, 0.450]"),
        "two different films": ("0.600 [0.500, 0.700]", "0.700 [0.600, 0.800]"),
    }


def test_blank_maps_of_two_bundles_still_give_a_section(quick: None, record: Evaluation) -> None:
    blank = Similarity(MISSING, MISSING)
    made = list(
        agreement(replace(record, agreement=Agreement(9, {"a and b": blank}, blank, blank)))
    )
    assert blocks_of.rows(made, "maps of")["a and b"] == ("- (a)", "- (a)")


def test_one_bundle_has_nothing_to_agree_with(record: Evaluation) -> None:
    assert list(agreement(replace(record, agreement=None))) == []


def test_a_model_without_heatmaps_has_no_such_section(record: Evaluation) -> None:
    (bundle, *_) = record.bundles
    bare = replace(bundle, meta=replace(bundle.meta, heatmaps=False), sanity=None)
    assert list(sanity(record, bare)) == []
    assert list(localisation(record, bare)) == []
