"""Settings, the key, and the shelf of films."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from pneumoscope.errors import UsageError
from pneumoscope.jobs.film_store import Shelf
from pneumoscope.jobs.keys import VARIABLE, Keys, open_keys
from pneumoscope.serve.settings import ServeSettings, from_env

SECRET = bytes(range(32))


def test_the_environment_and_what_wins_over_it(tmp_path: Path) -> None:
    env = {
        "XDG_STATE_HOME": str(tmp_path),
        "PNEUMOSCOPE_SERVE_PORT": "9000",
        "PNEUMOSCOPE_SERVE_MAX_FILES": "7",
        "PNEUMOSCOPE_SERVE_KEEP_FILMS": "true",
        "PNEUMOSCOPE_SERVE_MAX_WAIT_MS": "2.5",
    }
    found = from_env(env, host=None, port=9001)
    assert (found.host, found.port, found.limits.max_files) == ("127.0.0.1", 9001, 7)
    assert (found.keep_films, found.max_wait_ms) == (True, 2.5)
    assert found.folder == tmp_path / "pneumoscope"
    assert found.database_url == f"sqlite:///{tmp_path}/pneumoscope/reading-room.sqlite"


@pytest.mark.parametrize(
    "env",
    [
        {"PNEUMOSCOPE_SERVE_PORT": "many"},
        {"PNEUMOSCOPE_SERVE_PORT": "70000"},
        {"PNEUMOSCOPE_SERVE_KEEP_FILMS": "perhaps"},
        {"PNEUMOSCOPE_SERVE_QUEUE": "0"},
        {"PNEUMOSCOPE_SERVE_TLS_CERT": "cert.pem"},
        {"PNEUMOSCOPE_SERVE_DEADLINE_S": "-1"},
        {"PNEUMOSCOPE_SERVE_RATE_LIMIT": "-1"},
        {"PNEUMOSCOPE_SERVE_MAX_FILES": "0"},
        {"PNEUMOSCOPE_SERVE_DECODE_S": "-20"},
        {"PNEUMOSCOPE_SERVE_RETENTION_DAYS": "-1"},
        {"PNEUMOSCOPE_SERVE_THREADS": "0"},
        {"PNEUMOSCOPE_SERVE_RETENTION_DAYS": "0"},
    ],
)
def test_settings_that_cannot_be(env: dict[str, str]) -> None:
    with pytest.raises(UsageError) as told:
        from_env(env)
    assert told.value.hint


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True), ("localhost", True), ("::1", True), ("127.8.9.1", True),
        ("0.0.0.0", False), ("::", False), ("10.0.0.5", False), ("ward.example", False),
    ],
)  # fmt: skip
def test_what_is_loopback(host: str, loopback: bool) -> None:
    assert ServeSettings(host=host).loopback is loopback


def test_sealing_and_fingerprints() -> None:
    keys, others = Keys(SECRET), Keys(SECRET[::-1])
    sealed = keys.seal(b"Doe", "row")
    assert b"Doe" not in sealed
    assert keys.open(sealed, "row") == b"Doe"
    assert keys.seal(b"Doe", "row") != sealed
    for wrong in (lambda: others.open(sealed, "row"), lambda: keys.open(sealed, "elsewhere")):
        with pytest.raises(ValueError, match="another key"):
            wrong()
    with pytest.raises(ValueError, match="another key"):
        keys.open(sealed[:5], "row")
    assert keys.fingerprint("4711") == keys.fingerprint("4711") != others.fingerprint("4711")


def test_where_the_key_comes_from(tmp_path: Path) -> None:
    settings = ServeSettings(folder=tmp_path / "state")
    sealed = open_keys(settings, {}).seal(b"x", "y")
    made = settings.folder / "key"
    assert made.stat().st_mode & 0o777 == 0o600
    assert open_keys(settings, {}).open(sealed, "y") == b"x"
    text = base64.b64encode(SECRET).decode()
    sealed = Keys(SECRET).seal(b"x", "y")
    assert open_keys(settings, {VARIABLE: text}).open(sealed, "y") == b"x"
    file = tmp_path / "key"
    file.write_text(text + "\n")
    assert open_keys(ServeSettings(key=file), {}).open(sealed, "y") == b"x"
    for wrong in ("", "short", base64.b64encode(SECRET[:16]).decode(), "\N{SNOWMAN}" * 44):
        file.write_text(wrong)
        with pytest.raises(UsageError, match="key"):
            open_keys(ServeSettings(key=file), {})
    (settings.folder / "key").unlink()
    (settings.folder / "key").mkdir()
    with pytest.raises(UsageError, match="the key"):
        open_keys(settings, {})
    with pytest.raises(UsageError, match="no such key file"):
        open_keys(ServeSettings(key=tmp_path / "none"), {})


def test_memory_for_films_is_bounded() -> None:
    shelf = Shelf(10, Keys(SECRET))
    for name in "abc":
        shelf.put(name, bytes(4))
    assert [shelf.get(name) for name in "abc"] == [None, bytes(4), bytes(4)]
    shelf.get("b")
    shelf.put("d", bytes(4))  # b was looked at since c was
    assert [shelf.get(name) for name in "bcd"] == [bytes(4), None, bytes(4)]
    shelf.put("large", bytes(11))
    assert shelf.get("large") is None
    shelf.drop(["b", "d", "unknown"])
    assert shelf._bytes == 0
