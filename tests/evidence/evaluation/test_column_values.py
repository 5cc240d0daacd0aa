"""How the values of a column are grouped."""

from __future__ import annotations

import pytest

for module in ("cv2", "scipy", "sklearn"):
    pytest.importorskip(module)

from pneumoscope.evidence.evaluation.column_values import OTHERS, ordered_values, values_of
from pneumoscope.evidence.evaluation.column_values import UNKNOWN as UNKNOWN_VALUE

YES, NO, UNSAID = 1.0, 0.0, None


def test_numbers_form_quarters_of_the_films() -> None:
    # Quantiles of 0 to 8: 0, 2, 4, 6, 8.
    assert values_of([str(k) for k in range(9)]) == (
        ["0 to below 2"] * 2 + ["2 to below 4"] * 2 + ["4 to below 6"] * 2 + ["6 to 8"] * 3
    )
    # Up to eight numbers are words, and a word among more of them makes all of them words.
    assert values_of(["1", "2", ""]) == ["1", "2", UNKNOWN_VALUE]
    mixed = [*(str(k) for k in range(9)), "low"]
    assert values_of(mixed) == mixed
    assert values_of([*mixed[:9], "n/a"]) == [*values_of(mixed[:9]), UNKNOWN_VALUE]


def test_numbers_that_are_not_finite_are_unknown() -> None:
    """A division by zero leaves such cells, and made words of a whole column of numbers."""
    texts = [*(str(k) for k in range(9)), "inf", "-inf", "nan"]
    assert values_of(texts) == [*values_of(texts[:9]), *[UNKNOWN_VALUE] * 3]


def test_ages_form_quarters_however_they_are_written() -> None:
    # Quantiles of 2, 40, 60 and 80 years: 2, 30.5, 50, 65, 80. A text that is no age is unknown.
    texts = ["024M", "040Y", "60", "80 years", "", "n/a"]
    assert values_of(texts, "Patient Age") == [
        "2 to below 30.5", "30.5 to below 50", "50 to below 65", "65 to 80",
        UNKNOWN_VALUE, UNKNOWN_VALUE,
    ]  # fmt: skip
    assert values_of(["5", "5", ""], "age") == ["5", "5", UNKNOWN_VALUE]
    assert values_of(["", ""], "age") == [UNKNOWN_VALUE] * 2
    assert values_of(texts, "sex") == [*texts[:4], UNKNOWN_VALUE, UNKNOWN_VALUE]


def test_words_that_differ_in_capitals_are_one_group() -> None:
    texts = ["ap", "AP", "PA", "AP", "a\n b", "A B", "a b", "a b", ""]
    assert values_of(texts) == ["AP", "AP", "PA", "AP", "a b", "a b", "a b", "a b", UNKNOWN_VALUE]


def test_rare_words_share_a_group() -> None:
    texts = ["a"] * 3 + [chr(98 + k) for k in range(11) for _ in range(2)] + ["rare"]
    assert values_of(texts)[-1] == OTHERS
    assert set(values_of(texts[:-1])) == set(texts[:-1])


def test_values_are_listed_in_their_order() -> None:
    quarters = ["9.75 to 12", "0 to below 9.75", UNKNOWN_VALUE, OTHERS]
    assert ordered_values(quarters * 2) == ["0 to below 9.75", "9.75 to 12", OTHERS, UNKNOWN_VALUE]
    assert ordered_values(["b", "a", OTHERS]) == ["a", "b", OTHERS]


def test_words_for_a_sex_are_one_group() -> None:
    texts = ["F", "female", "F", "w", "weiblich", "male", "M", "M", "männlich", "O", "", "Unknown"]
    assert values_of(texts, "Patient Sex") == ["F"] * 5 + ["M"] * 4 + [
        "O",
        UNKNOWN_VALUE,
        UNKNOWN_VALUE,
    ]
    assert values_of(["f", "female"], "device") == ["f", "female"]
