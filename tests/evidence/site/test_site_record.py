"""A site calibration as JSON."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="needs the [evidence] extra")

from pneumoscope import __version__
from pneumoscope.data.check import Broken
from pneumoscope.evidence.site.record import to_json
from pneumoscope.render.serialise import NOTICE
from site_films import calibrated


def test_the_record_has_verdict_reasons_and_figures() -> None:
    record = to_json(calibrated(verdict="no-go", reasons=("few films",)))
    assert (record["verdict"], record["reasons"]) == ("no-go", ["few films"])
    assert (record["notice"], record["pneumoscope"]) == (NOTICE, __version__)
    (point,) = record["points"]
    assert point["point"]["threshold"] == 0.4
    assert point["sensitivity"] == {"value": 0.9, "low": 0.8, "high": 0.95, "note": ""}
    assert record["undetermined"]["error"] == 0.05
    assert record["undetermined"]["value"] == 0.1
    assert record["calibration"]["before"]["error"]["by_chance"] == 0.02


def test_the_record_is_json_without_nan() -> None:
    text = json.dumps(to_json(calibrated()), allow_nan=False)
    assert json.loads(text)["profile"]["name"] == "ward"


def test_no_film_that_was_read_is_named() -> None:
    broken = (Broken(path="cut.png", code="TruncatedImage", message="cut", hint=""),)
    record = to_json(calibrated(broken=broken))
    assert [film["path"] for film in record["broken"]] == ["cut.png"]
    # Scores of single films are in the profile's file only.
    assert not {"reference", "conformal"} & record["profile"].keys()
    assert "p" not in record
    assert not any(isinstance(value, np.ndarray) for value in record.values())
