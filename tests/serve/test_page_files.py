"""The files of the page: they load nothing from elsewhere, and their texts are in one place."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import pneumoscope
from pneumoscope.decision.sentences import SENTENCES, TABLES
from pneumoscope.languages.current import LANGUAGES
from pneumoscope.languages.messages import messages
from pneumoscope.render.serialise import NOTICE

STATIC = Path(pneumoscope.__file__).parent / "serve" / "static"
SCRIPTS = {path.name: path.read_text("utf-8") for path in sorted(STATIC.glob("*.js"))}
TEXTS = json.loads((STATIC / "texts.en.json").read_text("utf-8"))


def entry(key: str) -> object:
    branch: object = TEXTS
    for part in key.split("."):
        branch = branch.get(part) if isinstance(branch, dict) else None
    return branch


def literal_keys() -> set[str]:
    """Every key that a script names in full, without those that are put together."""
    literal = r"\b(?:t|entry)\(\s*\"([\w.]+)\""
    chosen = r"\bt\([^()?]*\? \"([\w.]+)\" : \"([\w.]+)\""
    keys = set()
    for script in SCRIPTS.values():
        keys |= set(re.findall(literal, script))
        keys |= {key for pair in re.findall(chosen, script) for key in pair}
    return keys


def test_every_text_that_is_named_exists() -> None:
    keys = literal_keys()
    assert len(keys) > 100
    assert [key for key in sorted(keys) if entry(key) is None] == []


def test_texts_put_together_from_values_exist() -> None:
    states = ("waiting", "sending", "reading", "busy", "cancelled")
    keys = [f"{part}.{state}" for part in ("list", "verdict") for state in states]
    keys += [f"tabs.{tab}" for tab in ("read", "history", "compare")]
    keys += [
        f"settings.reveals.{v}.{k}" for v in ("moment", "ask", "once") for k in ("title", "text")
    ]
    keys += [
        f"settings.themes.{v}.{k}" for v in ("dark", "light", "system") for k in ("title", "text")
    ]
    keys += [
        f"download.film.{v}" for v in ("overlay", "pdf", "json", "csv", "sr", "sc", "seg", "fhir")
    ]
    keys += [f"download.films.{v}" for v in ("csv", "json", "pdf", "zip")]
    keys += [f"viewer.missing.{v}" for v in ("waiting", "failed", "cancelled", "archive", "gone")]
    keys += [f"history.order.{v}" for v in ("newest", "oldest", "highest", "lowest", "name")]
    keys += [
        f"{v}.{k}" for v in ("bundles", "settings") for k in ("unavailable", "unavailableHint")
    ]
    keys += [f"welcome.{v}.{k}" for v in ("film", "doubt", "privacy") for k in ("title", "text")]
    assert [key for key in keys if not isinstance(entry(key), str)] == []


def leaves(branch: Any, where: str = "") -> dict[str, str]:
    """Dotted key to text."""
    if isinstance(branch, str):
        return {where: branch}
    inner = branch.items() if isinstance(branch, dict) else enumerate(branch)
    return {k: v for key, value in inner for k, v in leaves(value, f"{where}.{key}").items()}


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_languages_have_the_same_texts_with_the_same_values(language: str) -> None:
    other = json.loads((STATIC / f"texts.{language}.json").read_text("utf-8"))
    # English verdicts and classes have no other names; those of the page are those of the package.
    assert other.pop("names") == TABLES[language]["names"]
    assert other["decimal"] == TABLES[language]["decimal"]
    translated, english = leaves(other), leaves({k: v for k, v in TEXTS.items() if k != "names"})
    assert sorted(translated) == sorted(english)
    for key, text in english.items():
        # The note that the model card is in English only.
        assert translated[key] or not text, key
        values, wanted = (sorted(re.findall(r"\{\w+\}", x)) for x in (translated[key], text))
        assert values == wanted, key
    assert other["notice"] == messages(language)[NOTICE]


def test_the_page_has_the_languages_of_the_package() -> None:
    [names] = re.findall(r"LANGUAGES = (\[.*\]);", SCRIPTS["texts.js"])
    assert tuple(json.loads(names)) == LANGUAGES
    assert sorted(STATIC.glob("texts.*.json")) == sorted(
        STATIC / f"texts.{language}.json" for language in LANGUAGES
    )
    for language in ("browser", *LANGUAGES):
        assert isinstance(entry(f"settings.languages.{language}.title"), str)


def test_every_icon_exists() -> None:
    icons = set(re.findall(r"^  (\w+):", SCRIPTS["icons.js"], re.MULTILINE))
    used = set()
    for script in SCRIPTS.values():
        used |= set(re.findall(r"\b(?:icon|button|menu|action|headline)\(\"(\w+)\"", script))
    assert len(used) > 20
    assert used <= icons


@pytest.mark.parametrize("path", sorted(STATIC.iterdir()), ids=lambda path: path.name)
def test_nothing_is_inline_or_from_elsewhere(path: Path) -> None:
    text = path.read_text("utf-8")
    addresses = set(re.findall(r"https?://[^\s\"')]+", text))
    assert addresses <= {"http://www.w3.org/2000/svg"}
    assert ".innerHTML" not in text
    assert "eval(" not in text
    if path.suffix == ".html":
        assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\bsrc=)", text)


def test_imports_are_relative_and_name_files_that_are_there() -> None:
    targets = [
        (name, target)
        for name, script in SCRIPTS.items()
        for target in re.findall(r"^import .*?\"(.+?)\";$", script, re.MULTILINE)
    ]
    assert len(targets) > 50
    for name, target in targets:
        assert target.startswith("./"), (name, target)
        assert (STATIC / target).is_file(), (name, target)


@pytest.mark.parametrize("path", sorted(STATIC.glob("*.html")), ids=lambda path: path.name)
def test_pages_name_their_files_relative_to_the_root(path: Path) -> None:
    addresses = re.findall(r"(?:src|href)=\"([^#\"][^\"]*)\"", path.read_text("utf-8"))
    assert len(addresses) > 4
    for address in addresses:
        assert address.startswith("static/"), address
        assert (STATIC / address.removeprefix("static/")).is_file(), address


def test_only_the_http_back_end_knows_the_server() -> None:
    # texts.js fetches its own file of words, which lies beside the modules.
    allowed = {"fetch": {"http.js", "texts.js"}, "EventSource": {"http.js"}}
    allowed |= {"XMLHttpRequest": {"http.js"}, "HttpBackend": {"app.js", "login.js"}}
    for word, names in allowed.items():
        users = {name for name, script in SCRIPTS.items() if re.search(rf"\b{word}\(", script)}
        assert users == names, word
    for name, script in SCRIPTS.items():
        if name != "http.js":
            assert not re.search(r"[\"'`/]api/|predictions|\.links\b", script), name


def test_no_sentence_of_the_package_is_written_again_in_the_page() -> None:
    # Between the values that are put in.
    texts = [part for text in SENTENCES["words"].values() for part in re.split(r"\{\w+\}", text)]
    sentences = [text.strip() for text in texts if text.strip().count(" ") > 2]
    assert len(sentences) > 10
    page = (STATIC / "texts.en.json").read_text("utf-8") + "".join(SCRIPTS.values())
    assert [sentence for sentence in sentences if sentence in page] == []


def test_numbers_are_written_in_one_place() -> None:
    formatting = r"\.(?:toFixed|toPrecision|toExponential)\("
    assert [name for name, script in SCRIPTS.items() if re.search(formatting, script)] == [
        "numbers.js"
    ]


def test_the_notice_is_that_of_the_package() -> None:
    assert entry("notice") == NOTICE
    for page in STATIC.glob("*.html"):
        [without_scripts] = re.findall(r"<noscript>(.*)</noscript>", page.read_text("utf-8"))
        assert without_scripts == f"This page needs JavaScript. {NOTICE}"


MODULE_LINES = 400  # as tests/test_house.py has it for Python


@pytest.mark.parametrize(
    "path", [*STATIC.glob("*.js"), *STATIC.glob("*.css")], ids=lambda p: p.name
)
def test_scripts_and_styles_are_short(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= MODULE_LINES


def test_names_in_scripts_say_what_they_hold() -> None:
    vague = re.compile(r"\b(?:const|let) (?:found|own|one|told|asked|there)\b")
    assert [name for name, script in SCRIPTS.items() if vague.search(script)] == []


def test_every_style_is_used() -> None:
    styles = "".join(path.read_text("utf-8") for path in STATIC.glob("*.css"))
    markup = "".join(path.read_text("utf-8") for path in STATIC.glob("*.html"))
    page = markup + "".join(SCRIPTS.values())
    selectors = re.sub(r"\{[^{}]*\}", "{}", styles)
    names = set(re.findall(r"[.#]([a-z][\w-]*)", selectors))
    # Classes such as state-normal are put together from the state.
    whole = {name for name in names if not name.startswith("state-")}
    assert len(whole) > 100
    unused = {name for name in whole if not re.search(rf"(?<![\w-]){name}(?![\w-])", page)}
    assert unused == set()
