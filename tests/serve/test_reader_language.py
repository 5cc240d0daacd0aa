"""Answers in the language of the request; files for programs stay English."""

from __future__ import annotations

import json
from typing import Any

import pytest

from grey_films import BRIGHT
from grey_films import film as grey_film
from live import Live
from pneumoscope.serve.reader_language import language_of

GERMAN = {"Accept-Language": "de-AT,de;q=0.9,en;q=0.5"}


@pytest.mark.parametrize(
    ("query", "header", "language"),
    [
        (b"", b"", "en"),
        (b"", b"de", "de"),
        (b"language=de", b"en", "de"),
        (b"language=en&language=de", b"de", "en"),
        (b"language=fr", b"de", "de"),
        (b"ids=de", b"", "en"),
        (b"language=%FF", b"", "en"),
    ],
)
def test_the_language_of_a_request_by_hand(query: bytes, header: bytes, language: str) -> None:
    scope = {"type": "http", "query_string": query, "headers": [(b"accept-language", header)]}
    assert language_of(scope) == language


@pytest.fixture(scope="module")
def film(live: Live) -> dict[str, Any]:
    """The record of a film that was read for a German reader."""
    answer = live.send(BRIGHT, headers=GERMAN)
    assert answer.headers["content-language"] == "de"
    assert "Accept-Language" in answer.headers["vary"]
    [record] = answer.json()["predictions"]
    return dict(record)


def test_words_are_german_and_codes_are_not(live: Live, film: dict[str, Any]) -> None:
    english = live.client.get(film["links"]["self"]).json()
    assert {k for k, v in film["result"].items() if v != english["result"][k]} >= {"words"}
    for key in ("label", "called", "p_positive", "classes", "operating_point", "bundle_sha256"):
        assert film["result"][key] == english["result"][key]
    assert "probability of" in english["result"]["words"]["summary"]
    assert "Wahrscheinlichkeit für" in film["result"]["words"]["summary"]
    assert film["result"]["notice"] == "Nur für Forschungszwecke, kein Medizinprodukt."
    assert (
        english == live.client.get(film["links"]["self"], headers={"Accept-Language": "fr"}).json()
    )


def test_lists_jobs_and_events_are_german_too(live: Live, film: dict[str, Any]) -> None:
    listed = live.client.get("/api/v1/predictions", headers=GERMAN).json()["predictions"]
    assert film in listed
    job = live.send(BRIGHT, headers={"Prefer": "respond-async"}).json()["job"]["id"]
    [done] = live.finished(job)["predictions"]
    with live.client.stream("GET", f"/api/v1/jobs/{job}/events?language=de") as stream:
        data = [line[6:] for line in stream.iter_lines() if line.startswith("data: ")]
    words = json.loads(data[0])["record"]["result"]["words"]
    assert words["summary"] != done["result"]["words"]["summary"]
    assert "Wahrscheinlichkeit für" in words["summary"]


def test_files_for_programs_stay_english(live: Live, film: dict[str, Any]) -> None:
    small = live.read(("small.png", grey_film(204, 100, 90)))[0]
    assert small["result"]["words"]["marks"] == ["note"]
    several = f"/api/v1/predictions/export?ids={film['id']},{small['id']}&format="
    for address in (film["links"]["json"], f"{several}json", f"{several}csv"):
        files = [live.client.get(address, headers=headers).content for headers in ({}, GERMAN)]
        assert files[0] == files[1]
    assert b"note" in files[0]


def test_the_form_is_german(live: Live) -> None:
    form = live.client.get("/api/v1/settings?language=de").json()["form"]["properties"]
    assert form["operating_point"]["title"] == "Arbeitspunkt"
    assert form["explain"]["oneOf"][0] == {
        "const": "none",
        "title": "Keine",
        "description": "Nur das Ergebnis.",
    }
    assert form["explain"]["enum"] == ["none", "fast", "checked"]
    model = live.client.get("/api/v1/model?language=de").json()
    assert model["notice"] == "Nur für Forschungszwecke, kein Medizinprodukt."
