"""What the first page concludes from shortcuts and from films without lungs."""

from __future__ import annotations

from dataclasses import replace

from pneumoscope.evidence.audit.shortcuts import FILE, Score, Shortcuts
from pneumoscope.evidence.evaluation.anatomy import View
from pneumoscope.evidence.evaluation.results import Evaluation
from pneumoscope.evidence.report.sections.shortcut_words import verdicts
from pneumoscope.evidence.statistics.intervals import Figure
from pneumoscope.metrics import Interval


def sentence(record: Evaluation, *scores: Score, model: Figure, silence: str = "") -> str:
    """What is said of one contrast if the model's AUC on the same films is this."""
    (bundle, *_) = record.bundles
    (target,) = bundle.targets
    target = replace(target, ranking=replace(target.ranking, roc_auc=model))
    contrast = Shortcuts(
        contrast="ill against well",
        positive="ill",
        negative="well",
        films=60,
        patients=30,
        prevalence=2 / 3,
        scores=scores,
        silence=silence,
    )
    changed = replace(record, bundles=(replace(bundle, targets=(target,)),), shortcuts=(contrast,))
    return next(iter(verdicts(changed)))


def score(value: float, low: float, high: float) -> Score:
    return Score(FILE, "bytes", Interval(value, low, high), "")


MODEL = Figure(0.95, 0.93, 0.97)


def test_a_shortcut_as_good_as_the_model_says_that_the_result_proves_nothing(
    record: Evaluation,
) -> None:
    text = sentence(record, score(0.92, 0.9, 0.94), model=MODEL)
    assert text.startswith("Shortcuts, ill against well: bytes (file), without any model of lungs")
    assert text.endswith(
        "not clearly lower than the model, whose result on these films therefore proves nothing "
        "about lungs."
    )


def test_a_strong_shortcut_below_the_model_is_called_strong(record: Evaluation) -> None:
    text = sentence(record, score(0.91, 0.9, 0.92), model=MODEL)
    assert "0.910 [0.900, 0.920]: a strong shortcut." in text


def test_a_weak_shortcut_is_still_named(record: Evaluation) -> None:
    text = sentence(record, score(0.8, 0.7, 0.85), model=MODEL)
    assert text.endswith(
        "0.800 [0.700, 0.850]: part of any result on these films may depend on it."
    )


def test_a_shortcut_near_chance_predicts_nothing(record: Evaluation) -> None:
    # Notable from a lower end above 0.6 on.
    text = sentence(record, score(0.7, 0.6, 0.8), model=MODEL)
    assert "nothing that was tried without anatomy predicts the labels (best AUC 0.700" in text


def test_the_shortcut_with_the_highest_lower_end_is_named(record: Evaluation) -> None:
    wide = Score("thumbnail", "all of them", Interval(0.99, 0.65, 1.0), "")
    assert "bytes (file)" in sentence(record, wide, score(0.8, 0.7, 0.85), model=MODEL)


def test_a_model_without_an_interval_is_not_compared(record: Evaluation) -> None:
    text = sentence(record, score(0.92, 0.9, 0.94), model=Figure(0.9, note="few patients"))
    assert "a strong shortcut" in text


def test_films_that_are_equal_in_everything_and_silence(record: Evaluation) -> None:
    assert sentence(record, model=MODEL) == (
        "Shortcuts, ill against well: all films have the same file properties and statistics."
    )
    assert sentence(record, model=MODEL, silence="too few films") == (
        "Shortcuts, ill against well: not measured, too few films."
    )
    without = replace(record, shortcuts=(), bundles=record.bundles[:1])
    assert next(iter(verdicts(without))) == "Shortcuts: not measured."


def anatomy_words(record: Evaluation, *views: View) -> str:
    (bundle, *_) = record.bundles
    assert bundle.anatomy is not None
    changed = replace(bundle, anatomy=replace(bundle.anatomy, views=views))
    return list(verdicts(replace(record, bundles=(changed,), shortcuts=())))[1]


def test_the_least_favourable_way_to_hide_the_lungs_is_quoted(record: Evaluation) -> None:
    (bundle, *_) = record.bundles
    assert bundle.anatomy is not None
    whole, view = bundle.anatomy.views
    other = replace(view, name="blurred", needs_anatomy=Figure(0.2), roc_auc=Figure(0.8, 0.7, 0.9))
    assert anatomy_words(record, whole, view, other) == (
        "tiny 1 without lungs (blurred): AUC 0.800 [0.700, 0.900]; of the part of its AUC above "
        "chance, 20.0% needs the lung field, by the least favourable of 2 ways to paint it over."
    )


def test_a_model_at_chance_has_no_share_that_needs_lungs(record: Evaluation) -> None:
    (bundle, *_) = record.bundles
    assert bundle.anatomy is not None
    whole, view = bundle.anatomy.views
    words = anatomy_words(record, whole, replace(view, needs_anatomy=Figure(None, note="chance")))
    assert words.endswith("not measured, its AUC is not above chance on these films.")


def test_anatomy_that_was_left_out_is_not_measured(record: Evaluation) -> None:
    bare = replace(record, bundles=(replace(record.bundles[0], anatomy=None),), shortcuts=())
    assert list(verdicts(bare))[1] == "tiny 1 without lungs: not measured."
