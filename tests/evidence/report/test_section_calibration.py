"""The section on calibration."""

from __future__ import annotations

from dataclasses import replace

import section_blocks as blocks_of
from drawings import known
from pneumoscope.evidence.evaluation.results import BundleResult, Evaluation
from pneumoscope.evidence.evaluation.target_results import Calibration, CalibrationResult
from pneumoscope.evidence.report.sections.calibration import calibration
from pneumoscope.evidence.statistics.brier import Brier
from pneumoscope.evidence.statistics.intervals import Figure
from pneumoscope.evidence.statistics.prior_shift import PriorShift
from pneumoscope.evidence.statistics.recalibration import Recalibration
from pneumoscope.evidence.statistics.reliability import Bin, CalibrationError


def figures(scale: float, offset: float, ece: float) -> Calibration:
    """Figures that tell from each other which column they belong to."""
    return Calibration(
        scale=scale,
        offset=offset,
        reliability=(Bin(low=0.0, high=1.0, predicted=0.4, observed=known(ece), films=60),),
        error=CalibrationError(Figure(ece, 0.0, 2 * ece), 0.011, 0.25),
        brier=Brier(
            score=known(0.2), reliability=known(0.021), resolution=known(0.05),
            uncertainty=known(0.24), within_bins=known(0.001), skill=Figure(None, note="one class"),
        ),
        recalibration=Recalibration(
            slope=Figure(1.25, 1.0, 1.5), intercept=known(-0.3), in_the_large=known(0.7)
        ),
        smooth=None,
    )  # fmt: skip


def with_result(record: Evaluation, result: CalibrationResult | None) -> BundleResult:
    (bundle, *_) = record.bundles
    (target,) = bundle.targets
    return replace(bundle, targets=(replace(target, calibration=result),))


BEFORE, AFTER = figures(1.0, 0.0, 0.15), figures(0.8, -0.4, 0.05)
PLAIN = CalibrationResult(
    before=BEFORE, after=AFTER, prior_shift=None, prior_names=(), corrected=None
)


def test_figures_before_and_after_stand_in_their_columns(quick: None, record: Evaluation) -> None:
    made = list(calibration(record, with_result(record, PLAIN)))
    assert blocks_of.table(made, "figure").head == (
        "figure", "before calibration", "after calibration",
    )  # fmt: skip
    cells = blocks_of.rows(made, "figure")
    assert cells["scale of the log odds"] == ("1.000", "0.800")
    assert cells["offset of the log odds"] == ("+0.000", "-0.400")
    assert cells["ECE"] == ("0.150 [0.000, 0.300]", "0.050 [0.000, 0.100]")
    assert cells["ECE by chance alone"] == ("0.011", "0.011")
    assert cells["p-value of the ECE"] == ("0.250", "0.250")


def test_slope_and_brier_score_are_not_mixed_up(quick: None, record: Evaluation) -> None:
    cells = blocks_of.rows(calibration(record, with_result(record, PLAIN)), "figure")
    first = {name: values[0] for name, values in cells.items()}
    assert first["Brier score"].startswith("0.200")
    assert first["its reliability (0 is best)"].startswith("0.021")
    assert first["its resolution (higher is better)"].startswith("0.050")
    assert first["its uncertainty"].startswith("0.240")
    assert first["within bins"].startswith("0.001")
    assert first["Brier skill (1 is best)"] == "- (a)"
    assert first["calibration slope (1 is best)"] == "1.250 [1.000, 1.500]"
    assert first["calibration intercept"].startswith("-0.300")
    assert first["calibration in the large (0 is best)"].startswith("0.700")


def test_class_shares_estimated_without_labels_stand_beside_those_of_training(
    quick: None, record: Evaluation
) -> None:
    shift = PriorShift(priors=(Figure(0.5, 0.4, 0.6),) * 2, reference=(0.25, 0.75))
    result = replace(
        PLAIN, prior_shift=shift, prior_names=("normal", "ill"), corrected=figures(0.8, -0.4, 0.02)
    )
    made = list(calibration(record, with_result(record, result)))
    assert blocks_of.rows(made, "class") == {
        "normal": ("25.0%", "0.500 [0.400, 0.600]"),
        "ill": ("75.0%", "0.500 [0.400, 0.600]"),
    }
    assert blocks_of.table(made, "figure").head[-1] == "corrected for prior shift"
    assert blocks_of.rows(made, "figure")["ECE"][2] == "0.020 [0.000, 0.040]"
    assert "This is a hint, not a measurement." in blocks_of.text(made)


def test_without_shares_of_training_nothing_is_said_of_a_shift(
    quick: None, record: Evaluation
) -> None:
    made = list(calibration(record, with_result(record, PLAIN)))
    assert blocks_of.titles(made, 2) == []


def test_calibration_that_was_not_measured_says_so(quick: None, record: Evaluation) -> None:
    bundle = replace(with_result(record, None), silences={"calibration": "left out on request"})
    made = list(calibration(record, bundle))
    assert blocks_of.warnings(made) == ["Not measured. Left out on request."]
    assert blocks_of.plots(made) == []


def test_one_question_of_two_without_calibration_says_so(quick: None, record: Evaluation) -> None:
    (target,) = with_result(record, PLAIN).targets
    bundle = replace(
        record.bundles[0], targets=(target, replace(target, name="Mass", calibration=None))
    )
    made = list(calibration(record, bundle))
    assert blocks_of.titles(made, 2) == ["PNEUMONIA", "Mass"]
    assert len(blocks_of.warnings(made)) == 1
    assert len(blocks_of.plots(made)) == 1
