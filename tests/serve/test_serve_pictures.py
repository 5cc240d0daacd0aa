"""Pictures of a result."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from answers import assert_problem, picture
from live import Live
from pneumoscope.render import heatmap


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
