"""Results of several films as one file."""

from __future__ import annotations

import csv
import io
import zipfile

import pytest
from PIL import Image

from answers import assert_problem
from grey_films import BRIGHT, DARK
from live import Live
from pneumoscope.render.serialise import NOTICE


def test_exports(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    live.client.delete("/api/v1/predictions")
    url = "/api/v1/predictions/export"
    assert_problem(live.client.get(url), 404, "NotFound")
    formula = ("=cmd.png", BRIGHT[1])
    records = live.read(formula, DARK, ("broken.png", b"\x89PNG\r\n\x1a\nbroken"))
    table = list(csv.DictReader(io.StringIO(live.client.get(url).text)))
    # All films of one request have the same time.
    rows = {row["source"]: row for row in table}
    assert rows["'=cmd.png"]["label"] == "PNEUMONIA"
    assert rows["dark.png"]["label"] == "NORMAL"
    assert rows["broken.png"]["error_code"] == "TruncatedImage"
    monkeypatch.setattr("pneumoscope.serve.exports.MOST", 2)
    assert_problem(live.client.get(url), 413, "TooMuch")
    ids = ",".join(record["id"] for record in records)
    assert_problem(live.client.get(url, params={"ids": ids}), 413, "TooMuch")
    ids = f"{records[1]['id']},{records[0]['id']},nonsense"
    monkeypatch.undo()
    content = live.client.get(url, params={"format": "json", "ids": ids}).json()
    assert [record["source"] for record in content["results"]] == ["dark.png", "=cmd.png"]
    assert content["notice"] == NOTICE
    answer = live.client.get(url, params={"format": "pdf"})
    assert answer.content[:5] == b"%PDF-"
    assert "pneumoscope.pdf" in answer.headers["content-disposition"]
    ids = ",".join(record["id"] for record in records)
    answer = live.client.get(url, params={"format": "zip", "ids": ids})
    with zipfile.ZipFile(io.BytesIO(answer.content)) as pack:
        assert pack.namelist() == ["001-_cmd.png", "002-dark.png", "not-here.txt", "README.txt"]
        assert Image.open(io.BytesIO(pack.read("001-_cmd.png"))).size == (260, 240)
        assert pack.read("not-here.txt").startswith(b"003 broken.png: this film has no result")
        assert NOTICE in pack.read("README.txt").decode()
    monkeypatch.setattr("pneumoscope.serve.exports.MOST_DRAWN", 2)
    for format_ in ("pdf", "zip"):
        answer = live.client.get(url, params={"format": format_, "ids": ids})
        assert_problem(answer, 413, "TooMuch")
    assert_problem(live.client.get(url, params={"format": "xls"}), 422, "Unprocessable")
