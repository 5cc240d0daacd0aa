"""Writes decisions that Python and JavaScript must agree on: scores and settings in, verdict and words out.

    python tools/decisions.py

``tests/decision/decisions.json`` is replayed by ``tests/decision/test_decisions.py``: by
`pneumoscope.decision`, by the page's ``decision.js``, and by this script, which must write it again.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from decision_bundles import bundles, profiles
from decision_cases import CLEAN, PLAIN, Case, cases
from pneumoscope.bundle.content import rules_from_json
from pneumoscope.decision.decide import Decision, FilmScores, decide
from pneumoscope.decision.profile import applied, profile_from_json
from pneumoscope.decision.rules import Rules
from pneumoscope.errors import PneumoscopeError
from pneumoscope.records import FilmFacts, Settings
from pneumoscope.render.wording import sentences_of

FILE = Path(__file__).parents[1] / "tests" / "decision" / "decisions.json"


def decided(case: Case, known: dict[str, Any]) -> dict[str, Any]:
    """The case with its decision and words, or with the code of the error that refuses it.

    Args:
        case: The case to decide.
        known: ``bundles`` and ``profiles`` by name.
    """
    written = {key: value for key, value in asdict(case).items() if value}
    offered = rules_from_json(known["bundles"][case.bundle])
    if case.profile is not None:
        offered = applied(profile_from_json(known["profiles"][case.profile]), offered)
    try:
        rules = Rules.of(offered, Settings(**case.settings))
    except PneumoscopeError as error:
        return written | {"error": error.code}
    facts = FilmFacts(**(PLAIN | case.facts))
    decision = decide(FilmScores(case.probabilities, CLEAN | case.gate, facts), rules)
    return written | {"decision": to_json(decision), "words": sentences_of(decision)}


def to_json(decision: Decision) -> dict[str, Any]:
    """A decision under the names of `pneumoscope.render.serialise`, unrounded, without the gate's scores."""
    values = asdict(decision)
    del values["gate"]["scores"]
    values["error_rate"] = values.pop("error")
    return dict(json.loads(json.dumps(values)))


def content() -> dict[str, Any]:
    """The content of ``decisions.json``."""
    known = {"bundles": bundles(), "profiles": profiles()}
    usual = {"usual": {"gate": CLEAN, "facts": PLAIN}}
    return usual | known | {"cases": [decided(case, known) for case in cases()]}


def text() -> str:
    """The content as text: a line for every bundle, profile and case."""
    parts = []
    for name, values in content().items():
        rows = values if isinstance(values, list) else values.items()
        lines = [
            json.dumps(row, ensure_ascii=False)
            if isinstance(values, list)
            else f"{json.dumps(row[0])}: {json.dumps(row[1], ensure_ascii=False)}"
            for row in rows
        ]
        brackets = "[]" if isinstance(values, list) else "{}"
        parts.append(f'"{name}": {brackets[0]}\n' + ",\n".join(lines) + f"\n{brackets[1]}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
    print(f"{FILE}: {len(cases())} cases")
