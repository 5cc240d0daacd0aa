"""A new key encrypts everything again, and nothing is lost."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from grey_films import BRIGHT, DARK
from in_process import CHEAP, PASSWORD, running
from pneumoscope.bundle import Bundle
from pneumoscope.errors import UsageError
from pneumoscope.jobs.keys import Keys, open_keys
from pneumoscope.serve.admin.administration import open_administration
from pneumoscope.serve.admin.key_rotation import rotate_keys
from pneumoscope.serve.app import create_app
from pneumoscope.serve.settings import ServeSettings


def test_everything_opens_with_the_new_key_and_is_sealed_with_it(
    tiny_bundle: Bundle, tmp_path: Path
) -> None:
    settings = ServeSettings(
        folder=tmp_path / "state", bundle=(str(tiny_bundle.path),), threads=1, keep_films=True,
        key=tmp_path / "key",
    )  # fmt: skip
    (tmp_path / "state" / "films").mkdir(parents=True)
    made = open_keys(tmp_path)
    administration = open_administration(settings)
    administration.accounts.hasher = CHEAP
    administration.add_user("anna", PASSWORD, "operator")
    administration.add_second_factor("anna")
    token, _ = administration.add_token("anna", "tests", ["read", "predict"], 1)
    administration.store.close()
    with running(create_app(settings)) as server:
        sent = server(
            "POST", "/api/v1/predictions", token=token, files=[("files", BRIGHT)],
            data={"patient": "PAT-1"},
        )  # fmt: skip
        film = sent.json()["predictions"][0]["id"]
        with pytest.raises(UsageError, match="another server"):
            rotate_keys(settings)
    done = rotate_keys(settings)
    assert (done.names, done.films, done.accounts) == (1, 1, 1)
    assert done.former == made.ids
    assert done.key not in made.ids
    assert (tmp_path / "key").stat().st_mode & 0o077 == 0
    keys = open_keys(tmp_path, tmp_path / "key")
    assert keys.ids == (done.key, *made.ids)
    sealed = (settings.folder / "films" / film).read_bytes()
    assert keys.is_current(sealed, film)
    with pytest.raises(ValueError, match="another key"):
        made.open(sealed, film)
    again = rotate_keys(settings)
    assert again.former == (done.key, *made.ids)
    with running(create_app(settings)) as server:
        shown = server("GET", f"/api/v1/predictions/{film}", token=token).json()
        assert shown["film"]["name"] == BRIGHT[0]
        assert server("GET", f"/api/v1/predictions/{film}/film.png", token=token).status_code == 200
        server(
            "POST", "/api/v1/predictions", token=token, files=[("files", DARK)],
            data={"patient": "PAT-1"},
        )  # fmt: skip
    administration = open_administration(settings)
    assert administration.audit.verify().seq >= 6  # lines of three keys
    assert administration.erase_patient("PAT-1").predictions == 2  # marks of two keys
    administration.store.close()


def test_a_key_in_the_environment_cannot_be_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PNEUMOSCOPE_SERVE_SECRET", "A" * 43 + "=")
    with pytest.raises(UsageError, match="cannot be replaced") as error:
        rotate_keys(ServeSettings(folder=tmp_path))
    assert "--key" in error.value.hint


def test_ids_say_nothing_about_the_secret() -> None:
    keys = Keys(bytes(32), [bytes(range(32))])
    assert len(set(keys.ids)) == 2
    assert all(len(id_) == 8 and int(id_, 16) >= 0 for id_ in keys.ids)
    assert keys.ids[0] not in io.BytesIO(bytes(32)).read().hex()
