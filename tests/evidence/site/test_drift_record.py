"""A drift test in words and as JSON."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip("scipy", reason="needs the [evidence] extra")

from pneumoscope.evidence.site.drift import REFUSED, SCORE, Channel, Drift, watch
from pneumoscope.evidence.site.drift_record import to_json, words_of
from pneumoscope.render.written import Written
from tiny import site_profile


def channel(after: float, alarm: int | None) -> Channel:
    return Channel(
        name=SCORE,
        reference=50,
        films=3,
        positions=np.arange(3),
        evidence=np.array([1.0, 8.76543, 20.0]),
        alarm=alarm,
        since=None if alarm is None else 1,
        before=0.5,
        after=after,
    )


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (2.0, "log odds is higher than at calibration: mean 2, before 0.5; alarm at film 3"),
        (-1.0, "log odds is lower than at calibration: mean -1, before 0.5"),
        (0.5, "log odds is spread differently than at calibration"),
    ],
)
def test_an_alarm_in_words(after: float, words: str) -> None:
    drift = Drift(
        profile="ward", alpha=0.05, films=3, unread=2, channels=(channel(after, 2),), silent=()
    )
    sentences = words_of(drift)
    assert sentences[0].startswith(words)
    assert sentences[0].endswith("since about film 2")
    assert sentences[1:] == [
        "films that could not be read, not used: 2",
        "if nothing changes, the probability of an alarm is at most 0.05",
    ]


def test_films_are_counted_from_1_in_json() -> None:
    drift = Drift(
        profile="ward", alpha=0.05, films=3, unread=0, channels=(channel(2.0, 2),), silent=()
    )
    record = json.loads(json.dumps(to_json(drift), allow_nan=False))
    (first,) = record["channels"]
    assert (first["alarm_at_film"], first["since_film"]) == (3, 2)
    assert first["evidence"] == [1.0, 8.765, 20.0]
    quiet = Drift(
        profile="ward", alpha=0.05, films=3, unread=0, channels=(channel(0.5, None),), silent=()
    )
    assert to_json(quiet)["channels"][0]["alarm_at_film"] is None
    assert "nothing in 3 predictions" in to_json(quiet)["words"][0]


def test_what_was_not_compared_is_named() -> None:
    profile = site_profile(reference={REFUSED: (0.0,) * 60, "gate: distance": (0.5,) * 60})
    drift = watch([Written(f"{i}.png", refused=False) for i in range(50)], profile)
    assert "gate: distance" in drift.silent
    assert any("not compared" in text and "gate: distance" in text for text in words_of(drift))
