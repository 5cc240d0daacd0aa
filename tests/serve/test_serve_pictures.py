"""Pictures of a result."""

from __future__ import annotations

import io
import json
import zlib
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from answers import assert_problem, picture
from live import Live, serving
from pneumoscope.bundle import Bundle
from pneumoscope.jobs.tables import FilmRow
from pneumoscope.render import heatmap
from pneumoscope.serve.pictures import Slots, overlaid
from pneumoscope.serve.problems import Busy, NoHeatmap
from pneumoscope.serve.settings import ServeSettings


def test_one_user_does_not_occupy_every_rendering() -> None:
    slots = Slots(at_once=9, waiting=3, waiting_of_owner=2)
    with slots.of("ann"), slots.of("ann"):
        with pytest.raises(Busy), slots.of("ann"):
            pass
        with slots.of("bob"), pytest.raises(Busy), slots.of("eve"):
            pass
        with slots.of("eve"):
            pass
    with slots.of("ann"), slots.of("ann"):
        pass


def test_pictures(live: Live) -> None:
    ramp = np.tile(np.linspace(0, 255, 300).astype(np.uint8), (200, 1))
    stream = io.BytesIO()
    Image.fromarray(ramp).save(stream, "PNG")
    record = live.read(("ramp.png", stream.getvalue()))[0]
    answers = {name: live.client.get(link) for name, link in record["links"].items()}
    assert all(answer.status_code == 200 for answer in answers.values())
    assert (picture(answers["film"].content) == ramp).all()
    over, colours = picture(answers["overlay"].content), picture(answers["heatmap"].content)
    assert over.shape == (200, 300, 3)
    assert colours.shape == (200, 300, 4)
    assert (over[:, 0] == ramp[:, :1]).all()  # cold: the film itself
    assert colours[:, 0, 3].max() == 0
    assert colours[:, -1, 3].min() == 255
    assert (colours[:, -1, :3] == heatmap.colour_table()[255]).all()
    assert max(picture(answers["thumbnail"].content).shape) == 160
    assert answers["pdf"].content[:5] == b"%PDF-"
    assert answers["pdf"].headers["content-type"] == "application/pdf"
    assert answers["json"].json() == record
    assert_problem(live.client.get(record["links"]["self"] + "/film.gif"), 404, "NotFound")
    assert_problem(live.client.get(record["links"]["self"] + "/lungs.png"), 404, "NoLungField")


def test_the_outline_of_the_lungs(small: ServeSettings, lungs_bundle: Bundle) -> None:
    film = np.full((200, 300), 20, np.uint8)
    film[:, 120:] = 240  # the lung of the tiny bundle; three of its eight cells are no lung but for
    # the edge, which resampling moves by little
    stream = io.BytesIO()
    Image.fromarray(film).save(stream, "PNG")
    with serving(replace(small, bundle=(str(lungs_bundle.path),))) as server:
        record = server.read(("film.png", stream.getvalue()))[0]
        lungs = picture(server.client.get(record["links"]["lungs"]).content)
        overlay = picture(server.client.get(record["links"]["overlay"]).content)
        report = server.client.get(record["links"]["pdf"])
    assert lungs.shape == (200, 300, 4)
    columns = np.flatnonzero(lungs[100, :, 3])
    assert 105 < columns.min() <= columns.max() < 135
    assert (overlay[100, columns] != film[100, columns, None]).any(axis=1).all()
    assert report.content[:5] == b"%PDF-"


def test_a_model_without_heatmaps_says_so() -> None:
    row = FilmRow(result={"label": "NORMAL", "warnings": ["This model gives no heatmap."]})
    with pytest.raises(NoHeatmap, match="the model gives none"):
        overlaid(row, np.zeros((8, 8), np.uint8))


def test_a_film_is_sent_at_its_full_depth(live: Live) -> None:
    ramp = np.arange(300 * 200, dtype=np.uint16).reshape(200, 300)
    stream = io.BytesIO()
    Image.fromarray(ramp).save(stream, "PNG")
    record = live.read(("deep.png", stream.getvalue()))[0]
    answer = live.client.get(record["links"]["self"] + "/values.bin")
    assert answer.headers["content-type"] == "application/octet-stream"
    length = int.from_bytes(answer.content[:4], "little")
    head = json.loads(answer.content[4 : 4 + length])
    assert (head["rows"], head["columns"], head["step"]) == (200, 300, 1)
    assert head["vois"] == [{"name": "", "low": 0, "high": 65535, "curve": None}]
    values = np.frombuffer(zlib.decompress(answer.content[4 + length :]), "<u2").reshape(200, 300)
    assert (values == ramp).all()
