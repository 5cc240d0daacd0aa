"""What the page knows."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from page_in_node import PAGE
from pneumoscope import load
from pneumoscope.bundle import Bundle, names
from pneumoscope.languages.current import LANGUAGES
from pneumoscope.web.content import foreign_words, page_content


@pytest.fixture(scope="module")
def content() -> dict[str, Any]:
    bundles = {path.name: load(path, threads=1) for path in names.SHIPPED_SET}
    return page_content(bundles, ("openjpeg",))


def test_the_shipped_bundles_are_chosen_by_the_film(content: dict[str, Any]) -> None:
    assert content["automatic"]
    assert list(content["bundles"]) == ["children", "adults"]
    assert list(content["settings"]) == ["automatic", "children", "adults"]
    assert content["codecs"] == ["openjpeg"]
    children = content["bundles"]["children"]
    assert children["model"] == "models/children.onnx"
    assert len(children["heads"]["weights"]) == 384
    assert len(children["heads"]["mirror"]) == 385
    json.dumps(content, allow_nan=False)


def test_what_needs_a_server_is_not_offered(content: dict[str, Any]) -> None:
    for settings in content["settings"].values():
        assert "limits" not in settings  # of uploads
        field = settings["form"]["properties"]["explain"]
        assert settings["explain"] == field["enum"] == ["none", "fast"]
        assert [mode["const"] for mode in field["oneOf"]] == ["none", "fast"]


def test_one_bundle_without_a_gate(tiny_bundle: Bundle) -> None:
    content = page_content({"tiny": load(tiny_bundle.path, threads=1)}, ())
    assert not content["automatic"]
    assert list(content["settings"]) == ["tiny"]
    assert content["bundles"]["tiny"]["heads"] is None


def test_every_error_of_the_page_has_words(content: dict[str, Any]) -> None:
    scripts = "".join(path.read_text() for path in PAGE.rglob("*.js"))
    codes = set(re.findall(r'FilmError\("(\w+)"', scripts))
    assert len(codes) >= 10
    assert codes <= content["errors"].keys()
    assert content["errors"]["TooSmall"]["message"] == (
        "{name}: {columns} x {rows} pixels, at least {least} x {least} are needed"
    )


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_the_words_of_errors_are_translated(content: dict[str, Any], language: str) -> None:
    words = content["languages"][language]
    same = {"{name}: {kind}", "{name}: {what}"}  # of values alone
    for code, texts in content["errors"].items():
        for key, text in texts.items():
            assert words["errors"][code][key] != text or text in same, (code, text)
    assert [reason for reason, text in words["reasons"].items() if text == reason] == []


def test_other_files_are_named() -> None:
    words = foreign_words()
    kinds = {known["beginning"]: known["kind"] for known in words["beginnings"]}
    assert kinds["%PDF"] == "a PDF document, not an image format that pneumoscope reads"
    assert words["brands"]["heic"]["kind"].startswith("a HEIC picture")
