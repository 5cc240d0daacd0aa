"""What was saved in place of a model's answers is named."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="needs the [train] extra")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # TensorFlow's own imports warn
    from pneumoscope.train.keras_import import mistakes

pytestmark = pytest.mark.train

X = np.array([0.12345, 0.91234, 0.45678, 0.66666], np.float32).reshape(4, 1, 1, 1)


def answers(x: np.ndarray) -> np.ndarray:
    """A model whose answer is the mean of its picture."""
    return np.asarray(x.mean(axis=(1, 2, 3))[:, None], np.float32)


def sentence(p: np.ndarray, limit: float = 1e-4) -> str:
    def agrees(other: np.ndarray) -> bool:
        return bool(np.abs(other - p).max() <= limit)

    return mistakes.sentence(np.asarray(p, np.float32), X, answers, agrees, limit)


@pytest.mark.parametrize(
    ("saved", "words"),
    [
        (lambda p: 1 - p, "p is 1 minus"),
        (lambda p: p.round(2), "p is rounded to 2 decimals"),
        (lambda p: p.round(3), "p is rounded to 3 decimals"),
        (lambda p: (p >= 0.5).astype(float), "p are classes, 0 and 1"),
        (lambda p: p[[2, 0, 3, 1]], "in another order of the pictures"),
        (lambda p: np.full_like(p, 0.3), ""),
        (lambda p: (p < 0.5).astype(float), ""),
        (lambda p: p.round(2) + 0.01, ""),
    ],
)
def test_what_was_saved_in_place_of_the_answers(saved, words: str) -> None:  # type: ignore[no-untyped-def]
    named = sentence(saved(answers(X)))
    assert (words in named) if words else named == ""


def test_classes_of_several_columns() -> None:
    def three(x: np.ndarray) -> np.ndarray:
        p = answers(x)
        return np.concatenate([p / 2, p / 3, 1 - 5 * p / 6], axis=1)

    p = three(X)
    classes = np.eye(3, dtype=np.float32)[p.argmax(axis=1)]
    assert "p are classes" in mistakes.sentence(classes, X, three, lambda _: False, 1e-4)


def test_answers_that_differ_a_little_are_not_shuffled() -> None:
    """Of many pictures, in their order: as of another --resize, or of other weights."""
    rng = np.random.default_rng(1)
    p = rng.uniform(size=(64, 1)).astype(np.float32)
    saved = p + rng.normal(0, 0.02, p.shape).astype(np.float32)
    assert (
        np.abs(np.sort(saved, axis=0) - np.sort(p, axis=0)).max() <= 0.05 < np.abs(saved - p).max()
    )
    assert not mistakes.are_shuffled(saved, p, 0.05)
    assert mistakes.are_shuffled(saved[::-1], p, 0.1)
    assert mistakes.are_shuffled((p + np.float32(0.01))[::-1], p, 0.02)
