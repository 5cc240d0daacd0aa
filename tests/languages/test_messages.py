from __future__ import annotations

import ast
import re
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
import raised_messages

import pneumoscope
from pneumoscope import errors
from pneumoscope.bundle import open_bundle
from pneumoscope.decision.reader_settings import UPLOADED
from pneumoscope.decision.sentences import translated
from pneumoscope.images import foreign
from pneumoscope.languages.current import LANGUAGES, speaking
from pneumoscope.languages.messages import groups, messages

BUNDLES = sorted(Path(pneumoscope.__file__).parent.glob("bundles/*/bundle.json"))


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_translations_have_the_same_values(language: str) -> None:
    assert len(messages(language)) == sum(map(len, groups(language).values()))
    for english, text in messages(language).items():
        assert text, english
        values, wanted = (sorted(set(re.findall(r"\{\w*\}", x))) for x in (text, english))
        assert values == wanted, english


@pytest.mark.parametrize("language", LANGUAGES[1:])
@pytest.mark.parametrize("path", BUNDLES, ids=lambda path: path.parent.name)
def test_the_texts_of_the_shipped_bundles_are_translated(path: Path, language: str) -> None:
    meta = open_bundle(path.parent).meta
    texts = [meta.population.text, meta.intended_use, meta.kinds_warning, *meta.warnings]
    texts += [point.rule for point in meta.operating_points]
    with speaking(language):
        assert [text for text in texts if text and translated(text) == text] == []


def strings(value: Any) -> list[str]:
    if isinstance(value, dict):
        inner = (v for k, v in value.items() if k in ("title", "description", "oneOf"))
        return [text for v in inner for text in strings(v)]
    if isinstance(value, list):
        return [text for v in value for text in strings(v)]
    return [value]


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_the_form_of_the_settings_is_translated(language: str) -> None:
    texts = [text for setting in UPLOADED for text in strings(setting.schema)]
    assert len(texts) > 10
    same = {"Heatmap"}
    with speaking(language):
        assert [text for text in texts if translated(text) == text and text not in same] == []


def bare(text: str) -> str:
    return re.sub(r"\{\w*\}", "{}", text)


# Put together from a title or a name, and a value.
WITHOUT_WORDS = {"{}={}: {}", "{} x {}{} pixels"}


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_every_message_for_readers_is_translated(language: str) -> None:
    raised = raised_messages.messages()
    assert len(raised) > 200
    known = {bare(english) for english in messages(language)}
    assert sorted(raised - known - WITHOUT_WORDS) == []


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_every_kind_of_file_that_is_no_film_is_translated(language: str) -> None:
    tree = ast.parse(Path(foreign.__file__).read_text("utf-8"))
    # What a file is, and what to do with it: in tables and answers, never in a docstring.
    nodes = [
        n for n in ast.walk(tree) if isinstance(n, ast.Tuple | ast.Dict | ast.Assign | ast.Call)
    ]
    constants = [c for n in nodes for c in ast.iter_child_nodes(n) if isinstance(c, ast.Constant)]
    texts = {c.value for c in constants if isinstance(c.value, str) and " " in c.value.strip()}
    assert len(texts) > 40
    assert sorted(texts - set(messages(language))) == []


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_every_status_of_a_problem_is_translated(language: str) -> None:
    statuses = {HTTPStatus(s) for s in (400, 401, 403, 404, 405, 408, 409, 413, 415, 422, 429)}
    statuses |= {HTTPStatus(s) for s in (500, 503, 507)}
    assert {s.phrase for s in statuses} <= set(groups(language)["statuses"])


@pytest.mark.parametrize(
    ("error", "message", "hint"),
    [
        (
            errors.TooSmall("a.png", 20, 30, 32),
            "a.png: 30 x 20 Pixel, nötig sind mindestens 32 x 32",
            "Verwenden Sie die Originalaufnahme, nicht ihr Vorschaubild.",
        ),
        (
            errors.UnknownFormat("film", *foreign.foreign_kind(b"GIF89a")),
            "film: ein GIF-Bild, kein Bildformat, das pneumoscope liest",
            "Speichern Sie es als PNG oder TIFF, oder besser: exportieren Sie die Aufnahme als DICOM.",
        ),
        (
            errors.UnreadableImage("film", "the PNG data is broken"),
            "film: lässt sich nicht dekodieren (die PNG-Daten sind defekt)",
            "Die Datei ist beschädigt. Exportieren Sie sie noch einmal.",
        ),
        (
            errors.TooLarge("no film.png", "70000 x 2 pixels", "100,000 pixels"),
            "no film.png: 70000 x 2 Pixel, die Grenze ist 100.000 Pixel",
            "Exportieren Sie die Aufnahme kleiner.",
        ),
        (
            errors.QueueFull(5),
            "es warten zu viele Aufnahmen",
            "Senden Sie sie in 5 s noch einmal, oder weniger auf einmal.",
        ),
    ],
)
def test_errors_in_german_by_hand(error: Exception, message: str, hint: str) -> None:
    with speaking("de"):
        assert (translated(str(error)), translated(error.hint)) == (message, hint)  # type: ignore[attr-defined]
