from __future__ import annotations

import re
from pathlib import Path

import pytest

from pneumoscope.decision import explain, gate
from pneumoscope.decision.sentences import (
    SENTENCES,
    TABLES,
    capitalised,
    full_sentence,
    gate_reasons,
    of_explanation,
    of_gate,
    shown,
    translated,
    words,
)
from pneumoscope.languages.current import LANGUAGES, speaking
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


@pytest.mark.parametrize(
    ("part", "module"), [("words", wording), ("gate", gate), ("explanation", explain)]
)
def test_every_sentence_is_used(part: str, module: object) -> None:
    code = Path(str(module.__file__)).read_text(encoding="utf-8")  # type: ignore[attr-defined]
    unused = {name for name in SENTENCES[part] if not re.search(rf'"{name}"', code)}
    # Put together from a name and "_unadjusted".
    assert unused <= {"reasons", "called_at_unadjusted", "called_below_unadjusted"}


def leaves(table: object, where: str = "") -> dict[str, str]:
    """Dotted key to text."""
    if not isinstance(table, dict):
        return {where: str(table)}
    return {
        k: v for key, inner in table.items() for k, v in leaves(inner, f"{where}.{key}").items()
    }


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_languages_have_the_same_sentences_with_the_same_values(language: str) -> None:
    # English verdicts and zones have no other names.
    tables = [{k: v for k, v in TABLES[x].items() if k != "names"} for x in ("en", language)]
    english, other = map(leaves, tables)
    assert list(other) == list(english)
    for key, text in other.items():
        assert text.strip(), key
        values, wanted = (sorted(re.findall(r"\{\w*\}", t)) for t in (text, english[key]))
        assert values == wanted, key


def test_words_in_german_by_hand() -> None:
    with speaking("de"):
        assert words("refused") == "Kein Ergebnis: diese Aufnahme lässt sich nicht beurteilen."
        assert words("kind", kind="bacterial", share="0.80") == "bakteriell (0,80)"
        assert words("at_point", ranges="12", point="rule-in") == "12 (Arbeitspunkt Bestätigung)"
        ranges = {"negative": "NORMAL", "unclear": "UNDETERMINED", "positive": "ABNORMAL"}
        assert words("ranges_three", low="2.5e-04", high="0.5", **ranges) == (
            "NORMAL unter 2,5e-04, UNKLAR ab 2,5e-04, AUFFÄLLIG ab 0,5"
        )
        # The same where the sentence is a part of another one.
        assert translated("NORMAL below 0.2, UNDETERMINED from 0.2, never PNEUMONIA") == (
            "NORMAL unter 0,2, UNKLAR ab 0,2, nie PNEUMONIE"
        )
        assert [shown(v) for v in ("UNDETERMINED", "45%", "1.5%", "1.2.840", "v0.5")] == [
            *("UNKLAR", "45 %", "1,5 %", "1.2.840", "v0.5"),
        ]


def test_sentences_that_are_data_are_english_until_they_are_translated() -> None:
    with speaking("de"):
        sentence = of_gate("age_years", age="0.5", youngest="1", oldest="5")
        assert sentence.startswith("patient age 0.5 years")
        assert translated(sentence) == (
            "das Alter von 0,5 Jahren liegt außerhalb der Patientengruppe des Trainings "
            "(1 bis 5 Jahre)"
        )
        inside = of_explanation("inside_lungs", share="45%")
        basis = of_explanation("untested", inside=inside)
        text = of_explanation("unreliable", why=of_explanation("why_focus"), basis=basis)
        assert translated(text) == (
            "keine verlässliche Erklärung: die Wärme ist über den größten Teil der Aufnahme verteilt; "
            "45 % der Wärme liegen auf den Lungen; ob das Ergebnis von der markierten Stelle abhängt, "
            "wurde nicht geprüft"
        )
    assert translated(sentence) is sentence


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_every_sentence_that_is_data_is_recognised(language: str) -> None:
    with speaking(language):
        for part in ("gate", "explanation"):
            for key, template in SENTENCES[part].items():
                if isinstance(template, str):
                    values = dict.fromkeys(re.findall(r"\{(\w+)\}", template), "12")
                    text = TABLES[language][part][key].format_map(values)
                    assert translated(template.format_map(values)) == text
        for code, (sentence, hint) in gate_reasons().items():
            german = TABLES[language]["gate"]["reasons"][code]
            assert (translated(sentence), translated(hint)) == (german["sentence"], german["hint"])
