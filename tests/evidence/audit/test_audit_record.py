from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="needs the [train] extra")

from audits import audit_of
from pneumoscope.evidence.audit.labels import Doubt, Doubts
from pneumoscope.evidence.audit.record import to_csv, to_json
from pneumoscope.evidence.audit.results import Audit
from pneumoscope.evidence.audit.shortcuts import FILE, Score, Shortcuts
from pneumoscope.evidence.audit.splits import Shift
from pneumoscope.metrics import Interval
from pneumoscope.render.serialise import NOTICE


def test_the_record_of_forty_films(plain: Audit) -> None:
    document = json.loads(json.dumps(to_json(plain), allow_nan=False))
    assert document["films"] == {"films": 40}
    assert document["counts"] == {"films": {"normal": 20, "sick": 20}}
    assert document["shortcuts"][0]["contrast"] == "sick against normal"
    assert {f["level"] for f in document["findings"]} <= {
        "pass", "look", "stop", "unknown", "not applicable",
    }  # fmt: skip
    rows = to_csv(plain).splitlines()
    assert len(rows) == 41
    assert rows[1].startswith("normal/000.jpg,,normal,,")


def test_the_record_names_films_by_their_path_not_by_their_position() -> None:
    doubts = Doubts(("normal", "viral"), 8, (Doubt(2, "normal", "viral", 0.1, 0.87654, True),))
    base = audit_of()
    # The first film could not be read, so position 2 of the reading is film 3.
    read = replace(base.reading, rows=base.reading.rows[1:])
    document = to_json(audit_of(doubts=doubts, reading=read))
    (doubt,) = document["label_doubts"]["found"]
    assert (doubt["film"], doubt["other"]) == ("3.png", "viral")
    assert document["label_doubts"]["confident"] == 1
    assert document["read"] == 7


def test_the_record_says_whether_a_shift_is_clear_and_a_score_notable() -> None:
    shift = Shift(
        contrast="viral against normal", splits=("train", "test"), shares=(0.7, 0.5),
        films=(9, 9), difference=Interval(0.2, 0.1, 0.3), p=0.01,
    )  # fmt: skip
    score = Score(FILE, "bytes", Interval(0.9, 0.85, 0.95), "median 3 against 4")
    shortcuts = Shortcuts("viral against normal", "viral", "normal", 8, 8, 0.5, (score,))
    document = to_json(audit_of(shifts=(shift,), shortcuts=(shortcuts,)))
    assert document["prior_shift"][0]["clear"] is True
    assert document["shortcuts"][0]["scores"][0]["notable"] is True
    assert document["shortcuts"][0]["scores"][0]["auc"] == {
        "value": 0.9, "low": 0.85, "high": 0.95,
    }  # fmt: skip
    json.dumps(document, allow_nan=False)


def test_properties_of_files_are_counted() -> None:
    document = to_json(audit_of())
    assert document["kinds"]["format"] == {"JPEG": 8}
    assert document["kinds"]["quantisation table"] == {"K.1": 8}
    assert document["sizes"]["width"] == [224.0, 224.0, 224.0]
    assert document["notice"] == NOTICE


def test_the_table_has_a_row_for_each_film_that_was_read() -> None:
    doubts = Doubts(("normal", "viral"), 8, (Doubt(1, "viral", "normal", 0.1, 0.9, True),))
    base = audit_of()
    entries = tuple(replace(e, keyed=i != 0) for i, e in enumerate(base.listing.entries))
    result = audit_of(listing=replace(base.listing, entries=entries), doubts=doubts)
    rows = list(csv.DictReader(io.StringIO(to_csv(result))))
    assert len(rows) == 8
    assert (rows[0]["path"], rows[0]["patient"], rows[0]["split"]) == ("0.png", "", "train")
    assert (rows[1]["patient"], rows[1]["class"]) == ("p1", "viral")
    assert (rows[1]["doubted_label"], rows[1]["suggested_label"]) == ("viral", "normal")
    assert rows[0]["doubted_label"] == ""
    assert float(rows[0]["width"]) == 224
    assert rows[0]["pixels_sha256"] == result.reading.hashes[0]


def test_a_number_that_a_file_does_not_have_is_an_empty_cell() -> None:
    base = audit_of()
    nothing = tuple(
        replace(file, numbers=(*file.numbers[:-1], np.nan)) for file in base.reading.files
    )
    text = to_csv(audit_of(reading=replace(base.reading, files=nothing)))
    assert "nan" not in text
    assert next(csv.DictReader(io.StringIO(text)))["mean quantisation step"] == ""


def test_no_spreadsheet_takes_a_film_for_a_formula() -> None:
    base = audit_of()
    first, *others = base.listing.entries
    first = replace(first, name="=HYPERLINK(1).png", patient="+1", keyed=True)
    statistics = base.reading.statistics.copy()
    statistics[0] = [-0.5, -0.0, 1234567.0, 0.123456789, np.nan, 1, 2, 3, 4]
    result = audit_of(
        listing=replace(base.listing, entries=(first, *others)),
        reading=replace(base.reading, statistics=statistics),
    )
    _, row, *_ = csv.reader(io.StringIO(to_csv(result)))
    assert row[0] == "'=HYPERLINK(1).png"
    assert row[3] == "'+1"
    assert row[-12:-7] == ["-0.5", "0", "1234570", "0.123457", ""]  # a minus stays a number
