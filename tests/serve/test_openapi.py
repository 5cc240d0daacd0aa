"""Other tools check the running server against its OpenAPI document."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from grey_films import BRIGHT, DARK, zipped
from live import Live, serving
from pneumoscope.serve.settings import ServeSettings

# DELETE on a job cancels what is not read yet; the job and its results stay, as documented.
CONFIG = """
[[operations]]
include-path-regex = "/jobs/"
checks.use_after_free.enabled = false
"""


@pytest.mark.slow
def test_schemathesis_finds_nothing(small: ServeSettings, tmp_path: Path) -> None:
    pytest.importorskip("schemathesis")
    config = tmp_path / "schemathesis.toml"
    config.write_text(CONFIG, encoding="utf-8")
    with serving(small) as live:  # with the default limits
        check(live, config)


def check(live: Live, config: Path) -> None:
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config)),
        *("run", f"{live.url}/api/v1/openapi.json"),
        *("--max-examples", "8", "--phases", "examples,coverage,fuzzing,stateful", "--seed", "7"),
        # The operating points depend on the bundle, so not every string is accepted.
        *("--exclude-checks", "positive_data_acceptance", "--no-color"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout[-6000:]


SEEDS = (
    BRIGHT[1],
    DARK[1],
    zipped(BRIGHT, ("b/dark.png", DARK[1])),
    zipped(("inner.zip", zipped(DARK))),
    b"\xff\xd8\xff\xe0\0\x10JFIF",
    b"\0" * 128 + b"DICM\2\0\0\0UL\4\0\0\0\0\0",
    b"II*\0\x08\0\0\0\xff\xff",
    b"RIFF\x10\0\0\0WEBPVP8 ",
)


@st.composite
def spoilt(draw: st.DrawFn) -> bytes:
    """A file with some bytes changed, cut or repeated."""
    data = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(0, 8))):
        at = draw(st.integers(0, len(data) - 1))
        kind = draw(st.sampled_from(["set", "cut", "insert"]))
        if kind == "set":
            data[at] = draw(st.integers(0, 255))
        elif kind == "cut" and len(data) > 64:
            del data[at : at + draw(st.integers(1, 64))]
        else:
            data[at:at] = draw(st.binary(max_size=16))
    return bytes(data)


FUZZ_ROUNDS = int(os.environ.get("PNEUMOSCOPE_FUZZ_ROUNDS", "4"))


@pytest.mark.slow
def test_no_upload_brings_the_server_down(live: Live) -> None:
    for round_ in range(FUZZ_ROUNDS):

        @seed(round_)
        @settings(
            max_examples=100, deadline=None, database=None, suppress_health_check=[*HealthCheck]
        )
        @given(data=spoilt(), name=st.text(max_size=30))
        def send(data: bytes, name: str) -> None:
            survives(live, data, name)

        send()


def survives(live: Live, data: bytes, name: str) -> None:
    name = name.encode("utf-8", "replace").decode()
    answer = live.send((name or "x", data))
    assert answer.status_code in (200, 202, 400, 413, 422), answer.text
    if answer.status_code == 200:
        record = answer.json()["predictions"][0]
        assert record["state"] in ("done", "failed")
        assert (record["error"] or {"code": ""})["code"] != "ServerFault"
    elif answer.status_code == 202:
        films = live.finished(answer.json()["job"]["id"])["predictions"]
        assert {film["state"] for film in films} <= {"done", "failed"}
        assert "ServerFault" not in {(film["error"] or {"code": ""})["code"] for film in films}
    else:
        assert answer.headers["content-type"] == "application/problem+json"
    assert live.client.get("/readyz").status_code == 200


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


def test_the_openapi_document_names_the_errors_of_a_route(live: Live) -> None:
    paths = live.client.get("/api/v1/openapi.json").json()["paths"]
    upload = paths["/api/v1/predictions"]["post"]["responses"]
    assert {"408", "413", "429"} <= set(upload)  # a slow body, a large one, too many
    export = paths["/api/v1/predictions/export"]["get"]["responses"]
    assert {"413", "429"} <= set(export)  # too many films, too many results in a minute
    sending = paths["/api/v1/predictions/{id}/destinations/{destination}"]["post"]["responses"]
    assert {"404", "429", "502"} <= set(sending)


def test_every_answer_to_an_odd_address_is_documented(live: Live) -> None:
    paths = live.client.get("/api/v1/openapi.json").json()["paths"]
    for path, operations in paths.items():
        for method, operation in operations.items():
            address = path.replace("{", "").replace("}", "")
            answer = live.client.request(method, f"{address}?bundle=%00")
            assert str(answer.status_code) in operation["responses"], (method, path, answer.text)
            other = live.client.request(method, address, headers={"Host": "other.example"})
            assert str(other.status_code) in operation["responses"], (method, path, other.text)
