"""Sections of the audit page on films, copies, patients and labels."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from audits import audit_of, listed, shown
from pneumoscope.data.check import Broken
from pneumoscope.evidence.audit.labels import Doubt, Doubts
from pneumoscope.evidence.audit.near_duplicates import Copy
from pneumoscope.evidence.audit.results import Audit, Picture
from pneumoscope.evidence.audit.splits import Shift, groupings
from pneumoscope.evidence.report.audit.sections import contents, copies, doubts, method, splits
from pneumoscope.metrics import Interval


def cells(html: str) -> list[list[str]]:
    """Rows of all tables."""
    rows = re.findall(r"<tr[^>]*>(.*?)</tr>", html)
    return [re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row) for row in rows]


def test_films_are_counted_by_split_and_class() -> None:
    films = listed(
        ("a", "normal", "train"), ("b", "viral", "train"), ("c", "viral", "train"),
        ("d", "normal", "test"),
    )  # fmt: skip
    made = cells(contents(audit_of(listing=films)))
    assert made[:3] == [
        ["split", "films", "normal", "bacterial", "viral"],
        ["train", "3", "1", "0", "2"],
        ["test", "1", "1", "0", "0"],
    ]


def test_films_without_label_or_split_have_a_place() -> None:
    films = listed(("a", "normal", ""), ("b", "no such class", ""))
    films = replace(films, entries=tuple(replace(e, split=None) for e in films.entries))
    made = cells(contents(audit_of(listing=films)))
    assert made[:2] == [
        ["split", "films", "normal", "bacterial", "viral", "without label"],
        ["films", "2", "1", "0", "0", "1"],
    ]


def test_the_most_frequent_properties_of_files_come_first() -> None:
    base = audit_of()
    tables = ("a", "b", "b", "c", "d", "e", "f", "g")
    files = tuple(
        replace(file, words=(*file.words[:2], name, *file.words[3:]))
        for file, name in zip(base.reading.files, tables, strict=True)
    )
    made = contents(audit_of(reading=replace(base.reading, files=files)))
    (row,) = [row for row in cells(made) if row[0] == "quantisation table"]
    assert row[1] == "b (2), a (1), c (1), d (1), e (1), f (1), and 1 more"


def test_films_that_cannot_be_read_are_listed_up_to_twenty() -> None:
    broken = tuple(
        Broken(path=f"{i}&.png", code="TruncatedImage", message="", hint="Copy it again.")
        for i in range(23)
    )
    base = audit_of()
    made = contents(audit_of(reading=replace(base.reading, broken=broken)))
    assert ["0&amp;.png", "TruncatedImage", "Copy it again."] in cells(made)
    assert "20&amp;.png" not in made
    assert "And 3 more: audit.json lists all." in made


def two_copies(folder: Path) -> Audit:
    """An exact group of three across classes, and a mirrored pair across splits."""
    exact = Picture(("0.png", "1.png", "2.png"), True, "", 1.0, ("class", "patient"))
    near = Picture(("3.png", "4.png"), False, "mirrored", 0.9312, ("split", "class", "patient"))
    groups = (Copy((0, 1, 2), True, "", 1.0), Copy((3, 4), False, "mirrored", 0.9312))
    return shown(audit_of(pictures=(exact, near), copies=groups), folder)


def test_copies_across_most_borders_come_first_with_their_names(tmp_path: Path) -> None:
    made = re.findall(r"<figcaption>(.*?)</figcaption>", copies(two_copies(tmp_path)))
    assert made == [
        'same picture, similarity 0.93, mirrored <span class="mark">across splits and classes and '
        "patients</span><br>3.png = 4.png",
        'same pixels <span class="mark">across classes and patients</span><br>0.png = 1.png '
        "(and 1 more)",
    ]


def test_each_copy_shows_two_films(tmp_path: Path) -> None:
    assert re.findall(r'<img alt="([^"]*)"', copies(two_copies(tmp_path))) == [
        "3.png", "4.png", "0.png", "1.png",
    ]  # fmt: skip
    assert copies(audit_of()) == "<p>None found.</p>"


def test_patients_are_listed_under_both_readings_of_their_keys() -> None:
    films = listed(
        ("bacteria/person1", "bacterial", "train"),
        ("virus/person1", "viral", "validation"),
        ("normal/IM-0002", "normal", "train"),
    )
    made = splits(audit_of(listing=films, groupings=groupings(films)))
    assert cells(made)[1:] == [
        ["patient keys as given", "3", "3", "0 (0 films)", "0"],
        ["without sub-type and prefix", "2", "3", "1 (2 films)", "1"],
    ]
    assert "are two children" in made
    assert splits(audit_of()) == "<p>No film has a patient key.</p>"


def test_class_shares_of_splits_stand_side_by_side() -> None:
    shift = Shift(
        contrast="pneumonia & co against normal",
        splits=("train", "test"),
        shares=(0.75, 0.5),
        films=(1400, 400),
        difference=Interval(0.25, 0.185, 0.315),
        p=1.2e-7,
    )
    made = splits(audit_of(shifts=(shift,)))
    head, row = cells(made)
    assert row == [
        "train against test", "75.0% of 1,400", "50.0% of 400", "+25.0 [+18.5, +31.5]", "1.2e-07",
    ]  # fmt: skip
    # Escaped once.
    assert head[1] == "pneumonia &amp; co in the first"


def doubtful(*films: Doubt) -> Doubts:
    return Doubts(classes=("normal", "viral"), films=8, candidates=films)


def doubt(film: int, confident: bool) -> Doubt:
    return Doubt(film, "normal", "viral", 0.1, 0.87, confident)


def test_doubtful_films_keep_their_rank(tmp_path: Path) -> None:
    result = shown(audit_of(doubts=doubtful(doubt(2, True), doubt(0, False))), tmp_path)
    assert re.findall(r"<figcaption>(.*?)</figcaption>", doubts(result)) == [
        "1. labelled normal, looks like viral 0.87<br>2.png",
        "2. labelled normal, looks like viral 0.87 (leans)<br>0.png",
    ]
    assert "The label may be right: a reader decides." in doubts(result)


def test_more_doubts_than_fit_are_counted(tmp_path: Path) -> None:
    result = shown(audit_of(doubts=doubtful(*[doubt(0, True)] * 40)), tmp_path)
    assert len(re.findall("<figure>", doubts(result))) == 32
    assert "And 8 more" in doubts(result)


@pytest.mark.parametrize(
    ("measured", "words"),
    [
        (Doubts((), 0, (), "only <one> class"), "Can't say: only &lt;one&gt; class."),
        (doubtful(), "No film looks more like another class than like its own."),
    ],
)
def test_nothing_to_doubt_says_so(measured: Doubts, words: str) -> None:
    assert words in doubts(audit_of(doubts=measured))


def test_warnings_of_the_layout_end_the_method() -> None:
    made = method(audit_of(warnings=("the folder val holds 16 films",)))
    assert made.endswith("<li>The folder val holds 16 films.</li></ul>")
    assert "Not checked: burnt-in text" in made


def test_the_number_of_films_of_a_split_is_not_that_of_its_labels() -> None:
    # A film with two findings counts once as a film and once for each finding.
    films = listed(("a", "normal", "train"))
    films = replace(
        films, findings=True, names=("Mass", "Edema"),
        entries=(replace(films.entries[0], values=(1.0, 1.0)),),
    )  # fmt: skip
    base = audit_of()
    made = cells(contents(audit_of(listing=films, reading=base.reading)))
    assert made[1] == ["train", "1", "1", "1"]
    assert np.sum([int(n) for n in made[1][2:]]) == 2
