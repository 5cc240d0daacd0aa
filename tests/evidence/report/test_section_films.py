"""The section on films and bundles."""

from __future__ import annotations

from dataclasses import replace

import section_blocks as blocks_of
from pneumoscope.data.check import Broken
from pneumoscope.evidence.evaluation.results import Evaluation
from pneumoscope.evidence.report.sections.films import films_and_bundles
from reported import N, evaluation


def broken(number: int) -> tuple[Broken, ...]:
    return tuple(
        Broken(path=f"{i}.png", code="TruncatedImage", message=f"{i}.png: truncated", hint="")
        for i in range(number)
    )


def test_films_labels_and_patients_are_counted(record: Evaluation) -> None:
    cells = blocks_of.rows(films_and_bundles(record), "films", "")
    assert cells["films read"] == (str(N),)
    assert cells["films that could not be read"] == ("0",)
    assert cells["patients"] == (str(N // 2),)
    assert cells["labels"] == ("normal 20, bacterial 20, viral 20",)
    assert cells["SHA-256 of the list of films"] == ("f" * 64,)


def test_unknown_patients_are_not_counted(record: Evaluation) -> None:
    unknown = replace(record, films=replace(record.films, keyed=0))
    cells = blocks_of.rows(films_and_bundles(unknown), "films", "")
    assert cells["patients"] == ("not known; each film counts as one",)
    assert cells["films with a patient key"] == ("0",)


def test_films_without_a_label_are_counted(record: Evaluation) -> None:
    (first, *others) = record.films.films
    bare = replace(record, films=replace(record.films, films=(replace(first, label=""), *others)))
    cells = blocks_of.rows(films_and_bundles(bare), "films", "")
    assert cells["labels"] == ("without 1, bacterial 20, viral 20, normal 19",)


def test_films_that_cannot_be_read_are_listed_up_to_twenty(record: Evaluation) -> None:
    several = replace(record, films=replace(record.films, broken=broken(22)))
    made = list(films_and_bundles(several))
    assert "22 films could not be read and are not included in any figure:" in (
        blocks_of.paragraphs(made)
    )
    items = blocks_of.points(made)
    assert "0.png: truncated" in items
    assert "19.png: truncated" in items
    assert "20.png: truncated" not in items
    assert "and 2 more" in items
    exactly = replace(record, films=replace(record.films, broken=broken(20)))
    assert not any(item.startswith("and ") for item in blocks_of.points(films_and_bundles(exactly)))


def test_every_bundle_has_its_hash_and_its_training_population(record: Evaluation) -> None:
    tables = [b for b in films_and_bundles(record) if getattr(b, "head", ()) == ("bundle", "")]
    for made, bundle in zip(tables, record.bundles, strict=True):
        cells = {row[0]: row[1] for row in made.rows}  # type: ignore[union-attr]
        assert cells["SHA-256 of bundle.json"] == bundle.sha256
        assert cells["training population"] == "children in tests"
        assert cells["network"] == "not recorded, 32 x 32 pixels"
        assert cells["classes"] == "normal, bacterial, viral"
        assert cells["overlap with training films"] == "No film is a training film."
        assert cells["speed"].startswith("1.2 s for 1,000 films")


def test_findings_are_not_called_classes() -> None:
    single = evaluation(several=True, full=False)
    cells = blocks_of.rows(films_and_bundles(single), "bundle", "")
    assert cells["findings"] == ("Device, Mass, Nodule",)


def test_doubts_about_films_and_bundles_stand_below_them(record: Evaluation) -> None:
    items = blocks_of.points(films_and_bundles(record))
    assert items == ["A doubt.", "A warning.", "A warning."]
