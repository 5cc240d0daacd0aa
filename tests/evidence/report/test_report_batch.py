from __future__ import annotations

from collections import Counter

from pneumoscope.batch.summary import BundleCounts, Summary
from pneumoscope.evidence.report.batch import report_of
from pneumoscope.evidence.report.blocks import words_of
from pneumoscope.evidence.report.html_page import html
from pneumoscope.evidence.site.drift import REFUSED, Reference, compare
from pneumoscope.render.written import Written


def test_the_page_has_every_count() -> None:
    sha256 = "a" * 64
    counts = BundleCounts("tiny 1", sha256, "ward (1234)", 90, Counter(NORMAL=60, REFUSED=30))
    summary = Summary(
        films=100,
        shards=2,
        errors=Counter(MissingFile=10),
        reasons=Counter(inverted=30, unheard=1),
        refused=30,
        bundles={sha256: counts},
    )
    films = [Written(f"{i}", refused=i % 3 == 0) for i in range(90)]
    drift = compare(films, Reference("tiny 1", {REFUSED: (0.0,) * 100}))
    report = report_of(summary, {sha256: drift}, "s3://bucket/films", "2026-01-02 03:04")
    words = words_of(report)
    expected = [
        "NORMAL", "60", "60.0 %", "not read", "10.0 %", "MissingFile", "inverted", "unheard",
        "Refused: 30 of 100 films (30.0 %). A film can have several reasons.", "Alarm.",
        "90 films, drawn by their content hash, against tiny 1: they differ in refused.",
        "ward (1234)", "Scores of tiny 1",
    ]  # fmt: skip
    assert [text for text in expected if text not in words] == []
    assert "100 films of s3://bucket/films" in report.subtitle
    assert html(report).startswith("<!doctype html>")


def test_a_batch_in_which_no_film_was_read() -> None:
    summary = Summary(films=3, shards=1, errors=Counter(MissingFile=3))
    report = report_of(summary, {}, "films", "2026-01-02 03:04")
    assert report.mark == "no film was read"
    assert "Reasons of the gate" in words_of(report)


def test_films_like_the_reference_raise_no_alarm() -> None:
    sha256 = "a" * 64
    summary = Summary(films=9, shards=1, bundles={sha256: BundleCounts("tiny 1", sha256, None, 9)})
    drift = compare(
        [Written(f"{i}", refused=False) for i in range(9)],
        Reference("tiny 1", {REFUSED: (0.0,) * 100}),
    )
    report = report_of(summary, {sha256: drift}, "films", "2026-01-02 03:04")
    assert "No alarm." in words_of(report)
