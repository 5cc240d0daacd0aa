"""Predictions read back from what was written."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from command_line import run
from pneumoscope.bundle import Bundle
from pneumoscope.decision.calibration import Calibration
from pneumoscope.errors import UnknownFormat, UsageError
from pneumoscope.records import Outcome
from pneumoscope.render.export import write_csv, write_json
from pneumoscope.render.serialise import outcome_to_json
from pneumoscope.render.written import (
    Written,
    check_source,
    one_per_patient,
    read_predictions,
    written_of,
)
from predictions import prediction, refused

LABELS = ("normal", "bacterial", "viral")
RECORDS = [
    outcome_to_json(Outcome("a.png", 0, prediction=prediction(prevalence=0.1, p_positive=0.3))),
    outcome_to_json(Outcome("b.png", 1, prediction=refused())),
    outcome_to_json(Outcome("c.txt", 2, error=UnknownFormat("c.txt"))),
]
SHA = "ab" * 32


def write(path: Path, kind: str) -> Path:
    with path.open("w", newline="") as stream:
        if kind == "json":
            write_json(RECORDS, stream)
        else:
            write_csv(RECORDS, LABELS, stream)
    return path


def test_json_is_read_with_its_gate(tmp_path: Path) -> None:
    assert read_predictions([write(tmp_path / "p.json", "json")]) == [
        # Without the correction for prevalence.
        Written(source="a.png", p=0.8, refused=False, scores={"distance": 0.5}, bundle_sha256=SHA),
        Written(source="b.png", refused=True, scores={"inverted": 0.9}, bundle_sha256=SHA),
        Written(source="c.txt", read=False),
    ]


def test_csv_says_the_same_but_for_the_scores(tmp_path: Path) -> None:
    first, second, third = read_predictions([write(tmp_path / "p.csv", "csv")])
    assert (first.source, first.p, first.refused, first.bundle_sha256) == ("a.png", 0.8, False, SHA)
    assert (second.source, second.p, second.refused) == ("b.png", None, True)
    assert third == Written(source="c.txt", read=False)


def test_files_are_read_one_after_the_other(tmp_path: Path) -> None:
    files = [write(tmp_path / f"p.{kind}", kind) for kind in ("csv", "json")]
    assert [film.source for film in read_predictions(files)] == ["a.png", "b.png", "c.txt"] * 2


def test_a_bare_list_of_records_does_too(tmp_path: Path) -> None:
    path = tmp_path / "list.json"
    path.write_text(json.dumps(RECORDS))
    assert len(read_predictions([path])) == 3


def test_a_byte_order_mark_of_a_spreadsheet_does_no_harm(tmp_path: Path) -> None:
    path = write(tmp_path / "p.csv", "csv")
    path.write_text("\ufeff" + path.read_text())
    assert len(read_predictions([path])) == 3


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "holds no predictions"),
        (b'{"results": []}', "holds no predictions"),
        (b"source,p_positive\n", "holds no predictions"),
        (b"name,score\na,1\n", "the columns source and p_positive are missing"),
        (b'{"films": []}', "is not what predict writes"),
        (b'[{"label": "NORMAL"}]', "is not what predict writes"),
        (b'["a.png"]', "is not what predict writes"),
        (b'[{"source": "a", "p_positive": 1.5}]', r"p_positive 1\.5 of a"),
        (b'[{"source": "a", "p_positive": "high"}]', "is not what predict writes"),
        (b'[{"source": "a", "p_positive": NaN}]', "p_positive nan of a"),
        (b'[{"source": "a", "gate": {"scores": {"blur": NaN}}}]', "gate score blur of a"),
        (b'[{"source": "a", "gate": {"scores": {"blur": 1e999}}}]', "gate score blur of a"),
        (b'[{"source": "a", "p_positive": 1' + b"0" * 400 + b"}]", "is not what predict writes"),
        (b"{", "is not what predict writes"),
        (b'{"results": [', "is not what predict writes"),
        (b'{"notice": 1}', "is not what predict writes"),
        (b'[{"source": "a", "p_pneumonia": 3}]', "is not what predict writes"),
        (b"\xff\xfe\x00", "is not text"),
        (b"[" * 100_000, "is not what predict writes"),
        (b"source,p_positive\n" + b"a" * 200_000, "is not what predict writes"),
    ],
)
def test_what_predict_did_not_write(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=words) as error:
        read_predictions([path])
    assert "pneumoscope predict FILMS --json" in error.value.hint


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_predictions([tmp_path / "none.json"])


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"p_unadjusted": 0.2, "p_positive": 0.9}, {"p": 0.2}),
        ({"p_pneumonia": 0.4}, {"p": 0.4}),
        ({"label": "REFUSED"}, {"refused": True}),
        ({"gate": {"level": "note"}}, {"refused": False}),
        ({"gate": {"level": "refuse"}, "label": "NORMAL"}, {"refused": True}),  # forced
        ({"profile": "ward"}, {"profile": "ward"}),
        ({"profile": ""}, {"profile": None}),
    ],
)
def test_one_record(record: dict[str, Any], expected: dict[str, Any]) -> None:
    film = written_of({"source": "a.png"} | record)
    assert {name: getattr(film, name) for name in expected} == expected


def films(*names: str) -> list[Written]:
    return [Written(source=name, read=not name.startswith("!")) for name in names]


@pytest.mark.parametrize(
    ("pattern", "kept"),
    [
        (r"person\d+", ["person1_a.png", "person2_a.png", "other.png", "third.png"]),
        # The group tells, not the whole match.
        (r"(person)\d+", ["person1_a.png", "other.png", "third.png"]),
        (r"third", ["person1_a.png", "person1_b.png", "person2_a.png", "other.png", "third.png"]),
    ],
)
def test_the_first_film_of_each_patient_is_kept(pattern: str, kept: list[str]) -> None:
    given = films("person1_a.png", "person1_b.png", "person2_a.png", "other.png", "third.png")
    made, left_out = one_per_patient(given, pattern)
    assert [film.source for film in made] == kept
    assert left_out == 5 - len(kept)


def test_films_that_could_not_be_read_are_kept() -> None:
    given = films("!person1_a.png", "person1_b.png", "!person1_c.png", "person1_d.png")
    made, left_out = one_per_patient(given, r"person\d")
    assert ([film.source for film in made], left_out) == (
        ["!person1_a.png", "person1_b.png", "!person1_c.png"], 1,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("pattern", "words"), [("(", "is not a regular expression"), ("xyz", "matches no film's name")]
)
def test_patterns_that_find_nobody(pattern: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        one_per_patient(films("a.png"), pattern)


def test_predictions_of_another_bundle_or_profile_are_refused() -> None:
    check_source([], "0" * 64, "ward")
    check_source([Written("a.png"), Written("b.png", bundle_sha256="0" * 64)], "0" * 64, "ward")
    with pytest.raises(UsageError, match=r"b\.png: predicted with another bundle \(111111111111\)"):
        check_source([Written("b.png", bundle_sha256="1" * 64)], "0" * 64, "ward")
    with pytest.raises(UsageError, match="with the site profile clinic, not with ward"):
        check_source([Written("c.png", profile="clinic")], "0" * 64, "ward")


def test_a_sites_calibration_is_undone() -> None:
    # logit(p') = 2 logit(p) + 1: 0.5 becomes 1 / (1 + 1/e).
    calibration = Calibration((0.5,), (1.0,))
    raw = Written("a.png", p=0.5)
    assert raw.bundle_p(calibration) == 0.5  # no profile was applied
    mapped = Written("a.png", p=0.731059, profile="ward")
    assert mapped.bundle_p(None) == 0.731059
    assert mapped.bundle_p(calibration) == pytest.approx(0.5, abs=1e-5)
    assert Written("a.png", profile="ward").bundle_p(calibration) is None


def test_cells_that_were_made_safe_are_plain_again(tmp_path: Path) -> None:
    record = RECORDS[0] | {"source": "=odd.png"}
    path = tmp_path / "p.csv"
    with path.open("w", newline="") as stream:
        write_csv([record], LABELS, stream)
    (row,) = csv.DictReader(io.StringIO(path.read_text()))
    assert row["source"] != "=odd.png"
    assert read_predictions([path])[0].source == "=odd.png"


def test_the_group_of_a_pattern_is_the_patient() -> None:
    films = [Written(f"p{n}/{i}.png") for i, n in enumerate((1, 2, 1, 3, 2))]
    kept, left_out = one_per_patient(films, r"p(\d)/")
    assert [film.source for film in kept] == ["p1/0.png", "p2/1.png", "p3/3.png"]
    assert left_out == 2
    for pattern, why in (("(", "not a regular expression"), ("ward", "matches no film")):
        with pytest.raises(UsageError, match=why):
            one_per_patient(films, pattern)


@pytest.mark.parametrize(
    "text", ['[{"source": "a", "p_pneumonia": 0.25}]', "source,p_pneumonia\na,0.25\n"]
)
def test_files_of_the_former_version_are_read(tmp_path: Path, text: str) -> None:
    (tmp_path / "p").write_text(text)
    assert [film.p for film in read_predictions([tmp_path / "p"])] == [0.25]


def test_predict_writes_the_same_as_json_and_csv(
    tiny_bundle: Bundle, film_files: Path, tmp_path: Path
) -> None:
    (film_files / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    for kind in ("json", "csv"):
        done = run("predict", film_files, f"--{kind}", "--bundle", tiny_bundle.path)
        (tmp_path / f"p.{kind}").write_text(done.stdout)
    from_json, from_csv = (read_predictions([tmp_path / f"p.{kind}"]) for kind in ("json", "csv"))
    # bright.png, broken.png, dark.png; probabilities as in test_predict_table
    assert [film.read for film in from_json] == [True, False, True]
    assert [film.p and round(film.p, 3) for film in from_json] == [0.938, None, 0.110]
    for a, b in zip(from_json, from_csv, strict=True):
        assert (a.source, a.read, a.p, a.bundle_sha256) == (b.source, b.read, b.p, b.bundle_sha256)
