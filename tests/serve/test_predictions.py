"""Films that are sent, and their results: listed, shown, deleted."""

from __future__ import annotations

import json
import math

import pytest

from answers import assert_problem
from grey_films import BRIGHT, DARK, film, zipped
from live import Live
from pneumoscope.render.serialise import NOTICE


def test_two_films_at_once(live: Live) -> None:
    bright, dark = live.read(BRIGHT, DARK)
    # m = 0.8: logits (0, 2.4, 1.4); m = 0.2: (0, -2.4, -3.4)
    up, down = math.exp(2.4) + math.exp(1.4), math.exp(-2.4) + math.exp(-3.4)
    assert bright["result"]["label"] == "PNEUMONIA"
    assert bright["result"]["p_positive"] == pytest.approx(up / (1 + up), abs=2e-3)
    assert dark["result"]["label"] == "NORMAL"
    assert dark["result"]["p_positive"] == pytest.approx(down / (1 + down), abs=2e-3)
    assert bright["film"]["name"] == "bright.png"
    assert bright["state"] == "done"
    assert bright["error"] is None
    assert bright["result"]["notice"] == NOTICE
    assert "source" not in bright["result"]
    assert bright["result"]["words"]["verdict"] == "PNEUMONIA"
    assert live.client.get(bright["links"]["self"]).json() == bright


def test_a_film_that_cannot_be_read_disturbs_no_other(live: Live) -> None:
    broken, good = live.read(("notes.txt", b"no film at all" * 20), BRIGHT)
    assert broken["state"] == "failed"
    assert broken["result"] is None
    assert broken["error"]["code"] == "UnknownFormat"
    assert broken["error"]["status"] == 422
    assert "notes" not in json.dumps(broken["error"])
    assert good["state"] == "done"
    answer = live.client.get(broken["links"]["overlay"])
    assert_problem(answer, 404, "NotFound")


def test_settings_change_the_reading(live: Live) -> None:
    # m = 0.4: logits (0, -0.8, -1.8), P = 0.381: below balanced (0.5), above screen (0.1).
    grey = ("grey.png", film(102))
    assert live.read(grey)[0]["result"]["label"] == "NORMAL"
    screened = live.read(grey, operating_point="screen", explain="none")[0]
    assert screened["result"]["label"] == "PNEUMONIA"
    assert screened["result"]["explanation"] is None
    assert_problem(live.client.get(screened["links"]["heatmap"]), 404, "NoHeatmap")
    # Odds 0.6146 at a prevalence of 0.5 become 0.6146 / 19 at 0.05.
    odds = (math.exp(-0.8) + math.exp(-1.8)) / 19
    shown = live.read(grey, prevalence="0.05")[0]["result"]
    assert shown["p_positive"] == pytest.approx(odds / (1 + odds), abs=1e-3)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"operating_point": "nonsense"}, "UnknownOperatingPoint"),
        ({"prevalence": "2"}, "UsageError"),
        ({"prevalence": "nan"}, "UsageError"),
        ({"prevalence": "many"}, "Unprocessable"),
        ({"explain": "much"}, "UsageError"),
        ({"error": "0.05"}, "UsageError"),  # the tiny bundle has no scores
        ({"force": "perhaps"}, "Unprocessable"),
    ],
)
def test_settings_that_cannot_be_served(live: Live, fields: dict[str, str], code: str) -> None:
    assert_problem(live.send(BRIGHT, data=fields), 422, code)


def test_requests_that_are_no_upload(live: Live) -> None:
    post = live.client.post
    url = "/api/v1/predictions"
    assert_problem(post(url, json={}), 415, "UnsupportedMedia")
    assert_problem(post(url, content=b"x"), 415, "UnsupportedMedia")
    kind = {"content-type": "multipart/form-data"}
    assert_problem(post(url, content=b"x", headers=kind), 400, "BadRequest")
    kind = {"content-type": "multipart/form-data; boundary=b"}
    assert_problem(post(url, content=b"nonsense", headers=kind), 400, "BadRequest")
    assert_problem(post(url, files=[("film", BRIGHT)]), 400, "BadRequest")
    assert_problem(live.send(BRIGHT, data={"colour": "red"}), 400, "BadRequest")
    twice = {"explain": ["fast", "none"]}
    assert_problem(live.send(BRIGHT, data=twice), 400, "BadRequest")
    assert_problem(post(url, files=[("files", ("a.png", b""))]), 422, "EmptySource")
    assert_problem(live.client.get("/api/v1/nothing"), 404, "NotFound")
    wrong = live.client.put(url)
    assert_problem(wrong, 405, "MethodNotAllowed")
    assert wrong.headers["allow"] == "DELETE, GET, POST"
    assert_problem(live.client.get(url, params={"limit": 0}), 422, "Unprocessable")


def test_too_much_is_refused(live: Live) -> None:
    assert_problem(live.send(("large.png", bytes(2**20))), 413, "TooMuch")

    def pieces() -> object:
        head = b'--b\r\nContent-Disposition: form-data; name="files"; filename="x"\r\n\r\n'
        yield head
        for _ in range(20):
            yield bytes(2**16)

    kind = {"content-type": "multipart/form-data; boundary=b"}
    answer = live.client.post("/api/v1/predictions", content=pieces(), headers=kind)  # type: ignore[arg-type]
    assert_problem(answer, 413, "TooMuch")
    assert_problem(live.send(*[DARK] * 7), 413, "TooMuch")
    films = [(f"{i}.png", DARK[1]) for i in range(7)]
    assert_problem(live.send(("many.zip", zipped(*films))), 413, "TooMuch")
    bomb = zipped(("bomb.png", bytes(2**21)))
    assert len(bomb) < 4096
    assert_problem(live.send(("bomb.zip", bomb)), 413, "TooMuch")


def test_many_films_become_a_job(live: Live) -> None:
    assert live.send(*[DARK] * 3).status_code == 200
    assert live.send(*[DARK] * 4).status_code == 202


def test_history(live: Live) -> None:
    live.client.delete("/api/v1/predictions")
    ids = [live.read(record)[0]["id"] for record in (BRIGHT, DARK, ("Zebra.png", film(204)))]
    newest = ids[::-1]

    def listed(**query: object) -> list[str]:
        answer = live.client.get("/api/v1/predictions", params=query)  # type: ignore[arg-type]
        return [record["id"] for record in answer.json()["predictions"]]

    assert listed() == newest
    assert listed(limit=2) == newest[:2]
    assert listed(before=newest[1]) == newest[2:]
    assert listed(label="NORMAL") == [ids[1]]
    assert listed(before="nonsense") == []
    assert live.client.delete(f"/api/v1/predictions/{ids[0]}").status_code == 204
    assert_problem(live.client.get(f"/api/v1/predictions/{ids[0]}"), 404, "NotFound")
    assert_problem(live.client.get(f"/api/v1/predictions/{ids[0]}/film.png"), 404, "NotFound")
    assert_problem(live.client.delete(f"/api/v1/predictions/{ids[0]}"), 404, "NotFound")
    assert live.client.delete("/api/v1/predictions").json() == {"deleted": 2}
    assert listed() == []


def test_names_lie_sealed_in_the_database(live: Live) -> None:
    live.read(("Doe^Jane.png", BRIGHT[1]), patient="MRN-PAT-4711-XYZ")
    written = b"".join(
        path.read_bytes() for path in live.services.settings.folder.rglob("*") if path.is_file()
    )
    assert b"SQLite" in written
    assert b"Doe^Jane" not in written
    assert b"PAT-4711-XYZ" not in written


def test_films_of_one_patient(live: Live) -> None:
    first = live.read(("a.png", BRIGHT[1]), patient="MRN 1")[0]["id"]
    other = live.read(("b.png", BRIGHT[1]), patient="MRN 2")[0]["id"]
    second = live.read(("c.png", BRIGHT[1]), patient=" MRN 1 ")[0]["id"]
    without = live.read(("d.png", BRIGHT[1]))[0]["id"]

    def ids(film: str) -> list[str]:
        listed = live.client.get(f"/api/v1/predictions?patient_of={film}").json()["predictions"]
        return [record["id"] for record in listed]

    assert ids(first) == ids(second) == [second, first]
    assert ids(other) == [other]
    assert ids(without) == ids("f" * 32) == []
