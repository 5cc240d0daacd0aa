from __future__ import annotations

import time

from pneumoscope.languages.catalogue import Catalogue

CATALOGUE = Catalogue(
    {
        "no film": "keine Aufnahme",
        "{count} films of {most}": "{count} von höchstens {most} Aufnahmen",
        "{what} and {other}": "{what} und {other}",
        "{name}: {reason}": "{name}: {reason}",
        "at least {least} x {least}": "mindestens {least} x {least}",
    },
    lambda value: value.replace(".", ","),
)


def test_a_sentence_and_its_values() -> None:
    assert CATALOGUE.translated("no film") == "keine Aufnahme"
    assert CATALOGUE.translated("2.5 films of 3") == "2,5 von höchstens 3 Aufnahmen"


def test_sentences_within_sentences() -> None:
    text = "no film and 4 films of 5"
    assert CATALOGUE.translated(text) == "keine Aufnahme und 4 von höchstens 5 Aufnahmen"


def test_names_stay_as_they_are() -> None:
    assert CATALOGUE.translated("no film: no film") == "no film: keine Aufnahme"
    assert CATALOGUE.translated("{count}.png: no film") == "{count}.png: keine Aufnahme"


def test_a_value_that_comes_twice_must_be_the_same() -> None:
    assert CATALOGUE.translated("at least 32 x 32") == "mindestens 32 x 32"
    assert CATALOGUE.translated("at least 32 x 33") == "at least 32 x 33"


def test_an_unknown_text_stays() -> None:
    assert CATALOGUE.translated("No film") == "No film"
    assert CATALOGUE.translated("") == ""
    assert CATALOGUE.translated("no film\n") == "no film\n"


def test_long_texts_of_strangers_take_no_long_time() -> None:
    catalogue = Catalogue(
        {"{a}: {b} x {c} pixels, at least {d} x {d} are needed": "{a} {b} {c} {d}"}, str
    )
    text = "a: b x c pixels, at least " * 4000
    assert CATALOGUE.translated("a: " * 4000 + "no film").startswith("a: a: a: ")
    begun = time.process_time()
    assert catalogue.translated(text) == text
    assert time.process_time() - begun < 1
