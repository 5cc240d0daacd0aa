"""A server of bundles for children and adults: a bundle is chosen for each film."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pypdf
import pytest

import pneumoscope
from answers import assert_problem
from film_files import dicom, ramp
from grey_films import BRIGHT, DARK
from live import Live
from pneumoscope.errors import UsageError
from pneumoscope.jobs.bundles import load_bundles
from pneumoscope.records import Settings
from two_populations import population_bundle

SETTINGS = "/api/v1/settings"
MODEL = "/api/v1/model"
OLD = ("old.dcm", dicom(ramp(200, 220) // 4, PatientAge="054Y"))


def chosen(live: Live, *films: tuple[str, bytes], **fields: str) -> list[tuple[str, str, str]]:
    results = [record["result"] for record in live.read(*films, **fields)]
    return [(r["bundle"], r["population"], r["population_source"]) for r in results]


def test_each_film_of_a_request_is_read_by_its_bundle(both: Live) -> None:
    assert chosen(both, BRIGHT, DARK, OLD) == [
        ("adults 1", "adults", "film"),
        ("children 1", "children", "film"),
        ("adults 1", "adults", "age"),
    ]
    (record,) = both.read(OLD)
    assert record["result"]["words"]["population"] == "adults, by the age in the film's header"


def test_a_request_chooses_the_population_or_names_a_bundle(both: Live) -> None:
    assert chosen(both, DARK, population="adults") == [("adults 1", "adults", "reader")]
    assert chosen(both, DARK, bundle="adults") == [("adults 1", None, None)]
    assert chosen(both, DARK, bundle="automatic") == [("children 1", "children", "film")]
    problem = assert_problem(both.send(DARK, data={"population": "elderly"}), 422, "UsageError")
    assert problem["hint"] == "Choose one of: children, adults."
    alone = both.send(DARK, data={"population": "adults", "bundle": "children"})
    assert_problem(alone, 422, "UsageError")


def test_what_can_be_chosen_for_all_films_and_with_one_bundle(both: Live) -> None:
    choices = both.client.get(SETTINGS).json()
    assert choices["automatic"] is True
    assert [(b["name"], b["default"]) for b in choices["bundles"]] == [
        ("children", False), ("adults", False)
    ]  # fmt: skip
    fields = choices["form"]["properties"]
    assert next(iter(fields)) == "population"
    assert fields["population"]["enum"] == ["children", "adults"]
    assert fields["population"]["oneOf"][1]["description"] == "adults in tests"
    # The ranges of the verdicts may differ between bundles.
    assert [c["title"] for c in fields["operating_point"]["oneOf"]] == ["balanced", "screen"]
    assert fields["operating_point"]["default"] == "balanced"
    assert fields["prevalence"]["title"] == "Prevalence of disease where the films come from"
    assert "error" not in fields  # neither has conformal scores
    adults = both.client.get(SETTINGS, params={"bundle": "adults"}).json()
    assert adults["bundles"] == choices["bundles"]
    fields = adults["form"]["properties"]
    assert "population" not in fields
    assert fields["operating_point"]["oneOf"][0] == {
        "const": "balanced",
        "title": "balanced",
        "description": "by hand. With the other settings at their defaults: "
        "NORMAL below 0.500, ABNORMAL from 0.500.",
    }
    assert fields["prevalence"]["title"] == "Prevalence of disease where the films come from"
    children = both.client.get(SETTINGS, params={"bundle": "children"}).json()
    title = children["form"]["properties"]["prevalence"]["title"]
    assert title == "Prevalence of pneumonia where the films come from"


def test_the_facts_of_both_bundles(both: Live) -> None:
    model = both.client.get(MODEL).json()
    assert (model["bundle"], [b["bundle"] for b in model["bundles"]]) == (
        "children 1", ["children 1", "adults 1"]
    )  # fmt: skip
    adults = both.client.get(MODEL, params={"bundle": "adults"}).json()
    assert adults == model["bundles"][1]
    assert "bundles" not in adults


def test_tables_and_reports_say_the_population(both: Live) -> None:
    both.client.delete("/api/v1/predictions")
    (record,) = both.read(OLD)
    both.read(DARK)
    dark, old = csv.DictReader(io.StringIO(both.client.get("/api/v1/predictions/export").text))
    assert (old["population"], old["population_source"]) == ("adults", "age")
    assert old["p_opacity"]
    assert not old["p_viral"]
    assert (dark["population"], dark["population_source"]) == ("children", "film")
    pdf = both.client.get(record["links"]["pdf"]).content
    text = "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages)
    assert "population: adults, by the age in the film's header." in " ".join(text.split())


def test_a_job_of_both_populations(both: Live) -> None:
    job = both.send(BRIGHT, DARK, OLD, headers={"Prefer": "respond-async"}).json()["job"]["id"]
    results = [film["result"] for film in both.finished(job)["predictions"]]
    assert [r["population"] for r in results] == ["adults", "children", "adults"]


def test_the_client_chooses_the_population(both: Live) -> None:
    with pneumoscope.Client(both.url) as client:
        record = client.predict(DARK[1])
        assert record.prediction is not None
        assert record.prediction.population_source == "film"
        record = client.predict(DARK[1], Settings(population="adults"))
        assert record.prediction is not None
        assert (record.prediction.population, record.prediction.population_source) == (
            "adults", "reader"
        )  # fmt: skip


def test_no_bundle_has_the_name_of_the_choice(tmp_path: Path) -> None:
    folder = population_bundle(tmp_path / "automatic").path
    with pytest.raises(UsageError, match="a bundle is called automatic"):
        load_bundles((str(folder),))
