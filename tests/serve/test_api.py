"""The routes of a running server."""

from __future__ import annotations

import csv
import io
import json
import math
import threading
import uuid
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from PIL import Image

from grey_films import BRIGHT, DARK, film, zipped
from live import Live
from pneumoscope.render import heatmap
from pneumoscope.render.serialise import NOTICE
from pneumoscope.serve.renderings import RENDERINGS


def picture(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)))


def assert_problem(answer: object, status: int, code: str) -> dict[str, object]:
    assert answer.status_code == status, answer.text  # type: ignore[attr-defined]
    assert answer.headers["content-type"] == "application/problem+json"  # type: ignore[attr-defined]
    told = answer.json()  # type: ignore[attr-defined]
    assert told["status"] == status
    assert told["code"] == code
    assert set(told) >= {"type", "title", "detail", "hint", "instance"}
    return dict(told)


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
    asked = live.read(grey, operating_point="screen", explain="none")[0]
    assert asked["result"]["label"] == "PNEUMONIA"
    assert asked["result"]["explanation"] is None
    assert_problem(live.client.get(asked["links"]["heatmap"]), 404, "NoHeatmap")
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


def test_pictures(live: Live) -> None:
    ramp = np.tile(np.linspace(0, 255, 300).astype(np.uint8), (200, 1))
    stream = io.BytesIO()
    Image.fromarray(ramp).save(stream, "PNG")
    made = live.read(("ramp.png", stream.getvalue()))[0]
    get = {name: live.client.get(link) for name, link in made["links"].items()}
    assert all(answer.status_code == 200 for answer in get.values())
    assert (picture(get["film"].content) == ramp).all()
    over, colours = picture(get["overlay"].content), picture(get["heatmap"].content)
    assert over.shape == (200, 300, 3)
    assert colours.shape == (200, 300, 4)
    assert (over[:, 0] == ramp[:, :1]).all()  # cold: the film itself
    assert colours[:, 0, 3].max() == 0
    assert colours[:, -1, 3].min() == 255
    assert (colours[:, -1, :3] == heatmap.colour_table()[255]).all()
    assert max(picture(get["thumbnail"].content).shape) == 160
    assert get["pdf"].content[:5] == b"%PDF-"
    assert get["pdf"].headers["content-type"] == "application/pdf"
    assert get["json"].json() == made
    assert_problem(live.client.get(made["links"]["self"] + "/film.gif"), 404, "NotFound")


def test_so_many_renderings_at_once(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    made, running, most = live.read(BRIGHT)[0], list[int](), list[int]()
    four_at_once = threading.Barrier(4)

    def slow(*_: object) -> bytes:
        running.append(1)
        most.append(len(running))
        four_at_once.wait(30)
        running.pop()
        return b"x"

    monkeypatch.setitem(RENDERINGS, "film.png", ("image/png", slow))
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(live.client.get, [made["links"]["film"]] * 12))
    assert [answer.content for answer in answers] == [b"x"] * 12
    assert max(most) <= 4


def test_the_report_reads_as_text(live: Live) -> None:
    pypdf = pytest.importorskip("pypdf")
    made = live.read(BRIGHT)[0]
    content = live.client.get(made["links"]["pdf"]).content
    text = pypdf.PdfReader(io.BytesIO(content)).pages[0].extract_text()
    told = ("PNEUMONIA", "bright.png", NOTICE, "operating point balanced", "tiny", made["id"])
    for words in (*told, made["film"]["sha256"][:16]):
        assert words in text
    made = live.read(("Ząb 肺.png", BRIGHT[1]))[0]
    content = live.client.get(made["links"]["pdf"]).content
    assert "Zab ?.png" in pypdf.PdfReader(io.BytesIO(content)).pages[0].extract_text()


def test_a_job_and_its_events(live: Live) -> None:
    answer = live.send(BRIGHT, DARK, headers={"Prefer": "respond-async"})
    assert answer.status_code == 202
    job = answer.json()["job"]
    assert answer.headers["location"] == job["links"]["self"]
    assert job["total"] == 2
    events = list(live.events(job["id"]))
    assert [name for name, _ in events] == ["progress", "progress", "end"]
    assert [told["done"] for _, told in events[:2]] == [1, 2]
    assert {told["record"]["film"]["name"] for _, told in events[:2]} == {"bright.png", "dark.png"}
    assert events[-1][1]["job"]["state"] == "done"
    again = live.client.get(job["links"]["self"]).json()
    assert (again["state"], again["done"], again["failed"]) == ("done", 2, 0)
    assert [one["film"]["name"] for one in again["predictions"]] == ["bright.png", "dark.png"]
    # Who comes late is told everything.
    assert [name for name, _ in live.events(job["id"])] == ["progress", "progress", "end"]
    assert_problem(live.client.get(f"/api/v1/jobs/{uuid.uuid4().hex}"), 404, "NotFound")
    assert_problem(live.client.get(f"/api/v1/jobs/{uuid.uuid4().hex}/events"), 404, "NotFound")


def test_no_job_is_done_before_its_films(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    job = live.send(BRIGHT, headers={"Prefer": "respond-async"}).json()["job"]["id"]
    [film] = live.finished(job)["predictions"]
    store = live.services.store
    store.change([{"id": film["id"], "state": "running"}])

    def then_it_ends(look: Callable[..., Any]) -> Callable[..., Any]:
        def looked(*about: str) -> Any:
            found = look(*about)
            store.change([{"id": film["id"], "state": "done"}])
            return found

        return looked

    for name in ("job", "of_job"):
        monkeypatch.setattr(store, name, then_it_ends(getattr(store, name)))
    told = live.client.get(f"/api/v1/jobs/{job}").json()
    assert (told["state"], told["predictions"][0]["state"]) == ("running", "done")


def test_many_films_become_a_job(live: Live) -> None:
    assert live.send(*[DARK] * 3).status_code == 200
    assert live.send(*[DARK] * 4).status_code == 202


def test_an_archive_becomes_a_job(live: Live) -> None:
    inner = zipped(DARK)
    members = [("ward/../../bright.png", BRIGHT[1]), ("inner.zip", inner), ("__MACOSX/._x", b"x")]
    answer = live.send(("films.zip", zipped(*members)), DARK)
    assert answer.status_code == 202
    films = live.finished(answer.json()["job"]["id"])["predictions"]
    assert [(one["film"]["name"], one["state"]) for one in films] == [
        ("bright.png", "done"),
        ("inner.zip", "failed"),
        ("dark.png", "done"),
    ]
    assert films[1]["error"]["code"] == "NestedArchive"


def test_history(live: Live) -> None:
    live.client.delete("/api/v1/predictions")
    ids = [live.read(one)[0]["id"] for one in (BRIGHT, DARK, ("Zebra.png", film(204)))]
    newest = ids[::-1]

    def listed(**query: object) -> list[str]:
        answer = live.client.get("/api/v1/predictions", params=query)  # type: ignore[arg-type]
        return [one["id"] for one in answer.json()["predictions"]]

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


def test_exports(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    live.client.delete("/api/v1/predictions")
    url = "/api/v1/predictions/export"
    assert_problem(live.client.get(url), 404, "NotFound")
    formula = ("=cmd.png", BRIGHT[1])
    made = live.read(formula, DARK, ("broken.png", b"\x89PNG\r\n\x1a\nbroken"))
    table = list(csv.DictReader(io.StringIO(live.client.get(url).text)))
    # Of one request all have the same time.
    rows = {row["source"]: row for row in table}
    assert rows["'=cmd.png"]["label"] == "PNEUMONIA"
    assert rows["dark.png"]["label"] == "NORMAL"
    assert rows["broken.png"]["error_code"] == "TruncatedImage"
    monkeypatch.setattr("pneumoscope.serve.exports.MOST", 2)
    assert_problem(live.client.get(url), 413, "TooMuch")
    ids = ",".join(one["id"] for one in made)
    assert_problem(live.client.get(url, params={"ids": ids}), 413, "TooMuch")
    ids = f"{made[1]['id']},{made[0]['id']},nonsense"
    monkeypatch.undo()
    content = live.client.get(url, params={"format": "json", "ids": ids}).json()
    assert [one["source"] for one in content["results"]] == ["dark.png", "=cmd.png"]
    assert content["notice"] == NOTICE
    answer = live.client.get(url, params={"format": "pdf"})
    assert answer.content[:5] == b"%PDF-"
    assert "pneumoscope.pdf" in answer.headers["content-disposition"]
    ids = ",".join(one["id"] for one in made)
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


def test_about_the_model_and_the_choices(live: Live) -> None:
    model = live.client.get("/api/v1/model").json()
    assert model["bundle"] == "tiny 1"
    assert model["card"] == "# tiny\n"
    assert model["labels"] == ["normal", "bacterial", "viral"]
    assert model["calibration"]["prevalence"] == 0.5
    assert model["gate"].startswith("none of its own")
    assert model["gate_limits"] == {}
    assert "bundle_path" not in model
    choices = live.client.get("/api/v1/settings").json()
    assert [p["name"] for p in choices["operating_points"]] == ["balanced", "screen"]
    assert choices["limits"]["max_files"] == 6
    assert choices["error"] == {"possible": False, "smallest": None}
    assert "inverted" in choices["gate_reasons"]
    assert live.client.get("/api/v1/me").json()["name"] == "local"


def test_health_and_metrics_name_nobody(live: Live) -> None:
    assert live.client.get("/healthz").json() == {"status": "ok"}
    assert live.client.get("/readyz").json() == {"status": "ready"}
    made = live.read(("Doe^Jane.png", BRIGHT[1]), patient="MRN-PAT-4711-XYZ")[0]
    text = live.client.get("/metrics").text
    assert 'pneumoscope_films_total{label="PNEUMONIA"}' in text
    assert 'route="/api/v1/predictions"' in text
    for secret in ("Doe", "PAT-4711-XYZ", made["id"], "127.0.0.1"):
        assert secret not in text


def test_names_lie_sealed_in_the_database(live: Live) -> None:
    live.read(("Doe^Jane.png", BRIGHT[1]), patient="MRN-PAT-4711-XYZ")
    written = b"".join(
        path.read_bytes() for path in live.services.settings.folder.rglob("*") if path.is_file()
    )
    assert b"SQLite" in written
    assert b"Doe^Jane" not in written
    assert b"PAT-4711-XYZ" not in written


def test_the_openapi_document_names_every_route(live: Live) -> None:
    paths = live.client.get("/api/v1/openapi.json").json()["paths"]
    assert set(paths) >= {
        "/api/v1/predictions",
        "/api/v1/predictions/export",
        "/api/v1/predictions/{id}",
        "/api/v1/jobs/{id}/events",
        "/api/v1/model",
        "/healthz",
    }
    body = paths["/api/v1/predictions"]["post"]["requestBody"]["content"]
    assert "files" in body["multipart/form-data"]["schema"]["properties"]
