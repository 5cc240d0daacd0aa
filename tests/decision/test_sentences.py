from __future__ import annotations

import re
from pathlib import Path

import pytest

from pneumoscope.decision import gate
from pneumoscope.decision.sentences import (
    SENTENCES,
    capitalised,
    full_sentence,
    gate_reasons,
    of_gate,
    words,
)
from pneumoscope.render import wording


def test_values_are_put_in() -> None:
    assert words("kind", kind="viral", share="0.80") == "viral (0.80)"
    assert words("refused") == "No verdict: this film cannot be judged."
    assert of_gate("small", columns="90", rows="70") == "the film has only 90 x 70 pixels"
    # A value is not read again.
    assert words("kind", kind="{share}", share="1") == "{share} (1)"


def test_sentences_begin_with_a_capital_and_end_with_one_full_stop() -> None:
    assert capitalised("the film has no SOP class") == "The film has no SOP class"
    assert capitalised("") == ""
    assert full_sentence("only PA was seen.") == "Only PA was seen."
    assert full_sentence("only PA was seen") == "Only PA was seen."


def test_a_sentence_without_its_values_is_an_error() -> None:
    with pytest.raises(KeyError, match="share"):
        words("kind", kind="viral")
    with pytest.raises(KeyError, match="nothing"):
        words("nothing")


def test_every_reason_of_the_gate_has_a_sentence_and_a_hint() -> None:
    assert gate_reasons() == gate.REASONS
    for sentence, hint in gate_reasons().values():
        assert sentence
        assert hint.endswith((".", "?"))


@pytest.mark.parametrize(("part", "module"), [("words", wording), ("gate", gate)])
def test_every_sentence_is_used(part: str, module: object) -> None:
    code = Path(str(module.__file__)).read_text(encoding="utf-8")  # type: ignore[attr-defined]
    unused = {name for name in SENTENCES[part] if not re.search(rf'"{name}"', code)}
    # Put together from a name and "_unadjusted".
    assert unused <= {"reasons", "called_at_unadjusted", "called_below_unadjusted"}
