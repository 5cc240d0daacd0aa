from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

pytest.importorskip("sklearn", reason="needs the [train] extra")

from audits import audit_of, listed
from pneumoscope.data.check import Broken
from pneumoscope.data.listing import Listing
from pneumoscope.evidence.audit.findings import Finding
from pneumoscope.evidence.audit.labels import Doubt, Doubts
from pneumoscope.evidence.audit.results import Audit, Picture
from pneumoscope.evidence.audit.shortcuts import Shortcuts
from pneumoscope.evidence.audit.splits import Shift, groupings
from pneumoscope.evidence.audit.verdict import findings
from pneumoscope.metrics import Interval


@pytest.mark.parametrize(
    ("low", "high", "level", "words"),
    [
        (0.06, 0.14, "look", "difference +10.0 points [+6.0, +14.0]"),
        (-0.05, 0.25, "unknown", "too few films to tell whether they differ"),
        (-0.01, 0.09, "pass", "these films show no clear difference"),
        (0.01, 0.05, "pass", "; small."),
    ],
)
def test_shifts_are_judged_by_their_interval(
    plain: Audit, low: float, high: float, level: str, words: str
) -> None:
    middle = (low + high) / 2
    shift = Shift(
        contrast="sick against normal",
        splits=("train", "test"),
        shares=(0.5 + middle, 0.5),
        films=(400, 400),
        difference=Interval(middle, low, high),
        p=0.5,
    )
    of_shift = [f for f in findings(replace(plain, shifts=(shift,))) if f.check == "prior shift"]
    assert [finding.level for finding in of_shift] == [level]
    assert words in of_shift[0].reason


def test_patients_in_two_splits_stop_only_under_the_keys_as_given(plain: Audit) -> None:
    films = listed(
        ("bacteria/person1", "bacterial", "train"),
        ("virus/person1", "viral", "validation"),
        ("normal/IM-0002", "normal", "train"),
    )
    result = replace(plain, listing=films, groupings=groupings(films))
    of_patients = [f for f in findings(result) if f.check == "patients"]
    assert [finding.level for finding in of_patients] == ["pass", "look"]
    assert "1 of 2 patients (without sub-type and prefix) are in two splits" in (
        of_patients[1].reason
    )
    twice = listed(("normal/IM-0002", "normal", "train"), ("normal/IM-0002", "normal", "test"))
    result = replace(plain, listing=twice, groupings=groupings(twice))
    assert [f.level for f in findings(result) if f.check == "patients"] == ["stop", "look"]


def judged(check: str, **changes: Any) -> list[Finding]:
    """What is said of one check."""
    return [f for f in findings(audit_of(**changes)) if f.check == check]


def many(number: int) -> Listing:
    return listed(*((f"p{i}", "viral" if i % 2 else "normal", "train") for i in range(number)))


def cannot_be_read(number: int) -> tuple[Broken, ...]:
    return tuple(
        Broken(path=f"{i}.png", code="TruncatedImage", message=f"{i}.png: cut", hint="")
        for i in range(number)
    )


@pytest.mark.parametrize(
    ("broken", "level", "reason"),
    [
        (0, "pass", "All 100 films can be read."),
        (1, "look", "1 of 100 films cannot be read (0.png: cut). They are not"),
        (5, "look", "5 of 100 films cannot be read (0.png: cut, ...)."),
        (6, "stop", "6 of 100 films cannot be read (0.png: cut, ...)."),
    ],
)
def test_more_than_five_per_cent_of_broken_films_stop(broken: int, level: str, reason: str) -> None:
    reading = replace(audit_of().reading, broken=cannot_be_read(broken))
    (finding,) = judged("readable films", listing=many(100), reading=reading)
    assert finding.level == level
    assert finding.reason.startswith(reason)
    assert bool(finding.advice) == bool(broken)


@pytest.mark.parametrize(("number", "levels"), [(99, ["look"]), (100, [])])
def test_fewer_than_a_hundred_films_are_few(number: int, levels: list[str]) -> None:
    assert [f.level for f in judged("number of films", listing=many(number))] == levels


def test_films_without_labels_are_counted_and_limits_are_unknown() -> None:
    films = many(100)
    bare = [replace(entry, values=(None,) * 3) for entry in films.entries[:2]]
    films = replace(films, entries=(*bare, *films.entries[2:]))
    (limit, missing) = judged("labels", listing=films, limits=("no training could use it",))
    assert (limit.level, limit.reason) == ("unknown", "No training could use it.")
    assert (missing.level, missing.reason) == ("look", "2 films without a label.")
    # A film without any finding has a label.
    findings_only = replace(films, findings=True, entries=films.entries[:1])
    assert judged("labels", listing=findings_only) == []


def copies(*across: tuple[str, ...], exact: bool = True, turn: str = "") -> tuple[Picture, ...]:
    return tuple(Picture(("a.png", "b.png"), exact, turn, 1.0, kinds) for kinds in across)


@pytest.mark.parametrize(
    ("pictures", "level", "words"),
    [
        ((), "pass", "No film occurs in the set twice"),
        (copies(()), "look", "1 group of films with the same pixels, 0 pairs of films"),
        (copies(()), "look", "None lies across splits, classes or patients."),
        (copies(("patient",)), "look", "1 have different patient keys, so a split by patient"),
        (copies(("class",)), "stop", "1 have different labels, so one of the labels must be wrong"),
        (copies(("split",), ()), "stop", "2 groups of films with the same pixels"),
        (copies(("split",), ()), "stop", "1 lie across splits: memorised films count as correct"),
        (copies((), exact=False, turn="mirrored"), "look", "(1 of them mirrored or turned)"),
    ],
)
def test_copies_stop_if_they_make_results_look_better(
    pictures: tuple[Picture, ...], level: str, words: str
) -> None:
    (finding,) = judged("copies", pictures=pictures)
    assert finding.level == level
    assert words in finding.reason


def test_unknown_patients_are_unknown_not_passed() -> None:
    films = listed(("a", "normal", "train"), ("b", "viral", "test"))
    bare = replace(films, entries=tuple(replace(e, keyed=False) for e in films.entries))
    (finding,) = judged("patients", listing=bare, groupings=groupings(bare))
    assert finding.level == "unknown"
    assert "2 of 2 films have no patient key: it is not known whether a patient is in two" in (
        finding.reason
    )
    one_split = replace(bare, entries=tuple(replace(e, split="train") for e in bare.entries))
    unknown, nothing = judged("patients", listing=one_split, groupings=())
    assert "a split may put the same patient on both sides" in unknown.reason
    assert nothing.level == "not applicable"


@pytest.mark.parametrize(("confident", "level"), [(0, "pass"), (1, "pass"), (2, "look")])
def test_more_than_one_per_cent_of_doubtful_labels_are_worth_a_look(
    confident: int, level: str
) -> None:
    sure = tuple(Doubt(i, "normal", "viral", 0.1, 0.9, True) for i in range(confident))
    leaning = (Doubt(9, "viral", "normal", 0.4, 0.6, False),)
    doubts = Doubts(("normal", "viral"), 100, (*sure, *leaning))
    (finding,) = judged("label errors", doubts=doubts)
    assert finding.level == level
    assert finding.reason.startswith(f"{confident} of 100 films clearly look like another class")
    assert "1 more tend to do so. These are candidates, not errors." in finding.reason
    assert finding.advice == "Have an expert read the ranked films."


def test_a_bundle_that_knows_the_films_may_know_their_errors() -> None:
    (finding,) = judged("label errors", doubts=Doubts(("a", "b"), 9, (), seen=True))
    assert "may know their labels" in finding.reason
    assert finding.advice == ""
    (silent,) = judged("label errors", doubts=Doubts((), 0, (), "only one class has films"))
    assert (silent.level, silent.reason) == ("unknown", "Only one class has films.")


def test_labels_in_one_split_cannot_shift() -> None:
    shortcuts = Shortcuts("a against b", "a", "b", 8, 8, 0.5, (), "too few")
    (finding,) = judged("prior shift", shortcuts=(shortcuts,))
    assert finding.level == "not applicable"
    assert judged("prior shift") == []
