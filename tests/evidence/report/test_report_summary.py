"""The first page of a report."""

from __future__ import annotations

from dataclasses import replace

import pytest

for module in ("cv2", "scipy", "sklearn", "matplotlib", "reportlab"):
    pytest.importorskip(module)


from pneumoscope.data.check import Broken
from pneumoscope.evidence.evaluation.evaluated_films import TrainingOverlap
from pneumoscope.evidence.evaluation.results import Evaluation
from pneumoscope.evidence.report.blocks import (
    Report,
    words_of,
)
from pneumoscope.evidence.report.sections.shortcut_words import verdicts
from pneumoscope.evidence.report.sections.summary import (
    limitations_of,
    summary,
    verdicts_in_words,
    worst_case,
)
from pneumoscope.evidence.statistics.intervals import Figure
from reported import evaluation
from section_blocks import paragraphs, points, rows, table, warnings


def test_the_first_page_names_the_worst_case_and_the_shortcut() -> None:
    full = evaluation()
    assert worst_case(full.bundles[0]) == (
        "Worst case of tiny 1, of 10 perturbations: crop by 5 (crop, severity 5): balanced accuracy is "
        "0.640 [0.540, 0.690]. Among severities 1 to 3: crop by 3 (crop, severity 3): balanced accuracy "
        "is 0.740 [0.640, 0.790]."
    )
    texts = list(verdicts(full))
    assert "bytes (file), without any model of lungs, reach AUC 0.812 [0.700, 0.900]" in texts[0]
    assert "50.0% needs the lung field" in texts[1]
    words = words_of(Report("", "", "", tuple(summary(full))))
    assert "Nobody's lungs." in words
    assert "A warning." in words


def test_the_summary_does_not_count_unknown_patients(record: Evaluation) -> None:
    unknown = replace(record, films=replace(record.films, keyed=0))
    first, second = (words_of(Report("", "", "", tuple(summary(e)))) for e in (record, unknown))
    assert "evaluated on 60 films of 30 patients from drawn films" in first[0]
    assert "60 films (whose patients are not known; each film counts as one) from" in second[0]


def labelled(record: Evaluation) -> Evaluation:
    """Only the first of two bundles."""
    return replace(record, bundles=record.bundles[:1], pairs=())


def test_each_figure_stands_beside_its_worst_case(record: Evaluation) -> None:
    single = labelled(record)
    (bundle,) = single.bundles
    cells = rows(summary(single), "figure", "these films")
    figures = bundle.targets[0].default.figures
    assert cells["AUC"][0] == str(bundle.targets[0].ranking.roc_auc)
    assert cells["sensitivity"][0].startswith(f"{figures.sensitivity.value:.3f}")
    assert cells["specificity"][0].startswith(f"{figures.specificity.value:.3f}")
    assert cells["balanced accuracy"][1] == "0.640 [0.540, 0.690] (crop by 5)"
    assert cells["PPV"][1] == ""  # no perturbation measured it
    assert bundle.classes is not None
    accuracy = bundle.classes.most_probable.accuracy.value
    assert cells["3-class accuracy"][0].startswith(f"{accuracy:.3f}")
    calibration = bundle.targets[0].calibration
    assert calibration is not None
    assert cells["ECE (0 is best)"][0].startswith(f"{calibration.after.error.ece.value:.3f}")


def test_without_perturbed_films_there_is_no_column_for_them() -> None:
    bare = evaluation(full=False)
    made = list(summary(bare))
    assert table(made, "figure").head == ("figure", "these films")
    assert "Worst case: perturbed films were not measured." in points(made)


def test_both_classes_and_the_threshold_are_named(record: Evaluation) -> None:
    text = "\n".join(paragraphs(summary(labelled(record))))
    assert (
        "tiny 1: PNEUMONIA (40 films) against normal (20) at the operating point balanced, "
        "threshold 0.500. Brackets: 95 % intervals from 60 draws of patients."
    ) in text


def test_the_threshold_of_a_rare_finding_is_not_printed_as_zero(record: Evaluation) -> None:
    (bundle,) = labelled(record).bundles
    (target,) = bundle.targets
    tiny = tuple(
        replace(point, figures=replace(point.figures, threshold=2.5e-4)) for point in target.points
    )
    rare = replace(record, bundles=(replace(bundle, targets=(replace(target, points=tiny),)),))
    assert any("threshold 2.5e-04." in text for text in paragraphs(summary(rare)))


def test_findings_have_a_row_each() -> None:
    several = evaluation(several=True, full=False)
    cells = rows(summary(several), "finding")
    assert list(cells) == ["Device", "Mass", "Nodule"]
    for target in several.bundles[0].targets:
        assert cells[target.name][0] == f"{target.positives} of {target.films}"
        assert cells[target.name][1].startswith(f"{target.ranking.roc_auc.value:.3f}")


def test_an_overlap_with_training_films_is_a_warning(record: Evaluation) -> None:
    (bundle,) = labelled(record).bundles
    overlap = TrainingOverlap(True, 12, 12, "12 films are training films")
    seen = replace(record, bundles=(replace(bundle, overlap=overlap),))
    assert warnings(summary(seen)) == ["tiny 1: 12 films are training films."]
    assert warnings(summary(labelled(record))) == []


@pytest.mark.parametrize(
    ("known", "films", "patients", "doubtful"),
    [(True, 0, 0, False), (True, 1, 0, True), (True, 0, 1, True), (False, None, None, True)],
)
def test_an_overlap_is_doubtful_unless_it_is_known_to_be_none(
    known: bool, films: int | None, patients: int | None, doubtful: bool
) -> None:
    assert TrainingOverlap(known, films, patients, "").doubtful is doubtful


def test_films_that_cannot_be_read_are_told_on_the_first_page(record: Evaluation) -> None:
    broken = (Broken(path="a.png", code="TruncatedImage", message="a.png: cut", hint=""),)
    for count, words in (
        (1, "1 film could not be read and is"),
        (2, "2 films could not be read and are"),
    ):
        films = replace(record.films, broken=broken * count)
        text = paragraphs(summary(replace(record, films=films)))
        assert f"{words} not included in any figure." in text


def test_limitations_name_each_section_that_is_missing_once(record: Evaluation) -> None:
    silences = {"robustness": "left out on request"}
    bundles = tuple(replace(bundle, silences=silences) for bundle in record.bundles)
    limits = list(limitations_of(replace(record, bundles=bundles, silences={"pairs": "one"})))
    assert limits.count("Section pairs: one.") == 1
    assert "Section robustness of tiny 1: left out on request." in limits
    assert "Section robustness of tiny 2: left out on request." in limits
    assert limits.count("A warning.") == 1  # of both bundles
    assert limits[-1] == (
        "No reader, no patient outcome and no clinical use is part of this evaluation."
    )


def test_verdicts_are_told_in_one_sentence(record: Evaluation) -> None:
    (bundle,) = labelled(record).bundles
    words = verdicts_in_words(bundle)
    assert words.startswith("Verdicts of tiny 1 as shown, share of 60 films: NORMAL 0.")
    # Three of 60 films are refused.
    assert "REFUSED 0.050" in words
    nothing = replace(bundle.verdicts.shown, error=Figure(None, note="no film has a verdict"))
    silent = replace(bundle, verdicts=replace(bundle.verdicts, shown=nothing))
    assert verdicts_in_words(silent).endswith("with a verdict: no film has a verdict.")
