"""Films by source, and class distinctions that no source supports."""

from __future__ import annotations

from pneumoscope.data.sources import UNNAMED, counts_by_source, unsupported, unsupported_words


def test_counts() -> None:
    films = [("b", "ill"), ("a", "well"), ("b", "ill"), ("b", "well"), ("", "well")]
    assert counts_by_source(films) == {
        UNNAMED: {"well": 1}, "a": {"well": 1}, "b": {"ill": 2, "well": 1},
    }  # fmt: skip
    assert counts_by_source([("", "ill"), ("", "well")]) == {}


def test_pairs_of_classes_that_no_source_has_both_of() -> None:
    counts = {"rsna": {"normal": 9}, "covid": {"covid": 5}, "nih": {"normal": 3, "pneumonia": 2}}
    pairs = unsupported(counts, ("normal", "covid", "pneumonia", "absent"))
    assert pairs == (("normal", "covid"), ("covid", "pneumonia"))
    assert unsupported_words(pairs).startswith(
        "no source holds both sides of normal and covid, covid and pneumonia: "
    )
    assert unsupported_words(()) == ""
    assert unsupported({}, ("normal", "ill")) == ()
