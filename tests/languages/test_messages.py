from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import pneumoscope
from pneumoscope.bundle import open_bundle
from pneumoscope.decision.reader_settings import UPLOADED
from pneumoscope.decision.sentences import translated
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
