from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="needs the [train] extra")

from pneumoscope.evidence.audit.shortcuts import ALL, FILE, PICTURE, THUMBNAIL
from readings import auc, measured, reading


@pytest.mark.slow
def test_a_word_that_is_the_label() -> None:
    truth = np.arange(60) % 3 == 0  # 20 ill, 40 well
    words = ["A" if t else "B" for t in truth]
    words[0] = "B"  # one of the ill was saved like the others
    shortcuts = measured(reading(truth, words), truth)
    # 19 of 20 ill rank above all 40. The last ties with the 8 well films of its fold, where no ill
    # film showed that B can be ill, and ranks below the others: (19 x 40 + 8 / 2) / 800.
    assert auc(shortcuts, FILE, "quantisation table") == pytest.approx(0.955)
    best = shortcuts.best(FILE)
    assert best is not None
    assert best.notable
    sentence = next(s.words for s in shortcuts.scores if s.feature == "quantisation table")
    assert "'A' in 19 of 20 ill films and none of 40 well films" in sentence
    assert "'B' in all 40 well films and 1 of 20 ill films" in sentence
    assert "calls 59 of 60 films right (98.3%; always the larger class: 66.7%)" in sentence
    assert auc(shortcuts, ALL, "file, statistics, thumbnail") > 0.9


@pytest.mark.slow
def test_noise_predicts_nothing() -> None:
    rng = np.random.default_rng(4)
    truth = rng.random(300) < 0.3
    shortcuts = measured(reading(truth, [str(v) for v in rng.integers(0, 5, 300)]), truth)
    assert not any(s.notable for s in shortcuts.scores)
    for source in (FILE, PICTURE, THUMBNAIL):
        best = shortcuts.best(source)
        assert best is not None
        assert 0.4 < best.auc.value < 0.62


@pytest.mark.slow
def test_recognising_a_patient_does_not_count(few_trees: None) -> None:
    # Each patient has another table, so a model that saw one of the two films would know the other.
    truth = np.repeat(np.random.default_rng(0).random(60) < 0.5, 2)
    patients = [f"p{i // 2}" for i in range(120)]
    read = reading(truth, patients)
    together = auc(measured(read, truth, patients), FILE, "quantisation table")
    apart = auc(measured(read, truth), FILE, "quantisation table")
    assert together == 0.5
    assert apart > 0.8


def test_too_few_patients_are_named() -> None:
    truth = np.array([True] * 4 + [False] * 20)
    shortcuts = measured(reading(truth, ["A"] * 24), truth)
    assert shortcuts.scores == ()
    assert shortcuts.silence == "ill: fewer than 5 patients, too few to measure anything"
