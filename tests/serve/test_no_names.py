"""Names, file names and identifiers are put into every input, then searched for in everything that is
written: log, audit log, metrics, database, files, addresses."""

from __future__ import annotations

import base64
import io
import json
import logging
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image, PngImagePlugin
from pydicom.dataset import Dataset

from film_files import CR, dataset, write
from grey_films import film, zipped
from in_process import CHEAP, PASSWORD, running
from pneumoscope.bundle import Bundle
from pneumoscope.serve.admin.administration import open_administration
from pneumoscope.serve.app import create_app
from pneumoscope.serve.renderings import RENDERINGS
from pneumoscope.serve.settings import ServeSettings

MARK = "ZZPLANTED"
NAME, NUMBER, PATIENT = f"{MARK}NAME^JANE", f"{MARK}ID42", f"{MARK}PATIENT-7"
UID = "1.2.826.0.1.3680043.10.9999.777"
BIRTH = "19610203"
Ask = Callable[..., httpx.Response]


def planted_dicom(*, broken: bool = False) -> bytes:
    """A film whose header contains a person's data in many fields."""
    ds = dataset(
        np.full((96, 96), 200, np.uint8), SOPClassUID=CR, SOPInstanceUID=UID,
        PatientName=NAME, PatientID=NUMBER, PatientBirthDate=BIRTH, AccessionNumber=f"{MARK}ACC",
        StudyInstanceUID=f"{UID}.1", InstitutionName=f"{MARK} hospital",
        ReferringPhysicianName=f"{MARK}DOCTOR", PatientComments=f"{MARK} lives there",
        StudyDescription=f"{MARK} study", ImageComments=f"{MARK} comment",
    )  # fmt: skip
    inner = Dataset()
    inner.PatientID = f"{MARK}NESTED"
    ds.OtherPatientIDsSequence = [inner]
    ds.private_block(0x000B, f"{MARK} private", create=True).add_new(1, "LO", NAME)
    data = write(ds)
    return data[:-2000] if broken else data


def planted_png() -> bytes:
    """A film with a person's name in its text chunks."""
    text = PngImagePlugin.PngInfo()
    text.add_text("Patient", NAME)
    stream = io.BytesIO()
    Image.fromarray(np.full((240, 260), 204, np.uint8)).save(stream, "PNG", pnginfo=text)
    return stream.getvalue()


def surface(ask: Ask) -> list[httpx.Response]:
    """Requests to every route, with a person's data in every input."""
    answers = [
        ask("POST", "/api/v1/session", json={"name": MARK, "password": f"{MARK} password"}),
        ask("POST", "/api/v1/session", json={"name": MARK * 20, "password": [NAME]}),
        ask("GET", "/api/v1/me", headers={"Authorization": f"Bearer {MARK}"}),
        ask("GET", "/api/v1/me", headers={"Cookie": f"pneumoscope={MARK}"}),
        ask("GET", "/healthz", headers={"Host": f"{MARK}.example"}),
        ask("DELETE", "/api/v1/predictions", headers={"Origin": f"https://{MARK}.example"}),
    ]
    films = [
        (f"{MARK}_one.dcm", planted_dicom()),
        (f"{MARK} two.png", planted_png()),
        (f"../../{MARK}.png", planted_png()),
        (f"{MARK}_broken.dcm", planted_dicom(broken=True)),
        (f"{MARK}.txt", f"{NAME} is no film".encode()),
        (f"{MARK}.png", b"\x89PNG\r\n\x1a\n" + NAME.encode() * 9),
        (f"{MARK}.dcm", b"\0" * 128 + b"DICM" + NAME.encode() * 9),
    ]
    form = {"patient": PATIENT}
    sent = []
    for data in films:
        sent.append(ask("POST", "/api/v1/predictions", files=[("files", data)], data=form))
    packed = zipped(*films, (f"{MARK}/inner.zip", zipped(films[0])))
    job = ask(
        "POST", "/api/v1/predictions", files=[("files", (f"{MARK}.zip", packed))], data=form,
        headers={"User-Agent": MARK, "Referer": f"http://x/{MARK}", "X-Patient": NAME},
    )  # fmt: skip
    assert job.status_code == 202, job.text
    number = job.json()["job"]["id"]
    answers += [*sent, job, ask("GET", f"/api/v1/jobs/{number}/events")]
    job_films = ask("GET", f"/api/v1/jobs/{number}").json()["predictions"]
    records = [a.json()["predictions"][0] for a in sent if a.status_code == 200] + job_films
    assert len(records) >= 12
    # The test means something: the owner gets the name back.
    assert records[0]["film"]["name"] == f"{MARK}_one.dcm"
    for number, record in enumerate(records):
        shown = RENDERINGS if number < 5 else ("film.png",)
        paths = [f"/api/v1/predictions/{record['id']}/{name}" for name in shown]
        answers += [ask("GET", path) for path in (record["links"]["self"], *paths)]
    for kind in ("csv", "json", "pdf"):
        answers.append(ask("GET", f"/api/v1/predictions/export?format={kind}"))
    wrong = [
        ("GET", f"/api/v1/predictions/{MARK}"), ("GET", f"/api/v1/predictions/{MARK}/film.png"),
        ("GET", f"/api/v1/predictions/{records[0]['id']}/{MARK}.png"),
        ("GET", f"/api/v1/jobs/{MARK}/events"), ("GET", f"/{MARK}"), ("GET", f"/static/{MARK}.js"),
        ("GET", f"/api/v1/predictions?label={MARK}&before={MARK}&limit={MARK}"),
        ("GET", f"/api/v1/predictions/export?format={MARK}&ids={MARK}"),
        ("DELETE", f"/api/v1/predictions/{MARK}"), ("DELETE", f"/api/v1/jobs/{MARK}"),
        ("PUT", f"/api/v1/{MARK}"),
    ]  # fmt: skip
    answers += [ask(method, path) for method, path in wrong]
    upload = [("files", films[1])]
    for field in ("operating_point", "prevalence", "error", "explain", "force", MARK):
        answers.append(ask("POST", "/api/v1/predictions", files=upload, data={field: NAME}))
    answers.append(ask("POST", "/api/v1/predictions", files=[(MARK, films[1])]))
    answers.append(ask("POST", "/api/v1/predictions", content=NAME.encode()))
    bad = {"Content-Type": f"multipart/form-data; boundary={MARK}"}
    answers.append(ask("POST", "/api/v1/predictions", content=b"--x " + NAME.encode(), headers=bad))
    answers.append(ask("DELETE", f"/api/v1/predictions/{records[1]['id']}"))
    answers += [ask("GET", "/api/v1/model"), ask("GET", "/api/v1/settings"), ask("GET", "/metrics")]
    assert {200, 202, 204, 400, 403, 404, 422} <= {answer.status_code for answer in answers}
    assert max(answer.status_code for answer in answers) < 500
    return answers


def traces(data: bytes) -> list[str]:
    """The marks that the bytes contain, in any encoding in which they may have been written."""
    low = data.lower()
    marks = []
    for word in (MARK, UID, BIRTH):
        for form in (word.encode(), word.encode("utf-16-le"), word.encode().hex().encode()):
            if form.lower() in low:
                marks.append(word)
        # In base64: the middle of the word, at each of three offsets.
        for offset in range(3):
            coded = base64.b64encode(b" " * offset + word.encode())[4 * (offset > 0) : -4]
            if len(coded) >= 8 and coded in data:
                marks.append(word)
    return marks


def check_addresses(answers: list[httpx.Response]) -> None:
    """No address that the server makes contains a name, and no header does."""

    def links(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            for key, inner in value.items():
                yield from ([inner] if key in ("instance", "self") else links(inner))
            yield from (
                value.get("links", {}).values() if isinstance(value.get("links"), dict) else ()
            )
        elif isinstance(value, list):
            for inner in value:
                yield from links(inner)

    seen = 0
    for answer in answers:
        headers = " ".join(f"{name}: {value}" for name, value in answer.headers.items())
        assert not traces(headers.encode()), headers
        if MARK in str(answer.request.url):
            continue  # the caller wrote it there
        if answer.content and "json" in answer.headers.get("content-type", ""):
            for link in links(answer.json()):
                seen += 1
                assert not traces(link.encode()), link
    assert seen > 50


def check_files(folder: Path) -> None:
    """No file and no column of the database contains it."""
    names, texts = [], 0
    for path in folder.rglob("*"):
        assert not traces(str(path.relative_to(folder)).encode())
        if path.is_file():
            names.append(path.name)
            assert not traces(path.read_bytes()), path
    assert {"reading-room.sqlite", "audit-log.jsonl"} <= set(names)
    with sqlite3.connect(folder / "reading-room.sqlite") as db:
        tables = [row[0] for row in db.execute("select name from sqlite_master where type='table'")]
        assert {"predictions", "jobs", "accounts", "sessions", "tokens"} <= set(tables)
        for table in tables:
            for row in db.execute(f'select * from "{table}"'):
                for value in row:
                    texts += isinstance(value, str)
                    held = value if isinstance(value, bytes) else str(value).encode()
                    assert not traces(held), (table, value)
    db.close()
    assert texts > 100


def test_the_search_finds_what_it_looks_for() -> None:
    for word in (MARK, UID, BIRTH):
        for data in (
            f"x {word.lower()} y".encode(),
            word.encode("utf-16-le"),
            word.encode().hex().encode(),
            base64.b64encode(b"abc " + word.encode() + b" z"),
            base64.b64encode(b"abcd " + word.encode() + b" z"),
            base64.b64encode(b"abcde " + word.encode() + b" z"),
        ):
            assert traces(data) or word == BIRTH, data
    assert not traces(b"nobody")


def prepared(folder: Path, bundle: Bundle) -> tuple[ServeSettings, str]:
    """Settings of a server that keeps films, and the token of an operator."""
    key = folder / "secret" / "key"
    key.parent.mkdir()
    key.write_bytes(base64.b64encode(bytes(range(32))))
    key.chmod(0o600)
    settings = ServeSettings(
        folder=folder / "state", bundle=(str(bundle.path),), threads=1, keep_films=True, key=key
    )
    administration = open_administration(settings)
    administration.accounts.hasher = CHEAP
    administration.add_user("otto", PASSWORD, "operator")
    token, _ = administration.add_token(
        "otto", "tests", ["read", "predict", "delete", "metrics"], 1
    )
    administration.store.close()
    return settings, token


@pytest.mark.slow
def test_nothing_that_is_written_names_a_patient(
    tiny_bundle: Bundle, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    settings, token = prepared(tmp_path, tiny_bundle)
    with running(create_app(settings)) as server:
        server.security.accounts.hasher = CHEAP

        def ask(method: str, path: str, **more: Any) -> httpx.Response:
            headers = {"Authorization": f"Bearer {token}"} | more.pop("headers", {})
            return server(method, path, origin=None, headers=headers, **more)

        answers = surface(ask)
        assert not traces(answers[-1].content)  # /metrics
        assert "pneumoscope_http_requests_total" in answers[-1].text
        check_addresses(answers)
        check_files(settings.folder)
    check_files(settings.folder)
    assert len(list((settings.folder / "films").iterdir())) >= 5
    lines = [
        line
        for line in caplog.text.splitlines()
        if not line.startswith(("DEBUG    http", "INFO     http"))
    ]  # lines of the client itself
    assert not traces("\n".join(lines).encode())


@pytest.mark.server
def test_a_real_server_writes_no_name_either(tiny_bundle: Bundle, tmp_path: Path) -> None:
    settings, token = prepared(tmp_path, tiny_bundle)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    command = [
        sys.executable, "-m", "pneumoscope", "serve", "--port", "0", "--keep-films",
        "--folder", str(settings.folder), "--bundle", str(tiny_bundle.path),
        "--key", str(settings.key), "--threads", "1",
    ]  # fmt: skip
    written = tmp_path / "written"
    with written.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.PIPE, text=True,
            env=os.environ | {"TMPDIR": str(scratch)},
        )  # fmt: skip
    with process:
        assert process.stderr is not None
        try:
            first = process.stderr.readline()
            base = next(word for word in first.split() if word.startswith("http")).rstrip("/")
            with httpx.Client(base_url=base, timeout=120) as client:

                def ask(method: str, path: str, **more: Any) -> httpx.Response:
                    headers = {"Authorization": f"Bearer {token}"} | more.pop("headers", {})
                    return client.request(method, path, headers=headers, **more)

                answers = surface(ask)
                check_addresses(answers)
                check_files(settings.folder)
        finally:
            process.terminate()
            rest = process.stderr.read()
    check_files(settings.folder)
    assert not traces((first + rest).encode())
    assert not traces(written.read_bytes())
    for path in scratch.rglob("*"):
        assert not path.is_file() or not traces(path.read_bytes())


def test_no_address_asks_for_a_name(tiny_bundle: Bundle, tmp_path: Path) -> None:
    # Queries end up in browser histories and in the logs of proxies.
    paths = create_app(ServeSettings(folder=tmp_path, bundle=(str(tiny_bundle.path),))).openapi()[
        "paths"
    ]
    parameters = {
        (parameter["in"], parameter["name"])
        for operations in paths.values()
        for operation in operations.values()
        for parameter in operation.get("parameters", ())
    }
    in_address = {name for place, name in parameters if place in ("query", "path")}
    assert in_address == {
        *("id", "rendering", "limit", "before", "label", "format", "ids"),
        "bundle",  # the name of a model
        *("kind", "fhir_version"),  # of an object
        "destination",  # the name of another system
        "patient_of",  # the id of a film
    }


def test_the_audit_log_marks_a_patient_by_a_keyed_fingerprint(
    tiny_bundle: Bundle, tmp_path: Path
) -> None:
    settings, token = prepared(tmp_path, tiny_bundle)
    with running(create_app(settings)) as server:
        answer = server(
            "POST", "/api/v1/predictions", token=token, files=[("files", ("x.png", film(204)))],
            data={"patient": PATIENT},
        )  # fmt: skip
        number = answer.json()["predictions"][0]["id"]
        mark = server.app.state.services.keys.fingerprint(PATIENT)
        last = [*server.security.audit.entries()][-1]
    assert last["patient"] == mark
    assert last["objects"] == [number]
    assert PATIENT not in json.dumps(last)
