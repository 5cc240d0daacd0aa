"""The cases of ``decisions.json``, decided by Python and by the page's JavaScript."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import decisions
from decision_cases import Case
from pneumoscope.decision.gate import REASONS
from pneumoscope.decision.sentences import FILES, translated
from pneumoscope.languages.current import LANGUAGES, speaking

STATIC = Path(decisions.__file__).parents[1] / "src" / "pneumoscope" / "serve" / "static"
REPLAY = Path(__file__).with_name("replay_decisions.js")
CONTENT: dict[str, Any] = json.loads(decisions.FILE.read_text(encoding="utf-8"))
CASES: list[dict[str, Any]] = CONTENT["cases"]


def test_the_file_is_what_its_script_writes() -> None:
    # `python tools/decisions.py` writes it anew.
    assert decisions.FILE.read_text(encoding="utf-8") == decisions.text()


def test_the_cases_cover_everything_that_can_be_decided() -> None:
    decided = [case["decision"] for case in CASES if "decision" in case]
    labels = Counter(decision["label"] for decision in decided)
    assert len(CASES) >= 200
    assert set(labels) == {
        *("NORMAL", "UNDETERMINED", "REFUSED", "PNEUMONIA", "TUBERCULOSIS", "ABNORMAL"),
    }
    assert min(labels.values()) >= 5
    sets = {len(decision["classes"]) for decision in decided}
    assert (sets, {len(d["kinds"]) for d in decided}) == ({0, 1, 2}, {0, 1, 2, 3})
    reasons = {(r["code"], r["level"]) for d in decided for r in d["gate"]["reasons"]}
    # The last three kinds of pictures refuse as "inverted" does.
    rare = {"rotated-180", "rotated-270"}
    assert {code for code, _ in reasons} == set(REASONS) - rare
    assert {level for _, level in reasons} == {"note", "refuse"}
    for key in ("prevalence", "profile", "forced", "findings", "subtype", "warnings"):
        assert {bool(decision[key]) for decision in decided} == {True, False}, key
    assert any(decision["error_rate"] is None for decision in decided)
    assert {case["error"] for case in CASES if "error" in case} == {
        "UnknownOperatingPoint",
        "UsageError",
    }
    # Cases at a border come in threes: only the threshold itself tells them apart.
    borders = [d["called"] for c, d in _decided() if c["name"].startswith("balanced ")]
    assert {*borders} == {"NORMAL", "PNEUMONIA", "TUBERCULOSIS"}


def _decided() -> list[tuple[dict[str, Any], dict[str, Any]]]:
    return [(case, case["decision"]) for case in CASES if "decision" in case]


def test_python_decides_the_cases() -> None:
    """From the file alone: bundles, profiles and films go through JSON."""
    for case in CASES:
        given = {k: v for k, v in case.items() if k not in ("decision", "words", "error")}
        assert decisions.decided(Case(**given), CONTENT) == case


def with_node(folder: Path, sentences: Path) -> list[dict[str, Any]]:
    """What node makes of the cases, with the sentences of a language."""
    script = (
        'import { readFileSync } from "node:fs";'
        'import { replayed } from "./replay.js";'
        'const [cases, sentences] = process.argv.slice(1).map((f) => JSON.parse(readFileSync(f, "utf-8")));'
        "process.stdout.write(JSON.stringify(replayed(cases, sentences)));"
    )
    done = subprocess.run(
        ["node", "--input-type=module", "-e", script, str(decisions.FILE), str(sentences)],
        cwd=folder,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
        timeout=60,
    )
    return list(json.loads(done.stdout))


def with_chromium(folder: Path, sentences: Path, browser: Any) -> list[dict[str, Any]]:
    """What Chromium makes of the cases, with the sentences of a language."""
    page = browser.new_page()

    def answer(route: Any) -> None:
        name = route.request.url.rpartition("/")[2]
        kind = "text/javascript" if name.endswith(".js") else "text/html"
        body = (folder / name).read_text(encoding="utf-8") if name else ""
        route.fulfill(body=body, content_type=kind)

    page.route("**/*", answer)
    page.goto("http://decisions.test/")
    answers = page.evaluate(
        """async ([cases, sentences]) => {
          const { replayed } = await import("/replay.js");
          return replayed(JSON.parse(cases), JSON.parse(sentences));
        }""",
        [decisions.FILE.read_text("utf-8"), sentences.read_text("utf-8")],
    )
    page.close()
    return list(answers)


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    """A folder with the page's modules that decide, and the replay beside them."""
    for name in ("decision.js", "gate.js", "ages.js", "sentences.js", "numbers.js"):
        shutil.copy(STATIC / name, tmp_path)
    shutil.copy(REPLAY, tmp_path / "replay.js")
    (tmp_path / "package.json").write_text('{"type": "module"}')
    return tmp_path


def answers_of(
    scripts: Path, language: str, request: pytest.FixtureRequest
) -> list[dict[str, Any]]:
    """What JavaScript makes of the cases, in a language."""
    if shutil.which("node"):
        return with_node(scripts, FILES[language])
    return with_chromium(scripts, FILES[language], request.getfixturevalue("browser"))


def test_javascript_decides_the_cases(scripts: Path, request: pytest.FixtureRequest) -> None:
    answers = answers_of(scripts, "en", request)
    assert len(answers) == len(CASES)
    for case, answer in zip(CASES, answers, strict=True):
        for key in ("decision", "words", "error"):
            assert close(answer.get(key), case.get(key)), (case, answer)


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_javascript_says_in_other_languages_what_python_says(
    scripts: Path, request: pytest.FixtureRequest, language: str
) -> None:
    answers = answers_of(scripts, language, request)
    decided = [(c, a) for c, a in zip(CASES, answers, strict=True) if "decision" in c]
    assert len(decided) >= 200
    for case, answer in decided:
        given = {k: v for k, v in case.items() if k not in ("decision", "words", "error")}
        with speaking(language):
            expected = decisions.decided(Case(**given), CONTENT)
            reasons = expected["decision"]["gate"]["reasons"]
            for reason in reasons:
                reason |= {key: translated(reason[key]) for key in ("sentence", "hint")}
        assert close(answer["words"], expected["words"]), (case, answer)
        assert answer["decision"]["gate"]["reasons"] == reasons
        assert answer["words"]["summary"] != case["words"]["summary"]


def close(a: Any, b: Any) -> bool:
    """Equal, and numbers to 12 digits: exp and log differ in the last ones."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(close(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(close, a, b))
    if isinstance(a, float) or isinstance(b, float):
        return bool(a == pytest.approx(b, rel=1e-12, abs=1e-15))
    return type(a) is type(b) and bool(a == b)


def test_what_is_close_by_hand() -> None:
    assert close({"p": 0.1 + 0.2, "n": [1]}, {"p": 0.3, "n": [1]})
    assert not close({"p": 0.3000001}, {"p": 0.3})
    assert not close([1, "a"], [1, "b"])
    assert not close({"a": 1}, {"b": 1})
    assert not close(None, [])
    assert not close(True, 1)
