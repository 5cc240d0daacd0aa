from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="needs the [evidence] extra")

from sklearn import metrics as reference

from patients import film_each, three_classes
from pneumoscope.evidence.statistics import confusion


def test_agreement_of_three_classes_is_scikit_learns_in_every_draw() -> None:
    truth, p, boot = three_classes()
    called = p.argmax(axis=1)
    table = confusion.tables(truth, called, 3, boot)
    for k, counts in enumerate(boot.counts):
        weight = counts[boot.group]
        mcc = reference.matthews_corrcoef(truth, called, sample_weight=weight)
        kappa = reference.cohen_kappa_score(truth, called, sample_weight=weight)
        assert confusion.mcc(table)[k] == pytest.approx(mcc)
        assert confusion.kappa(table)[k] == pytest.approx(kappa)


def test_shares_of_a_class_have_their_intervals() -> None:
    # Class a: 8 of 10 patients' films called a; class b: all 20 called b.
    truth, called = np.repeat([0, 1], [10, 20]), np.repeat([0, 1, 1], [8, 2, 20])
    table = confusion.confusion(truth, called, ("a", "b"), film_each(30))
    assert table.counts == ((8, 2), (0, 20))
    assert [figure.value for row in table.rows for figure in row] == [0.8, 0.2, 0.0, 1.0]
    # The exact bound of none among 20 patients.
    assert table.rows[1][0].high == pytest.approx(1 - 0.025**0.05)
    assert table.rows[0][0].low is not None
    assert table.rows[0][0].low < 0.8
