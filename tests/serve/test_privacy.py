"""Films under a key; export, erasure and retention."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from grey_films import BRIGHT, DARK
from in_process import CHEAP, PASSWORD, Served, running
from pneumoscope.bundle import Bundle
from pneumoscope.jobs.keys import Keys
from pneumoscope.jobs.tables import FilmRow, now
from pneumoscope.serve.admin.administration import Administration, open_administration
from pneumoscope.serve.app import create_app
from pneumoscope.serve.settings import ServeSettings


@pytest.fixture
def settings(tiny_bundle: Bundle, tmp_path: Path) -> ServeSettings:
    return ServeSettings(
        folder=tmp_path / "state", bundle=(str(tiny_bundle.path),), threads=1, keep_films=True
    )


@pytest.fixture
def administration(settings: ServeSettings) -> Iterator[Administration]:
    (settings.folder / "films").mkdir(parents=True)
    opened = open_administration(settings)
    opened.accounts.hasher = CHEAP
    for name in ("anna", "bert"):
        opened.add_user(name, PASSWORD, "operator")
    yield opened
    opened.store.close()


def sent(
    server: Served, administration: Administration, name: str, film: tuple[str, bytes], patient: str
) -> str:
    """Reads a film; returns the id of the result."""
    token, _ = administration.add_token(name, "tests", ["predict"], 1)
    answer = server(
        "POST",
        "/api/v1/predictions",
        token=token,
        files=[("files", film)],
        data={"patient": patient},
    )
    assert answer.status_code == 200, answer.text
    return str(answer.json()["predictions"][0]["id"])


def test_a_film_on_the_disk_opens_only_with_its_key_in_its_place(
    settings: ServeSettings, administration: Administration
) -> None:
    with running(create_app(settings)) as server:
        first = sent(server, administration, "anna", BRIGHT, "P1")
        other = sent(server, administration, "anna", DARK, "P1")
    folder = settings.folder / "films"
    sealed = (folder / first).read_bytes()
    assert len(sealed) == 12 + len(BRIGHT[1]) + 16  # nonce and tag of AES-GCM
    assert b"PNG" not in sealed
    assert BRIGHT[1][64:96] not in sealed
    assert administration.film_store.get(first) == BRIGHT[1]
    with pytest.raises(ValueError, match="another key"):
        Keys(bytes(32)).open(sealed, first)
    with pytest.raises(ValueError, match="changed"):
        administration.keys.open(sealed[:-1] + bytes([sealed[-1] ^ 1]), first)
    (folder / other).write_bytes(sealed)  # one patient's film in another's place
    assert administration.film_store.get(other) is None


def test_two_films_alike_do_not_look_alike(administration: Administration) -> None:
    first, other = (administration.keys.seal(b"same", "place") for _ in range(2))
    assert first != other


def test_a_patients_fingerprint_needs_the_key_and_forgives_spaces() -> None:
    keys = Keys(bytes(32))
    assert keys.fingerprint("PAT-1") == keys.fingerprint(" PAT-1\n")
    assert keys.fingerprint("J\u00fcrgen") == keys.fingerprint("Ju\u0308rgen")
    assert keys.fingerprint("PAT-1") != keys.fingerprint("pat-1")
    assert keys.fingerprint("PAT-1") != Keys(bytes(range(32))).fingerprint("PAT-1")


def test_all_that_is_held_on_a_patient_comes_out(
    settings: ServeSettings, administration: Administration, tmp_path: Path
) -> None:
    with running(create_app(settings)) as server:
        mine = [
            sent(server, administration, "anna", BRIGHT, "PAT-1"),
            sent(server, administration, "bert", DARK, " PAT-1 "),
        ]
        other = sent(server, administration, "anna", DARK, "PAT-2")
        held = administration.export_patient("PAT-1", tmp_path / "held.zip")
    assert (held.predictions, held.films) == (2, 2)
    with zipfile.ZipFile(tmp_path / "held.zip") as pack:
        records = json.loads(pack.read("predictions.json"))
        assert [record["id"] for record in records] == mine
        assert [record["film"]["name"] for record in records] == ["bright.png", "dark.png"]
        assert [record["result"]["label"] for record in records] == ["PNEUMONIA", "NORMAL"]
        assert pack.read(f"films/{mine[0]}") == BRIGHT[1]
        assert pack.read(f"films/{mine[1]}") == DARK[1]
        lines = [json.loads(line) for line in io.BytesIO(pack.read("audit-log.jsonl"))]
        assert [line["what"] for line in lines] == [
            "POST /api/v1/predictions", "POST /api/v1/predictions", "patient export",
        ]  # fmt: skip
        assert len(lines) == held.lines
        assert not any(other in pack.read(name).decode("latin-1") for name in pack.namelist())
    assert administration.export_patient("nobody", tmp_path / "none.zip").predictions == 0


def test_a_patient_is_erased_and_nobody_else(
    settings: ServeSettings, administration: Administration
) -> None:
    with running(create_app(settings)) as server:
        mine = [
            sent(server, administration, "anna", BRIGHT, "PAT-1"),
            sent(server, administration, "bert", DARK, "PAT-1"),
        ]
        other = sent(server, administration, "anna", DARK, "PAT-2")
        read = {
            name: administration.add_token(name, "t", ["read"], 1)[0] for name in ("anna", "bert")
        }
        held = administration.erase_patient("PAT-1")
        assert (held.predictions, held.films) == (2, 2)
        # The files of the database, including its write-ahead log, no longer contain them.
        files = [*settings.folder.glob("reading-room.sqlite*")]
        assert {path.suffix for path in files} >= {".sqlite", ".sqlite-wal"}
        for id_ in mine:
            assert not any(id_.encode() in path.read_bytes() for path in files)
        assert any(other.encode() in path.read_bytes() for path in files)
        for name, id_ in zip(("anna", "bert"), mine, strict=True):
            for path in ("", "/film.png", "/overlay.png", "/report.pdf"):
                answer = server("GET", f"/api/v1/predictions/{id_}{path}", token=read[name])
                assert answer.status_code == 404, path
        kept = server("GET", f"/api/v1/predictions/{other}/film.png", token=read["anna"])
        assert kept.status_code == 200
        # The running server removes them from memory in its next two cleanups.
        services = server.app.state.services
        assert set(mine) <= services.cleanup.film_store.ids()
        services.cleanup.run()
        services.cleanup.run()
        assert services.cleanup.film_store.ids() == {other}
    assert {path.name for path in (settings.folder / "films").iterdir()} == {other}
    assert administration.erase_patient("PAT-1").predictions == 0


def aged(administration: Administration, id_: str, days: float) -> None:
    with administration.store.writing() as db:
        db.execute(
            update(FilmRow).where(FilmRow.id == id_).values(created=now() - timedelta(days=days))
        )


def test_purge_deletes_what_is_too_old_with_its_films(
    settings: ServeSettings, administration: Administration
) -> None:
    with running(create_app(settings)) as server:
        old = sent(server, administration, "anna", BRIGHT, "P1")
        new = sent(server, administration, "bert", DARK, "P1")
    aged(administration, old, 30.1)
    aged(administration, new, 29.9)
    assert administration.purge(30) == [old]
    assert administration.film_store.ids() == {new}
    last = [*administration.audit.entries()][-1]
    assert (last["what"], last["objects"]) == ("purge", [old])
    assert administration.purge(30) == []


def test_a_server_with_a_retention_keeps_to_it_by_itself(
    tiny_bundle: Bundle, settings: ServeSettings, administration: Administration
) -> None:
    with running(create_app(settings)) as server:
        old = sent(server, administration, "anna", BRIGHT, "P1")
    aged(administration, old, 8)
    limited = ServeSettings(
        folder=settings.folder,
        bundle=(str(tiny_bundle.path),),
        threads=1,
        keep_films=True,
        retention_days=7,
    )
    with running(create_app(limited)) as server:
        assert administration.store.rows(administration.accounts.get("anna").id, [old]) == []
        assert administration.film_store.ids() == set()
        # And again while it runs.
        again = sent(server, administration, "anna", DARK, "P1")
        aged(administration, again, 8)
        assert server.app.state.services.cleanup.run() == [again]
        assert administration.film_store.ids() == set()


def test_a_film_whose_result_is_gone_is_swept_but_not_one_that_just_came(
    settings: ServeSettings, administration: Administration
) -> None:
    with running(create_app(settings)) as server:
        kept = sent(server, administration, "anna", BRIGHT, "P1")
        cleanup = server.app.state.services.cleanup
        cleanup.film_store.put("0" * 32, b"a film a moment before its row")
        assert cleanup.run() == []
        assert cleanup.film_store.ids() == {kept, "0" * 32}
        cleanup.run()
        assert cleanup.film_store.ids() == {kept}


def test_the_log_says_which_results_were_exported_and_deleted(
    settings: ServeSettings, administration: Administration
) -> None:
    with running(create_app(settings)) as server:
        film = sent(server, administration, "anna", BRIGHT, "p1")
        token, _ = administration.add_token("anna", "tests", ["read", "delete"], 1)
        assert server("GET", "/api/v1/predictions/export", token=token).status_code == 200
        assert server("DELETE", "/api/v1/predictions", token=token).json() == {"deleted": 1}
    objects = {entry["what"]: entry["objects"] for entry in administration.audit.entries()}
    assert objects["GET /api/v1/predictions/export"] == [film]
    assert objects["DELETE /api/v1/predictions"] == [film]
