"""Writes the cases that Python and JavaScript decide alike: scores and settings in, verdict and words out.

    python tools/decisions.py

``tests/decision/decisions.json`` is replayed by ``tests/decision/test_decisions.py``: by
`pneumoscope.decision`, by the page's ``decision.js``, and by this script, whose output it must be.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pneumoscope.bundle.content import rules_from_json
from pneumoscope.decision.decide import Decision, FilmScores, decide
from pneumoscope.decision.profile import applied, profile_from_json
from pneumoscope.decision.rules import Rules
from pneumoscope.errors import PneumoscopeError
from pneumoscope.records import FilmFacts, Settings
from pneumoscope.render.wording import sentences_of

FILE = Path(__file__).parents[1] / "tests" / "decision" / "decisions.json"
SEED = 20260115
SCORES = 39
"""Conformal scores a side: the smallest error is 1 / 40."""


@dataclass(frozen=True, slots=True)
class Case:
    """One film, what it is judged by, and what the reader chose.

    Attributes:
        name: What the case is about.
        bundle: Name of its bundle.
        probabilities: Class or finding to probability.
        settings: Fields of `Settings`; what is not chosen is missing.
        gate: Scores of the gate that are not those of `CLEAN`.
        facts: What the film says of itself that is not in `PLAIN`.
        profile: Name of the site profile, or None.
    """

    name: str
    bundle: str
    probabilities: dict[str, float]
    settings: dict[str, Any] = field(default_factory=dict)
    gate: dict[str, float] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    profile: str | None = None


CLEAN = {
    "unsuitable": 0.1, "distance": 0.8, "mirrored": 0.1, "flatness": 0.2, "saturation": 0.0,
    "blur": 0.5, "inverted": 0.02, "rotated-90": 0.03, "not-frontal": 0.01, "cropped": 0.02,
    "not-a-radiograph": 0.02, "not-a-chest": 0.01, "photo-of-a-screen": 0.01,
}  # fmt: skip
"""Scores of a film that the gate lets pass."""
PLAIN = {"format": "DICOM", "rows": 300, "columns": 300}
"""What such a film says of itself."""
LIMITS = {
    "unsuitable": 0.6, "distance": 1.2, "distance-note": 1.0, "mirrored": 0.7,
    "flatness": 0.8, "saturation": 0.2, "blur": 0.7,
}  # fmt: skip
CHILDREN = {"text": "children", "age_years": [1.0, 5.0], "views": ["AP", "PA"]}
NOBODY_KNOWS = {"text": "nobody knows", "age_years": None, "views": []}


def bundles() -> dict[str, dict[str, Any]]:
    """The parts of bundle.json that decide, for every kind of bundle."""
    draw = np.random.default_rng(SEED)

    def scores(middle: float) -> list[float]:
        values = np.sort(draw.beta(6 * middle, 6 * (1 - middle), SCORES))
        return [round(float(value), 4) for value in values]

    def sides(middle: float = 0.8) -> dict[str, list[float]]:
        return {"negative": scores(middle), "positive": scores(middle)}

    def points(thresholds: dict[str, float], finding: str | None = None) -> list[dict[str, Any]]:
        return [
            {"name": name, "threshold": threshold, "rule": "by hand", "finding": finding}
            for name, threshold in thresholds.items()
        ]

    def calibration(questions: int = 1, prevalence: float | None = None) -> dict[str, Any]:
        return {
            "scale": [1.0] * questions,
            "offset": [0.0] * questions,
            "kinds_temperature": 1.0,
            "prevalence": prevalence,
        }

    kinds = {
        "name": "kinds",
        "labels": ["normal", "bacterial", "viral"],
        "negative": "normal",
        "positive": "PNEUMONIA",
        "kinds": ["bacterial", "viral"],
        "kinds_warning": "bacterial or viral: a film alone does not tell",
        "warnings": [],
        "calibration": calibration(prevalence=0.745),
        "conformal": {
            "questions": {"PNEUMONIA": sides()},
            "kinds": {"bacterial": scores(0.6), "viral": scores(0.4)},
        },
        "operating_points": points({"balanced": 0.5, "screen": 0.125, "rule-in": 0.9375}),
        "default_operating_point": "balanced",
        "population": CHILDREN,
        "gate": {"limits": LIMITS, "measured": {}},
    }
    binary = kinds | {
        "name": "binary",
        "labels": ["normal", "tuberculosis"],
        "positive": "TUBERCULOSIS",
        "kinds": [],
        "kinds_warning": "",
        "warnings": ["trained on the films of one clinic"],
        "calibration": calibration(prevalence=0.5),
        # Films of either class overlap: sets of both.
        "conformal": {"questions": {"TUBERCULOSIS": sides(0.5)}, "kinds": {}},
        "population": NOBODY_KNOWS,
    }
    several = kinds | {
        "name": "several",
        "labels": ["covid", "tuberculosis", "Normal", "fungal"],
        "negative": "Normal",
        "positive": "ABNORMAL",
        "kinds": ["covid", "tuberculosis", "fungal"],
        "kinds_warning": "",
        "warnings": ["trained on few films", "not for children"],
        "conformal": {
            "questions": {"ABNORMAL": sides()},
            "kinds": {"covid": scores(0.4), "tuberculosis": scores(0.3), "fungal": scores(0.2)},
        },
    }
    names = ["Effusion", "Mass", "Nodule", "Support Devices"]
    thresholds = (0.6, 0.5, 0.0005, 0.02)
    findings = kinds | {
        "name": "findings",
        "labels": names,
        "negative": None,
        "positive": "ABNORMAL",
        "kinds": [],
        "kinds_warning": "",
        "calibration": calibration(questions=4),
        "conformal": {"questions": {"Effusion": sides(), "Mass": sides(0.5)}, "kinds": {}},
        "operating_points": [
            point
            for name, threshold in zip(names, thresholds, strict=True)
            for point in points({"balanced": threshold, "screen": threshold / 4}, name)
        ],
    }
    without = {"conformal": None}
    return {
        "kinds": kinds,
        "kinds without scores": kinds | without,
        "binary": binary,
        "binary without gate": binary | without | {"gate": None},
        "binary, prevalence unknown": binary | {"calibration": calibration()},
        "several": several,
        "findings": findings,
        "findings without scores": findings | without,
    }


def profiles() -> dict[str, dict[str, Any]]:
    """Site profiles as their files are, for two of the bundles, and their titles."""
    draw = np.random.default_rng(SEED + 1)

    def profile(name: str, positive: str, prevalence: float | None, kinds: bool) -> dict[str, Any]:
        def scores() -> list[float]:
            return [round(float(value), 4) for value in np.sort(draw.beta(5, 1, SCORES))]

        content = {
            "format": 1,
            "name": name,
            "created": "2026-01-15",
            "bundle": "made by hand 1",
            "bundle_sha256": "0" * 64,
            "films": 200,
            "patients": 150,
            "classes": {"normal": 100, "ill": 100},
            "prevalence": prevalence,
            "calibration": {
                "scale": [0.8], "offset": [-0.4], "kinds_temperature": 1.0, "prevalence": 0.5,
            },
            "points": [
                {
                    "point": {"name": n, "threshold": t, "rule": "by hand", "finding": None},
                    "sensitivity": None,
                    "specificity": None,
                }
                for n, t in (("balanced", 0.4), ("screen", 0.2))
            ],
            "default_operating_point": "screen",
            "conformal": {
                "questions": {positive: {"negative": scores(), "positive": scores()}},
                "kinds": {"bacterial": scores(), "viral": scores()} if kinds else {},
            },
            "gate_limits": {"distance": 2.0},
            "reference": {},
            "verdict": "go",
            "reasons": [],
        }  # fmt: skip
        return content | {"title": profile_from_json(content).title}

    return {
        "ward": profile("ward", "PNEUMONIA", None, kinds=True),
        "ward with a prevalence": profile("ward", "PNEUMONIA", 0.05, kinds=True),
        "clinic": profile("clinic", "TUBERCULOSIS", 0.3, kinds=False),
    }


def of_kinds(p: float, viral: float = 0.3) -> dict[str, float]:
    """A film of the bundle ``kinds``: P(positive), and the share of viral in it."""
    return {"normal": 1 - p, "bacterial": (1 - viral) * p, "viral": viral * p}


def at(p: float) -> dict[str, float]:
    """A film of the bundle ``binary``."""
    return {"normal": 1 - p, "tuberculosis": p}


def around(p: float) -> Iterator[float]:
    """A probability, and the nearest ones that 1 - (1 - p) gives below and above it."""
    negative = 1 - p
    for other in (np.nextafter(negative, 2), negative, np.nextafter(negative, -1)):
        yield 1 - float(other)


def cases() -> list[Case]:
    """All of them, the same at every call."""
    made = (
        verdicts(), borders(), choices(), kinds(), gate(), headers(), at_sites(), findings(),
        refused_settings(), mixtures(),
    )  # fmt: skip
    return list(itertools.chain.from_iterable(made))


def verdicts() -> Iterator[Case]:
    for bundle in ("kinds", "kinds without scores"):
        for p in (0.0, 0.02, 0.2, 0.45, 0.5, 0.55, 0.7, 0.9, 0.99, 1.0):
            yield Case(f"P(positive) {p:g}", bundle, of_kinds(p))
    for point in ("screen", "rule-in"):
        for p in (0.1, 0.3, 0.7, 0.95):
            yield Case(f"{point} at {p:g}", "kinds", of_kinds(p), {"operating_point": point})
    for bundle in ("binary", "binary without gate"):
        for p in (1e-9, 0.3, 0.51, 0.97):
            yield Case(f"P(positive) {p:g}", bundle, at(p))


def borders() -> Iterator[Case]:
    """Probabilities at a threshold or at a conformal limit, and the nearest on either side."""
    for bundle, film in (("kinds", of_kinds), ("binary without gate", at)):
        for point, threshold in (("balanced", 0.5), ("screen", 0.125), ("rule-in", 0.9375)):
            for p in around(threshold):
                name = f"{point} {'below' if p < threshold else 'reached'}"
                yield Case(name, bundle, film(p), {"operating_point": point})
    for error in (0.05, 0.2):
        rules = rules_from_json(bundles()["kinds"])
        limits = Rules.of(rules, Settings(error=error)).limits
        assert limits is not None
        negative, positive = limits.questions["PNEUMONIA"]
        for limit in (1 - negative, positive):
            for p in around(limit):
                yield Case("at a conformal limit", "kinds", of_kinds(p), {"error": error})


def choices() -> Iterator[Case]:
    """Errors, prevalences and forced verdicts."""
    for error in (0.025, 0.03, 0.1, 0.3, 0.999):
        for p in (0.3, 0.6, 0.85):
            yield Case(f"error {error:g}", "kinds", of_kinds(p), {"error": error})
    for prevalence in (0.001, 0.05, 0.5, 0.745, 0.99):
        for p in (0.0, 0.4, 0.96, 1.0):
            settings = {"prevalence": prevalence}
            yield Case(f"prevalence {prevalence:g}", "kinds", of_kinds(p), settings)
    both = {"prevalence": 0.125, "error": 0.1, "operating_point": "screen", "force": True}
    yield Case("all settings", "binary", at(0.75), both)


def kinds() -> Iterator[Case]:
    for viral in (0.0, 0.1, 0.35, 0.5, 0.65, 0.9, 1.0):
        for error in (0.05, 0.6):
            yield Case(
                f"share of viral {viral:g}", "kinds", of_kinds(0.97, viral), {"error": error}
            )
        yield Case("the likelier kind", "kinds without scores", of_kinds(0.97, viral))
    for shares in ((0.4, 0.3, 0.3), (0.1, 0.8, 0.1), (0.0, 0.0, 1.0), (0.34, 0.33, 0.33)):
        covid, tuberculosis, fungal = (share * 0.95 for share in shares)
        film = {"covid": covid, "tuberculosis": tuberculosis, "Normal": 0.05, "fungal": fungal}
        for error in (0.05, 0.7):
            yield Case("three kinds", "several", film, {"error": error})
        yield Case("three kinds, carried", "several", film, {"prevalence": 0.2})


def gate() -> Iterator[Case]:
    """Every reason, refused and forced."""
    scores = (
        {"unsuitable": 0.9, "inverted": 0.8}, {"unsuitable": 0.9, "rotated-90": 0.5},
        {"unsuitable": 0.9, "not-frontal": 0.5}, {"unsuitable": 0.9, "not-a-radiograph": 0.9},
        {"unsuitable": 0.9, "not-a-chest": 0.9}, {"unsuitable": 0.9, "photo-of-a-screen": 0.9},
        {"unsuitable": 0.6}, {"unsuitable": 0.6000001}, {"distance": 1.2}, {"distance": 1.3},
        {"distance": 1.1}, {"distance": 1.0}, {"mirrored": 0.9}, {"flatness": 0.9},
        {"saturation": 0.3}, {"blur": 0.8}, {"blur": 0.8, "flatness": 0.9, "distance": 1.9},
        {"blur": 0.8, "unsuitable": 0.9, "not-a-chest": 0.7},
        {"blur": 0.8, "unsuitable": 0.9, "not-a-chest": 0.7, "distance": 1.6},
        {"blur": 0.8, "unsuitable": 0.9, "cropped": 0.996},
    )  # fmt: skip
    for found, force in itertools.product(scores, (False, True)):
        name = ", ".join(found) + (", forced" if force else "")
        yield Case(name, "kinds", of_kinds(0.92), {"force": force}, found)
    narrow = {"rows": 400, "columns": 200}
    yield Case(
        "one lung", "kinds", of_kinds(0.1), {}, {"unsuitable": 0.9, "not-frontal": 0.8}, narrow
    )
    facts: tuple[dict[str, Any], ...] = (
        {"rows": 79}, {"rows": 80}, {"columns": 127}, {"columns": 128},
        {"colour": True, "tint": 0.2}, {"colour": True, "tint": 0.06}, {"colour": True},
    )  # fmt: skip
    for values in facts:
        name = ", ".join(values)
        yield Case(name, "kinds", of_kinds(0.1), {}, {}, values)
        yield Case(
            f"{name}, without gate", "binary without gate", at(0.1), {}, {"blur": 1.0}, values
        )


def headers() -> Iterator[Case]:
    facts: tuple[dict[str, Any], ...] = (
        {"age_years": 1.0}, {"age_years": 0.9}, {"age_years": 5.99}, {"age_years": 6.0},
        {"age_years": 4.125}, {"age_years": 54.0}, {"age_years": 0.0192}, {"age_years": 100.0},
        {"view_position": "ap"}, {"view_position": "LL"}, {"view_position": "lateral"},
        {"view_position": "OBLIQUE"}, {"view_position": ""}, {"body_part": "Chest"},
        {"body_part": "PORT_CHEST AP"}, {"body_part": "THORAX"}, {"body_part": "HAND"},
        {"row_direction": "L"}, {"row_direction": "R"},
        {"age_years": 71.0, "view_position": "LL", "body_part": "SKULL"},
    )  # fmt: skip
    for values in facts:
        mirrored = {"mirrored": 0.9} if "row_direction" in values else {}
        yield Case(f"header: {values}", "kinds", of_kinds(0.9), {}, mirrored, values)
    for values in facts[5:12:3]:
        yield Case(f"nobody knows whom: {values}", "binary", at(0.9), {}, {}, values)


def at_sites() -> Iterator[Case]:
    for profile in ("ward", "ward with a prevalence"):
        for p in (0.0, 0.1, 0.45, 0.8, 0.97, 1.0):
            yield Case(f"site, {p:g}", "kinds", of_kinds(p), profile=profile)
        chosen = {"operating_point": "balanced", "prevalence": 0.6, "error": 0.25}
        yield Case("site, chosen", "kinds", of_kinds(0.9, 0.6), chosen, profile=profile)
        yield Case("site's limit", "kinds", of_kinds(0.9), {}, {"distance": 1.9}, profile=profile)
    for p in (0.2, 0.9):
        yield Case(f"site, {p:g}", "binary", at(p), profile="clinic")


def findings() -> Iterator[Case]:
    draw = np.random.default_rng(SEED + 2)
    names = bundles()["findings"]["labels"]
    fixed = (
        (0.1, 0.1, 1e-5, 0.05), (0.1, 0.45, 1e-5, 0.05), (0.9, 0.45, 0.01, 0.05),
        (0.6, 0.5, 0.0005, 0.02), (0.05, 0.99, 0.0004, 0.3), (0.0, 0.0, 0.0, 0.0),
        (1.0, 1.0, 1.0, 1.0), (1e-9, 1e-8, 1e-9, 1e-8),
        # Effusion is the likelier, but both are below what log odds tell apart.
        (5e-7, 2e-8, 0.0, 0.0),
    )  # fmt: skip
    drawn = (1 / (1 + np.exp(-draw.normal((0, 0, -6, -1), 2.5, (12, 4))))).round(6).tolist()
    for bundle in ("findings", "findings without scores"):
        for values in (*fixed, *map(tuple, drawn)):
            film = dict(zip(names, values, strict=True))
            yield Case("findings", bundle, film)
    for values in fixed:
        film = dict(zip(names, values, strict=True))
        settings = {"operating_point": "screen", "force": True}
        yield Case("findings, screen", "findings", film, settings, {"flatness": 0.95})


def refused_settings() -> Iterator[Case]:
    """What a bundle cannot serve."""
    for settings in (
        {"operating_point": "balancd"}, {"error": 0.02}, {"error": 0.0}, {"error": 1.0},
        {"prevalence": 0.0}, {"prevalence": 1.5},
    ):  # fmt: skip
        yield Case(f"refused: {settings}", "kinds", of_kinds(0.5), settings)
    yield Case("no scores", "kinds without scores", of_kinds(0.5), {"error": 0.1})
    yield Case("unknown prevalence", "binary, prevalence unknown", at(0.5), {"prevalence": 0.1})
    film = dict.fromkeys(bundles()["findings"]["labels"], 0.5)
    yield Case("prevalence of findings", "findings", film, {"prevalence": 0.1})
    yield Case(
        "not a site's point", "kinds", of_kinds(0.5), {"operating_point": "rule-in"}, profile="ward"
    )


def mixtures() -> Iterator[Case]:
    """Drawn: anything with anything."""
    draw = np.random.default_rng(SEED + 3)
    for i in range(60):
        bundle = ("kinds", "binary", "kinds without scores")[i % 3]
        p = round(float(1 / (1 + math.exp(-draw.normal(0, 3)))), 6)
        settings: dict[str, Any] = {"operating_point": ["balanced", "screen", "rule-in"][i % 3]}
        if draw.random() < 0.4:
            settings["prevalence"] = round(float(draw.random()), 3)
        if draw.random() < 0.4 and "without" not in bundle:
            settings["error"] = round(0.03 + 0.9 * float(draw.random()), 3)
        if draw.random() < 0.5:
            settings["force"] = True
        moved = draw.choice(list(LIMITS), 2, replace=False).tolist()
        scores = {name: round(float(2 * draw.random()), 3) for name in moved if name in CLEAN}
        facts = {
            "age_years": round(float(draw.gamma(1.5, 6)), 3),
            "rows": int(draw.integers(70, 400)),
        }
        film = at(p) if bundle == "binary" else of_kinds(p, round(float(draw.random()), 3))
        yield Case("drawn", bundle, film, settings, scores, facts)


def decided(case: Case, known: dict[str, Any]) -> dict[str, Any]:
    """The case with what is decided and said, or with the error that it is refused with.

    Args:
        case: To decide.
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
    """What ``decisions.json`` holds."""
    known = {"bundles": bundles(), "profiles": profiles()}
    usual = {"usual": {"gate": CLEAN, "facts": PLAIN}}
    return usual | known | {"cases": [decided(case, known) for case in cases()]}


def text() -> str:
    """The same as text: a line for every bundle, profile and case."""
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
