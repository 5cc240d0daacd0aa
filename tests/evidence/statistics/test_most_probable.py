from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="needs the [evidence] extra")

from sklearn import metrics as reference

from patients import film_each, three_classes
from pneumoscope.evidence.statistics import most_probable


def test_several_classes_agree_with_scikit_learn() -> None:
    truth, p, boot = three_classes()
    called = p.argmax(axis=1)
    result = most_probable.most_probable(truth, p, ("a", "b", "c"), boot)
    assert result.accuracy.value == pytest.approx(reference.accuracy_score(truth, called))
    assert result.balanced_accuracy.value == pytest.approx(
        reference.balanced_accuracy_score(truth, called)
    )
    assert result.macro_f1.value == pytest.approx(
        reference.f1_score(truth, called, average="macro")
    )
    assert np.array(result.confusion.counts).tolist() == (
        reference.confusion_matrix(truth, called).tolist()
    )


def test_a_class_without_films_is_named() -> None:
    truth = np.arange(30) % 2
    p = np.full((30, 3), 0.2) + 0.4 * np.eye(3)[truth]
    result = most_probable.most_probable(truth, p, ("normal", "bacterial", "viral"), film_each(30))
    assert result.accuracy.value == 1.0
    assert result.balanced_accuracy.value is None
    assert result.balanced_accuracy.note == "no film of class viral"
    assert result.confusion.rows[2][0].note == "no film of class viral"
    assert result.confusion.counts == ((15, 0, 0), (0, 15, 0), (0, 0, 0))
