"""Sections of the audit page on shortcuts."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from audits import audit_of
from pneumoscope.data.film_statistics import STATISTICS
from pneumoscope.evidence.audit.results import Audit
from pneumoscope.evidence.audit.shortcuts import FILE, PICTURE, Score, Shortcuts
from pneumoscope.evidence.report.audit.shortcuts import shortcuts_section
from pneumoscope.metrics import Interval

BYTES = Score(FILE, "bytes", Interval(0.9, 0.85, 0.95), "median 3 against 4 <KB>")
WIDTH = Score(FILE, "width", Interval(0.95, 0.55, 0.99), "224 against 512")
MODE = Score(FILE, "colour mode", Interval(0.5, 0.5, 0.5), "L", constant=True)
WORD = Score(FILE, "quantisation table", Interval(0.8, 0.7, 0.9), "K.1")
SHARP = Score(PICTURE, STATISTICS[0], Interval(0.7, 0.65, 0.8), "about the same")


def contrast(*scores: Score, silence: str = "") -> Shortcuts:
    return Shortcuts(
        contrast="pneumonia against normal",
        positive="pneumonia",
        negative="normal",
        films=1200,
        patients=900,
        prevalence=0.25,
        scores=scores,
        silence=silence,
    )


def section(*scores: Score, result: Audit | None = None) -> str:
    return shortcuts_section(result or audit_of(), contrast(*scores))


def test_scores_are_sorted_with_their_numbers_and_words() -> None:
    rows = re.findall(
        r'<tr( class="quiet")?><td>([^<]*)</td><td class="n">([^<]*)', section(BYTES, WIDTH)
    )
    assert rows == [
        (' class="quiet"', "width", "0.950 [0.550, 0.990]"),  # could be chance
        ("", "bytes", "0.900 [0.850, 0.950]"),
    ]
    assert "median 3 against 4 &lt;KB&gt;" in section(BYTES)


def test_films_and_patients_are_counted_if_they_are_known() -> None:
    assert "1,200 films of 900 patients, 25.0% pneumonia." in section(BYTES)
    base = audit_of()
    entries = tuple(replace(entry, keyed=False) for entry in base.listing.entries)
    unknown = audit_of(listing=replace(base.listing, entries=entries))
    assert "1,200 films of unknown patients" in section(BYTES, result=unknown)


def test_equal_features_are_named_apart() -> None:
    html = section(BYTES, MODE)
    assert "Equal on all films, so without information: colour mode." in html
    assert "<td>colour mode</td>" not in html
    only = section(MODE)
    assert "<table" not in only


def test_numbers_have_a_histogram_of_both_groups_and_words_have_none() -> None:
    html = section(BYTES, WORD)
    assert re.findall(r"<figure>.*?<figcaption>([^<]*)</figcaption>", html) == ["bytes"]
    assert "</i>pneumonia<i" in html
    assert html.index('class="a"') < html.index('class="b"')


def test_the_red_group_is_the_positive_one() -> None:
    # The files of ill films are ten times as long.
    base = audit_of()
    ill = np.arange(8) % 2 == 1
    files = tuple(
        replace(file, numbers=(1000.0 if sick else 100.0, *file.numbers[1:]))
        for file, sick in zip(base.reading.files, ill, strict=True)
    )
    html = section(BYTES, result=audit_of(reading=replace(base.reading, files=files)))
    (outline,) = re.findall(r'<path class="a"[^>]*d="M0 110(.*?)V110Z"', html)
    tops = [110 - float(y) for y in re.findall(r"V([\d.]+)H", outline)]
    assert tops.index(max(tops)) == len(tops) - 1


def test_at_most_three_histograms_of_what_is_notable() -> None:
    many = [
        replace(BYTES, feature=name, auc=Interval(0.9, low, 0.95))
        for name, low in (("bytes", 0.7), ("width", 0.8), ("height", 0.85), ("aspect ratio", 0.75))
    ]
    faint = replace(BYTES, feature="bytes per pixel", auc=Interval(0.9, 0.55, 0.95))
    html = section(*many, faint)
    assert re.findall(r"<figcaption>([^<]*)</figcaption>", html) == [
        "height", "width", "aspect ratio",
    ]  # fmt: skip
    assert f"<figcaption>{STATISTICS[0]}</figcaption>" in section(SHARP)


def test_what_cannot_be_measured_says_why() -> None:
    html = shortcuts_section(audit_of(), contrast(silence="normal: <3 patients"))
    assert html == "<p>Can't say: normal: &lt;3 patients.</p>"
