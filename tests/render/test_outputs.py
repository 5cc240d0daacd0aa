"""How verdicts look on the terminal, in JSON and CSV, and on the page."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from command_line import run
from pneumoscope.bundle import Bundle, write_bundle
from pneumoscope.cli.read import output, pictures
from pneumoscope.decision.decide import gated
from pneumoscope.records import GateReason, GateReport, Outcome, Settings
from pneumoscope.render import serialise, sheet, wording
from pneumoscope.render.export import columns, csv_row
from pneumoscope.render.serialise import outcome_to_json
from pneumoscope.runtime import load
from tiny import scored_meta, tiny_files

# Mean grey to P(pneumonia) of the tiny network: 51 to 0.110, 127 to 0.574, 204 to 0.938.
COLUMNS = columns(("normal", "bacterial", "viral"))
GREYS = {"dark": 51, "grey": 127, "bright": 204}
REASON = GateReason("inverted", "refuse", "The film is inverted.", "Export it as it was taken <>.")


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    folder = tmp_path_factory.mktemp("scored")
    return write_bundle(folder / "bundle", scored_meta(), tiny_files(folder / "parts"))


@pytest.fixture
def films(tmp_path: Path) -> Path:
    folder = tmp_path / "greys"
    folder.mkdir()
    for name, grey in GREYS.items():
        Image.new("L", (260, 240), grey).save(folder / f"{name}.png")
    return folder


def outcomes(scored: Bundle, films: Path, settings: Settings = Settings()) -> dict[str, Outcome]:
    sources = [films / f"{name}.png" for name in GREYS]
    read = load(scored, settings=settings).predict_many(sources, keep_films=True)
    return dict(zip(GREYS, read, strict=True))


def refused(outcome: Outcome, *, force: bool = False) -> Outcome:
    """The same film as the gate would leave it."""
    p, gate = outcome.prediction, GateReport("refuse", (REASON,), {"distance": 3.0})
    assert p is not None
    label, forced = gated(p.label, gate, force=force)
    return replace(outcome, prediction=replace(p, label=label, forced=forced, gate=gate))


def test_every_label_on_the_terminal(scored: Bundle, films: Path) -> None:
    lines = run("predict", films, "--bundle", scored.path).stdout.splitlines()
    bright, dark, grey = (" ".join(line.split()[1:]) for line in lines[1:4])
    grey += lines[4].removeprefix(" ")  # notes are below the line of the film
    assert dark == "NORMAL 0.110"
    assert bright == "PNEUMONIA 0.938 undetermined (bacterial or viral)"
    assert grey.startswith("UNDETERMINED 0.574 not clear: fewer than 5 % of NORMAL films score so")
    assert "about 5 % or fewer get the wrong verdict" in " ".join(lines)


def test_a_refused_film_shows_its_reasons_and_no_figure(scored: Bundle, films: Path) -> None:
    outcome = refused(outcomes(scored, films)["bright"])
    row = output.table_row(outcome)
    assert "REFUSED" in row[1]
    assert row[2:] == ("", "", "The film is inverted. Export it as it was taken <>.")
    record = outcome_to_json(outcome)
    assert record["label"] == "REFUSED"
    shown = ("called", "p_positive", "p_pneumonia", "p_unadjusted", "probabilities", "classes")
    assert {record[key] for key in (*shown, "kinds", "subtype", "findings", "heatmap_class")} == {
        None
    }
    assert record["gate"]["reasons"][0]["code"] == "inverted"
    # Reading may take 0.93 ms.
    assert "0.93" not in json.dumps(record | {"timings_ms": {}})
    cells = csv_row(record, COLUMNS)
    assert (cells["gate"], cells["reasons"], cells["label"]) == (
        "refuse",
        "inverted",
        "REFUSED",
    )
    assert not any(str(v).startswith("0.9") for v in cells.values())
    page = sheet.row(outcome)
    assert page.count("data:image/jpeg") == 1
    assert "Export it as it was taken &lt;&gt;." in page
    assert "0.93" not in page
    assert "Heatmap" not in page


def test_the_former_name_of_p_positive_stays_for_one_version(scored: Bundle, films: Path) -> None:
    outcome = outcomes(scored, films)["bright"]
    record = outcome_to_json(outcome)
    assert record["positive"] == "PNEUMONIA"
    assert record["p_pneumonia"] == record["p_positive"] == pytest.approx(0.938, abs=0.001)
    row = csv_row(record, COLUMNS)
    assert row["positive"] == "PNEUMONIA"
    assert row["p_pneumonia"] == row["p_positive"] == record["p_positive"]
    assert outcome.prediction is not None
    with pytest.warns(DeprecationWarning, match="p_positive"):
        assert outcome.prediction.p_pneumonia == outcome.prediction.p_positive
    # A record that a server of the former version stored.
    del record["p_positive"]
    assert serialise.prediction_from_json(record).p_positive == record["p_pneumonia"]
    assert csv_row(record, COLUMNS)["p_positive"] == record["p_pneumonia"]


def test_a_class_called_pneumonia_has_one_column() -> None:
    names = list(columns(("normal", "pneumonia")))
    assert names.count("p_pneumonia") == 1


def test_a_refused_film_gets_no_overlay(scored: Bundle, films: Path, tmp_path: Path) -> None:
    films_read = [refused(outcomes(scored, films)["dark"]), outcomes(scored, films)["bright"]]
    targets = pictures.Targets(heatmaps=tmp_path)
    written = [result.heatmap for result in pictures.with_pictures(films_read, targets)]
    assert written == [None, tmp_path / "bright.png.heatmap.png"]


def test_a_forced_verdict_is_marked_everywhere(scored: Bundle, films: Path) -> None:
    outcome = refused(outcomes(scored, films)["dark"], force=True)
    row = output.table_row(outcome)
    assert "NORMAL (forced)" in row[1]
    assert "inverted" in row[4]
    record = outcome_to_json(outcome)
    assert (record["label"], record["forced"]) == ("NORMAL", True)
    assert record["p_positive"] == pytest.approx(0.110, abs=0.001)
    assert csv_row(record, COLUMNS)["forced"] is True
    page = sheet.row(outcome)
    assert "<small>forced</small>" in page
    assert "The film is inverted." in page
    assert page.count("data:image/jpeg") == 2


def test_undetermined_on_the_page_says_why(scored: Bundle, films: Path) -> None:
    read = outcomes(scored, films)
    page = sheet.row(read["grey"])
    assert "UNDETERMINED" in page
    assert "Not clear: fewer than 5 % of NORMAL films score so high" in page
    assert (
        "NORMAL below 0.200, UNDETERMINED from 0.200, PNEUMONIA from 0.700 "
        "(operating point balanced, error 5 %)." in page
    )
    assert "Kind: undetermined (bacterial or viral)." in sheet.row(read["bright"])


@pytest.mark.parametrize(
    ("name", "settings", "text"),
    [
        ("grey", Settings(error=0.01), "films that are NORMAL and films that are PNEUMONIA both"),
        ("dark", Settings("screen"), "only NORMAL films score so, but it reaches the threshold"),
        ("dark", Settings(), ""),
    ],
)
def test_why_a_film_is_undetermined(
    scored: Bundle, films: Path, name: str, settings: Settings, text: str
) -> None:
    p = outcomes(scored, films, settings)[name].prediction
    assert p is not None
    why = wording.why_undetermined(p)
    assert (text in why) if text else why == ""


def test_prevalence_is_shown_with_the_unadjusted_figure(scored: Bundle, films: Path) -> None:
    # Odds of 0.938: 15.1; a quarter of them at a prevalence of 0.2.
    done = run("predict", films / "bright.png", "--prevalence", 0.2, "--bundle", scored.path)
    assert "0.790" in done.stdout
    assert "at a prevalence of 20 %" in done.stdout
    outcome = outcomes(scored, films, Settings(prevalence=0.2))["bright"]
    assert "0.790 at a prevalence of 20 % (0.938 unadjusted)" in sheet.row(outcome)
    record = outcome_to_json(outcome)
    assert (record["label"], record["prevalence"]) == ("PNEUMONIA", 0.2)
    assert record["p_unadjusted"] == pytest.approx(0.938, abs=0.001)
    assert record["probabilities"]["normal"] == pytest.approx(1 - record["p_positive"], abs=2e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--error", "0"], "error 0 is not between 0 and 1"),
        (["--error", "0.001"], "The smallest is 0.01."),
        (["--prevalence", "1.2"], "prevalence 1.2 is not between 0 and 1"),
        (["--prevalence", "0"], "prevalence 0 is not between 0 and 1"),
    ],
)
def test_bad_settings(scored: Bundle, films: Path, arguments: list[str], message: str) -> None:
    done = run("predict", films, *arguments, "--bundle", scored.path)
    assert (done.returncode, done.stdout) == (1, "")
    assert message in done.stderr


def test_the_environment_sets_what_no_option_does(
    scored: Bundle, films: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PNEUMOSCOPE_PREVALENCE", "0.2")
    monkeypatch.setenv("PNEUMOSCOPE_OPERATING_POINT", "screen")
    monkeypatch.setenv("PNEUMOSCOPE_ERROR", "0.01")
    monkeypatch.setenv("PNEUMOSCOPE_FORCE", "1")
    where = ("predict", films / "bright.png", "--json", "--bundle", scored.path)
    (found,) = json.loads(run(*where).stdout)["results"]
    assert (found["prevalence"], found["error_rate"]) == (0.2, 0.01)
    assert found["operating_point"]["name"] == "screen"
    (other,) = json.loads(run(*where, "--error", "0.05").stdout)["results"]
    assert other["error_rate"] == 0.05


def test_info_says_what_the_bundle_can_serve(scored: Bundle, tiny_bundle: Bundle) -> None:
    text = " ".join(run("info", "--bundle", scored.path).stdout.split())
    assert "at a prevalence of 50 %" in text
    assert "at error 5 %, or at --error, of 1 % or more" in text
    assert "never: the bundle has no scores" in run("info", "--bundle", tiny_bundle.path).stdout
