"""The Python client and `predict --server` against a running server."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import pneumoscope
from grey_films import BRIGHT, DARK, zipped
from live import Live
from pneumoscope.bundle import Bundle
from pneumoscope.cli.app import app
from pneumoscope.errors import MissingFile, QueueFull, ServerError, UnknownFormat
from pneumoscope.records import Settings
from pneumoscope.render.serialise import prediction_from_json, prediction_to_json


@pytest.fixture
def client(live: Live) -> object:
    with pneumoscope.Client(live.url) as client:
        yield client


def test_one_film(client: pneumoscope.Client, film_files: Path, tiny_bundle: Bundle) -> None:
    record = client.predict(film_files / "bright.png")
    here = pneumoscope.load(tiny_bundle).predict(film_files / "bright.png")
    assert record.prediction is not None
    read_there = prediction_to_json(record.prediction)
    assert read_there | {"timings_ms": 0} == prediction_to_json(here) | {"timings_ms": 0}
    assert record.state == "done"
    assert client.rendering(record, "overlay.png")[:8] == b"\x89PNG\r\n\x1a\n"
    assert client.history(1)[0].id == record.id
    client.delete(record)
    with pytest.raises(ServerError, match="nothing is here") as error:
        client.rendering(record, "overlay.png")
    assert error.value.status == 404


def test_many_films_in_their_order(client: pneumoscope.Client, film_files: Path) -> None:
    (film_files / "text.png").write_bytes(b"no film" * 40)
    names = ["bright.png", "none.png", "dark.png", "text.png", "bright.png"]
    results = list(client.predict_many([film_files / name for name in names]))
    outcomes = [outcome for outcome, _ in results]
    labels = [outcome.prediction.label if outcome.prediction else None for outcome in outcomes]
    assert labels == ["PNEUMONIA", None, "NORMAL", None, "PNEUMONIA"]
    assert [outcome.index for outcome in outcomes] == [0, 1, 2, 3, 4]
    assert isinstance(outcomes[1].error, MissingFile)
    assert isinstance(outcomes[3].error, UnknownFormat)
    assert str(outcomes[3].error).startswith(f"{film_files / 'text.png'}: not an image format")
    assert results[1][1] is None


def test_a_job(client: pneumoscope.Client) -> None:
    job = client.submit([BRIGHT[1], DARK[1]])
    assert job.total == 2
    records = list(client.follow(job))
    assert sorted(record.prediction.label for record in records if record.prediction) == [
        "NORMAL",
        "PNEUMONIA",
    ]
    assert client.job(job.id).state == "done"
    assert client.cancel(job).done == 2
    with pytest.raises(ServerError):
        list(client.follow("0" * 32))


def test_an_archive_is_handed_in_as_a_job(client: pneumoscope.Client, tmp_path: Path) -> None:
    path = tmp_path / "films.zip"
    path.write_bytes(zipped(BRIGHT, DARK))
    with pytest.raises(ServerError, match=r"films\.zip: an archive") as error:
        client.predict(path)
    assert "submit" in error.value.hint
    outcomes = [outcome for outcome, _ in client.predict_many([path, DARK[1]])]
    assert isinstance(outcomes[0].error, ServerError)
    assert outcomes[1].prediction is not None
    assert {record.name for record in client.follow(client.submit([path]))} == {
        "bright.png",
        "dark.png",
    }


def test_a_job_that_breaks_off_is_no_end(
    live: Live, client: pneumoscope.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pneumoscope.serve.routes import jobs

    job = client.submit([DARK[1]])
    assert len(list(client.follow(job))) == 1
    event = jobs._event
    monkeypatch.setattr(
        jobs, "_event", lambda name, content: event(name, content) if name != "end" else ""
    )
    with pytest.raises(ServerError, match="broke off"):
        list(client.follow(job))


def test_names_of_every_language(client: pneumoscope.Client, tmp_path: Path) -> None:
    name = "Łukasz 肺炎 'a;b%20.png"
    (tmp_path / name).write_bytes(DARK[1])
    record = client.predict(tmp_path / name)
    assert client.history(1)[0].name == name
    assert client.rendering(record, "report.pdf")[:5] == b"%PDF-"


def test_settings_reach_the_server(client: pneumoscope.Client) -> None:
    record = client.predict(DARK[1], Settings("screen", prevalence=0.2, force=True))
    assert record.prediction is not None
    assert record.prediction.operating_point.name == "screen"
    assert record.prediction.prevalence == 0.2
    with pytest.raises(ServerError, match="operating point 'x'") as error:
        client.predict(DARK[1], Settings("x"))
    assert "balanced" in error.value.hint
    assert error.value.status == 422


def test_a_busy_server_is_asked_again(
    live: Live, client: pneumoscope.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    # Only the client's: threads of the server sleep too.
    monkeypatch.setattr("pneumoscope.client.http.time", SimpleNamespace(sleep=waits.append))
    queue = live.services.queue
    reserve, refusals = queue.reserve, [QueueFull(retry_after_s=3), QueueFull(retry_after_s=2)]

    def busy(films: int, size: int, owner: str) -> None:
        if refusals:
            raise refusals.pop()
        reserve(films, size, owner)

    monkeypatch.setattr(queue, "reserve", busy)
    assert client.predict(DARK[1]).state == "done"
    assert waits == [2.0, 3.0]


def test_who_does_not_answer() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but nobody listens
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pneumoscope.Client(url) as client, pytest.raises(ServerError, match="no answer") as no:
            client.model()
    assert no.value.hint
    with pytest.raises(ServerError, match="no address"):
        pneumoscope.Client("127.0.0.1:8000")


def test_predict_on_a_server_prints_what_it_prints_here(
    live: Live,
    film_files: Path,
    tiny_bundle: Bundle,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    def printed(*options: str) -> str:
        with pytest.raises(SystemExit) as done:
            app(["predict", str(film_files), *options], standalone_mode=False)
        assert done.value.code == 0
        return capsys.readouterr().out

    locally, on_server = ["--bundle", str(tiny_bundle.path)], ["--server", live.url]
    assert printed(*on_server) == printed(*locally)
    assert printed("--csv", *on_server) == printed("--csv", *locally)
    maps = tmp_path / "maps"
    results = json.loads(printed("--json", "--heatmaps", str(maps), *on_server))["results"]
    assert [result["label"] for result in results] == ["PNEUMONIA", "NORMAL"]
    assert all(Path(result["heatmap_file"]).read_bytes()[1:4] == b"PNG" for result in results)


def test_a_refused_film_comes_back_without_figures(tiny_bundle: Bundle) -> None:
    tiny = pneumoscope.load(tiny_bundle)
    from grey_films import film

    p = tiny.predict(film(51, 70, 70))  # fewer pixels than a verdict needs
    record = prediction_to_json(p)
    assert record["label"] == "REFUSED"
    again = prediction_from_json(json.loads(json.dumps(record)))
    assert np.isnan(again.p_positive)
    assert prediction_to_json(again) == record
