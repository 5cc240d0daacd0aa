"""The cases that Python and JavaScript must decide alike: scores and settings of films."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from decision_bundles import FINDINGS, LIMITS, SEED, UNUSUAL_SETS, bundles, profiles
from pneumoscope.bundle.content import rules_from_json
from pneumoscope.decision.rules import Rules
from pneumoscope.records import Settings

CLEAN = {
    "unsuitable": 0.1, "distance": 0.8, "mirrored": 0.1, "flatness": 0.2, "saturation": 0.0,
    "blur": 0.5, "inverted": 0.02, "rotated-90": 0.03, "not-frontal": 0.01, "cropped": 0.02,
    "not-a-radiograph": 0.02, "not-a-chest": 0.01, "photo-of-a-screen": 0.01,
    "one-lung": 0.1, "lung-doubt": 0.3,
}  # fmt: skip
"""Scores of a film that the gate lets pass."""
PLAIN = {"format": "DICOM", "rows": 300, "columns": 300}
"""What the file of such a film says about it."""


@dataclass(frozen=True, slots=True)
class Case:
    """One film, its bundle and the reader's choices.

    Attributes:
        name: What the case is about.
        bundle: Name of the bundle.
        probabilities: Class or finding to probability.
        settings: Fields of `Settings`; those that are not chosen are missing.
        gate: Scores of the gate that differ from `CLEAN`.
        facts: Facts about the film that differ from `PLAIN`.
        profile: Name of the site profile, or None.
    """

    name: str
    bundle: str
    probabilities: dict[str, float]
    settings: dict[str, Any] = field(default_factory=dict)
    gate: dict[str, float] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    profile: str | None = None


def of_kinds(p: float, viral: float = 0.3) -> dict[str, float]:
    """A film of the bundle ``kinds``: P(positive), and the share of viral in it."""
    return {"normal": 1 - p, "bacterial": (1 - viral) * p, "viral": viral * p}


def at(p: float) -> dict[str, float]:
    """A film of the bundle ``binary``."""
    return {"normal": 1 - p, "tuberculosis": p}


def around(p: float) -> Iterator[float]:
    """A probability between its neighbours, as far as 1 - (1 - p) can express them."""
    negative = 1 - p
    for other in (np.nextafter(negative, 2), negative, np.nextafter(negative, -1)):
        yield 1 - float(other)


def cases() -> list[Case]:
    """All cases, the same in every call."""
    groups = (
        verdicts(), borders(), choices(), kinds(), gate(), headers(), outside(), at_sites(), findings(),
        refused_settings(), mixtures(),
    )  # fmt: skip
    return list(itertools.chain.from_iterable(groups))


def verdicts() -> Iterator[Case]:
    for bundle in ("kinds", "kinds without scores"):
        for p in (0.0, 0.02, 0.2, 0.45, 0.5, 0.55, 0.7, 0.9, 0.99, 1.0):
            yield Case(name=f"P(positive) {p:g}", bundle=bundle, probabilities=of_kinds(p))
    for point in ("screen", "rule-in"):
        for p in (0.1, 0.3, 0.7, 0.95):
            yield Case(
                name=f"{point} at {p:g}",
                bundle="kinds",
                probabilities=of_kinds(p),
                settings={"operating_point": point},
            )
    for bundle in ("binary", "binary without gate", *UNUSUAL_SETS):
        for p in (1e-9, 0.3, 0.51, 0.97):
            yield Case(name=f"P(positive) {p:g}", bundle=bundle, probabilities=at(p))


def borders() -> Iterator[Case]:
    """Probabilities at a threshold or at a conformal limit, and the nearest on either side."""
    for bundle, film in (("kinds", of_kinds), ("binary without gate", at)):
        for point, threshold in (("balanced", 0.5), ("screen", 0.125), ("rule-in", 0.9375)):
            for p in around(threshold):
                name = f"{point} {'below' if p < threshold else 'reached'}"
                yield Case(
                    name=name,
                    bundle=bundle,
                    probabilities=film(p),
                    settings={"operating_point": point},
                )
    for error in (0.05, 0.2):
        rules = rules_from_json(bundles()["kinds"])
        limits = Rules.of(rules, Settings(error=error)).limits
        assert limits is not None
        negative, positive = limits.questions["PNEUMONIA"]
        for limit in (1 - negative, positive):
            for p in around(limit):
                yield Case(
                    name="at a conformal limit",
                    bundle="kinds",
                    probabilities=of_kinds(p),
                    settings={"error": error},
                )


def choices() -> Iterator[Case]:
    """Errors, prevalences and forced verdicts."""
    for error in (0.025, 0.03, 0.1, 0.3, 0.999, 1 - 1e-12):
        for p in (0.3, 0.6, 0.85, 1.0):
            yield Case(
                name=f"error {error:g}",
                bundle="kinds",
                probabilities=of_kinds(p),
                settings={"error": error},
            )
    for prevalence in (0.001, 0.05, 0.5, 0.745, 0.99):
        for p in (0.0, 0.4, 0.96, 1.0):
            settings = {"prevalence": prevalence}
            yield Case(
                name=f"prevalence {prevalence:g}",
                bundle="kinds",
                probabilities=of_kinds(p),
                settings=settings,
            )
    both = {"prevalence": 0.125, "error": 0.1, "operating_point": "screen", "force": True}
    yield Case(name="all settings", bundle="binary", probabilities=at(0.75), settings=both)


def kinds() -> Iterator[Case]:
    for viral in (0.0, 0.1, 0.35, 0.5, 0.65, 0.9, 1.0):
        for error in (0.05, 0.6):
            yield Case(
                name=f"share of viral {viral:g}",
                bundle="kinds",
                probabilities=of_kinds(0.97, viral),
                settings={"error": error},
            )
        yield Case(
            name="the likelier kind",
            bundle="kinds without scores",
            probabilities=of_kinds(0.97, viral),
        )
    for shares in ((0.4, 0.3, 0.3), (0.1, 0.8, 0.1), (0.0, 0.0, 1.0), (0.34, 0.33, 0.33)):
        covid, tuberculosis, fungal = (share * 0.95 for share in shares)
        film = {"covid": covid, "tuberculosis": tuberculosis, "Normal": 0.05, "fungal": fungal}
        for error in (0.05, 0.7):
            yield Case(
                name="three kinds", bundle="several", probabilities=film, settings={"error": error}
            )
        yield Case(
            name="three kinds, carried",
            bundle="several",
            probabilities=film,
            settings={"prevalence": 0.2},
        )


def gate() -> Iterator[Case]:
    """Every reason, refused and forced."""
    scores = (
        {"unsuitable": 0.9, "inverted": 0.8}, {"unsuitable": 0.9, "rotated-90": 0.5},
        {"unsuitable": 0.9, "not-frontal": 0.5}, {"unsuitable": 0.9, "not-a-radiograph": 0.9},
        {"unsuitable": 0.9, "not-a-chest": 0.9}, {"unsuitable": 0.9, "photo-of-a-screen": 0.9},
        {"unsuitable": 0.9, "screenshot": 0.9},
        {"photo-of-a-screen": 0.02, "screenshot": 0.02}, {"photo-of-a-screen": 0.02},
        {"unsuitable": 0.6}, {"unsuitable": 0.6000001}, {"distance": 1.2}, {"distance": 1.3},
        {"distance": 1.1}, {"distance": 1.0}, {"mirrored": 0.9}, {"flatness": 0.9},
        {"saturation": 0.3}, {"blur": 0.8}, {"blur": 0.8, "flatness": 0.9, "distance": 1.9},
        {"blur": 0.8, "unsuitable": 0.9, "not-a-chest": 0.7},
        {"blur": 0.8, "unsuitable": 0.9, "not-a-chest": 0.7, "distance": 1.6},
        {"blur": 0.8, "unsuitable": 0.9, "cropped": 0.99995},
        {"one-lung": 0.5}, {"one-lung": 0.6, "distance": 1.9}, {"one-lung": 0.6, "blur": 0.8},
        {"lung-doubt": 0.8}, {"one-lung": 0.6, "unsuitable": 0.9, "inverted": 0.8},
    )  # fmt: skip
    for raised, force in itertools.product(scores, (False, True)):
        name = ", ".join(raised) + (", forced" if force else "")
        film = {"bundle": "kinds", "probabilities": of_kinds(0.92), "gate": raised}
        yield Case(name=name, settings={"force": force}, **film)
    blurred = {"blur": 0.8, "unsuitable": 0.9, "not-frontal": 0.99995}
    for raised in ({"unsuitable": 0.9, "not-frontal": 0.8}, {"lung-doubt": 0.8}, blurred):
        narrow = {"facts": {"rows": 400, "columns": 200}, "probabilities": of_kinds(0.1)}
        yield Case(name=f"narrow, {', '.join(raised)}", bundle="kinds", gate=raised, **narrow)
    older = {"bundle": "kinds without scores", "probabilities": of_kinds(0.1)}
    for p in (0.03, 0.05):
        screen = {"photo-of-a-screen": p, "screenshot": 0.01}
        yield Case(name=f"a screen, {p}, without its limit", gate=screen, **older)
    facts: tuple[dict[str, Any], ...] = (
        {"rows": 79}, {"rows": 80}, {"columns": 127}, {"columns": 128},
        {"colour": True, "tint": 0.2}, {"colour": True, "tint": 0.06}, {"colour": True},
        {"missing_rows": 0}, {"missing_rows": 8}, {"grey_side": True}, {"screen_grid": True},
        {"taken_by": "camera"}, {"taken_by": "screenshot"},
    )  # fmt: skip
    for values in facts:
        name = ", ".join(values)
        yield Case(name=name, bundle="kinds", probabilities=of_kinds(0.1), facts=values)
        yield Case(
            name=f"{name}, without gate",
            bundle="binary without gate",
            probabilities=at(0.1),
            gate={"blur": 1.0},
            facts=values,
        )


def headers() -> Iterator[Case]:
    facts: tuple[dict[str, Any], ...] = (
        {"age_years": 1.0}, {"age_years": 0.9}, {"age_years": 5.99}, {"age_years": 6.0},
        {"age_years": 4.125}, {"age_years": 54.0}, {"age_years": 0.0192}, {"age_years": 100.0},
        {"view_position": "ap"}, {"view_position": "LL"}, {"view_position": "lateral"},
        {"view_position": "OBLIQUE"}, {"view_position": ""}, {"body_part": "Chest"},
        {"body_part": "PORT_CHEST AP"}, {"body_part": "THORAX"}, {"body_part": "HAND"},
        {"row_direction": "L"}, {"row_direction": "R"}, {"age_years": 7 / 12}, {"age_years": 1 / 12},
        {"age_years": 71.0, "view_position": "LL", "body_part": "SKULL"}, {"age_years": 29 / 365.25},
    )  # fmt: skip
    for values in facts:
        mirrored = {"mirrored": 0.9} if "row_direction" in values else {}
        yield Case(
            name=f"header: {values}",
            bundle="kinds",
            probabilities=of_kinds(0.9),
            gate=mirrored,
            facts=values,
        )
    for values in facts[5:12:3]:
        yield Case(
            name=f"nobody knows whom: {values}",
            bundle="binary",
            probabilities=at(0.9),
            facts=values,
        )


def outside() -> Iterator[Case]:
    """Films and ages outside the population: clear or not, forced, and at a site."""
    unusual: tuple[dict[str, Any], ...] = (
        {"gate": {"distance": 1.1}},
        {"facts": {"age_years": 54.0}},
        {"gate": {"other-population": 0.51, "distance": 1.1}},
    )
    for film in unusual:
        for p in (0.02, 0.75, 0.99):
            for force in (False, True):
                yield Case(
                    name="outside the population, forced" if force else "outside the population",
                    bundle="kinds",
                    probabilities=of_kinds(p),
                    settings={"force": True} if force else {},
                    **film,
                )
        yield Case(
            name="outside the population, without scores",
            bundle="kinds without scores",
            probabilities=of_kinds(0.9),
            **film,
        )
        yield Case(
            name="outside the population, at a site",
            bundle="kinds",
            probabilities=of_kinds(0.99),
            profile=next(iter(profiles())),
            **film,
        )


def at_sites() -> Iterator[Case]:
    for profile in ("ward", "ward with a prevalence"):
        for p in (0.0, 0.1, 0.45, 0.8, 0.97, 1.0):
            yield Case(
                name=f"site, {p:g}", bundle="kinds", probabilities=of_kinds(p), profile=profile
            )
        chosen = {"operating_point": "balanced", "prevalence": 0.6, "error": 0.25}
        yield Case(
            name="site, chosen",
            bundle="kinds",
            probabilities=of_kinds(0.9, 0.6),
            settings=chosen,
            profile=profile,
        )
        yield Case(
            name="site's limit",
            bundle="kinds",
            probabilities=of_kinds(0.9),
            gate={"distance": 1.9},
            profile=profile,
        )
    for p in (0.2, 0.9):
        yield Case(name=f"site, {p:g}", bundle="binary", probabilities=at(p), profile="clinic")


def findings() -> Iterator[Case]:
    draw = np.random.default_rng(SEED + 2)
    names = list(FINDINGS)
    fixed = (
        (0.1, 0.1, 1e-5, 0.05), (0.1, 0.45, 1e-5, 0.05), (0.9, 0.45, 0.01, 0.05),
        (0.6, 0.5, 0.0005, 0.02), (0.05, 0.99, 0.0004, 0.3), (0.0, 0.0, 0.0, 0.0),
        (1.0, 1.0, 1.0, 1.0), (1e-9, 1e-8, 1e-9, 1e-8),
        # Effusion is more likely, but both are below the floor of the log odds.
        (5e-7, 2e-8, 0.0, 0.0),
    )  # fmt: skip
    drawn = (1 / (1 + np.exp(-draw.normal((0, 0, -6, -1), 2.5, (12, 4))))).round(6).tolist()
    for bundle in ("findings", "findings without scores"):
        for values in (*fixed, *map(tuple, drawn)):
            film = dict(zip(names, values, strict=True))
            yield Case(name="findings", bundle=bundle, probabilities=film)
    for values in fixed:
        film = dict(zip(names, values, strict=True))
        settings = {"operating_point": "screen", "force": True}
        yield Case(
            name="findings, screen",
            bundle="findings",
            probabilities=film,
            settings=settings,
            gate={"flatness": 0.95},
        )


def refused_settings() -> Iterator[Case]:
    """Settings that a bundle does not support."""
    for settings in (
        {"operating_point": "balancd"}, {"error": 0.02}, {"error": 0.0}, {"error": 1.0},
        {"prevalence": 0.0}, {"prevalence": 1.5},
    ):  # fmt: skip
        yield Case(
            name=f"refused: {settings}",
            bundle="kinds",
            probabilities=of_kinds(0.5),
            settings=settings,
        )
    yield Case(
        name="no scores",
        bundle="kinds without scores",
        probabilities=of_kinds(0.5),
        settings={"error": 0.1},
    )
    yield Case(
        name="unknown prevalence",
        bundle="binary, prevalence unknown",
        probabilities=at(0.5),
        settings={"prevalence": 0.1},
    )
    film = dict.fromkeys(FINDINGS, 0.5)
    yield Case(
        name="prevalence of findings",
        bundle="findings",
        probabilities=film,
        settings={"prevalence": 0.1},
    )
    yield Case(
        name="not a site's point",
        bundle="kinds",
        probabilities=of_kinds(0.5),
        settings={"operating_point": "rule-in"},
        profile="ward",
    )


def mixtures() -> Iterator[Case]:
    """Random combinations of everything."""
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
        yield Case(
            name="drawn",
            bundle=bundle,
            probabilities=film,
            settings=settings,
            gate=scores,
            facts=facts,
        )
