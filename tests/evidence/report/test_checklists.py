"""Reporting checklists, filled in."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

for module in ("cv2", "scipy", "sklearn", "matplotlib", "reportlab"):
    pytest.importorskip(module)


from pneumoscope.evidence.evaluation.evaluated_films import TrainingOverlap
from pneumoscope.evidence.report.checklists import answers as checklist_answers
from pneumoscope.evidence.report.checklists import items as checklist_items
from pneumoscope.evidence.report.checklists import section as checklists
from reported import evaluation


@pytest.mark.parametrize(
    ("name", "numbers"), [("claim-2024", 44), ("tripod-ai", 27), ("stard-ai", 40)]
)
def test_checklists_are_complete(name: str, numbers: int) -> None:
    items = checklist_items.load(name).items
    assert sorted({int(re.sub(r"\D", "", n)) for n, _, _ in items}) == list(range(1, numbers + 1))
    assert len({n for n, _, _ in items}) == len(items)
    for number, text, key in items:
        assert text, number
        assert key == checklist_items.OPEN or key in checklist_answers.ANSWERS, key


def test_no_answer_is_without_a_question() -> None:
    keys = {key for name in checklist_items.NAMES for _, _, key in checklist_items.load(name).items}
    assert set(checklist_answers.ANSWERS) <= keys


def test_items_without_an_answer_are_not_done() -> None:
    answers = checklist_answers.answers_of(evaluation())
    rows = {row[0]: row for row in checklists.filled(checklist_items.load("claim-2024"), answers)}
    assert rows["44"][2:] == ("not done", "")  # funding
    assert rows["33"][2:] == ("not done", "")  # external testing: no record tells
    assert rows["34"][2] == "not applicable"
    assert rows["30"][2:] == (
        "answered", "10 perturbations at the fixed operating point balanced.",
    )  # fmt: skip
    assert rows["22"][2] == "not done"  # the tiny bundle has no recipe
    assert rows["5"][2] == "in part"  # who gathered the films, and when, no record tells


def test_answers_do_not_claim_what_was_not_compared() -> None:
    whole = evaluation(full=False)
    (bundle, *_) = whole.bundles
    overlap = TrainingOverlap(False, None, None, "not known")
    meta = replace(bundle.meta, data={**bundle.meta.data, "split": "patient"})
    partial = replace(whole, bundles=(replace(bundle, overlap=overlap, meta=meta),), pairs=())
    answers = checklist_answers.answers_of(partial)
    assert answers["disjoint"] is not None
    assert answers["disjoint"].status == "in part"
    assert answers["uncertainty"] is not None
    assert "DeLong" not in answers["uncertainty"].text


def test_left_out_sections_leave_their_items_open() -> None:
    answers = checklist_answers.answers_of(evaluation(full=False))
    for key in ("robustness", "failures", "heterogeneity"):
        assert answers[key] is None
    assert answers["explained"] is not None
    assert answers["explained"].status == "in part"
