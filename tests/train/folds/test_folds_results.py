"""The folds of a cross-validation, read back and pooled."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("cv2", reason="needs the [train] extra")

from cross_validations import fold_result
from pneumoscope.errors import BundleError, DataError
from pneumoscope.train.folds import results
from pneumoscope.train.validation import predictions


def test_folds_are_read_back_in_their_order(tmp_path: Path) -> None:
    for number, ill in ((2, (0.3,)), (1, (0.8, 0.9))):
        fold = fold_result(tmp_path, number, ill=ill, threshold=0.25 * number)
        file = tmp_path / results.folder_of(number) / results.FILE
        predictions.save(fold.validation, file, fold.bundle.sha256)
    folds = results.read_folds(tmp_path, 2)
    assert [fold.number for fold in folds] == [1, 2]
    pooled = results.pooled(folds)
    assert pooled.patients == ("1-0", "1-1", "1-2", "1-3", "2-0", "2-1", "2-2")
    assert pooled.p_positive() == pytest.approx([0.1, 0.2, 0.8, 0.9, 0.1, 0.2, 0.3])
    assert list(pooled.probabilities) == ["plain", "blur"]
    # Each film has the threshold of the network that predicted it.
    assert results.thresholds(folds).tolist() == [0.25] * 4 + [0.5] * 3
    with pytest.raises(BundleError, match="fold-3"):
        results.read_folds(tmp_path, 3)


def test_predictions_of_another_bundle_are_refused(tmp_path: Path) -> None:
    fold = fold_result(tmp_path, 1)
    file = tmp_path / results.folder_of(1) / results.FILE
    for of in ("0" * 64, ""):
        predictions.save(fold.validation, file, of)
        with pytest.raises(DataError, match=r"out-of-fold\.npz: predictions of another bundle"):
            results.read_folds(tmp_path, 1)
