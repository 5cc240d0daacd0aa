"""Settings of a server, from arguments and the environment."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pneumoscope.errors import UsageError
from pneumoscope.serve.settings import ServeSettings, from_env


def test_the_environment_and_what_wins_over_it(tmp_path: Path) -> None:
    env = {
        "XDG_STATE_HOME": str(tmp_path),
        "PNEUMOSCOPE_SERVE_PORT": "9000",
        "PNEUMOSCOPE_SERVE_MAX_FILES": "7",
        "PNEUMOSCOPE_SERVE_KEEP_FILMS": "true",
        "PNEUMOSCOPE_SERVE_MAX_WAIT_MS": "2.5",
        "PNEUMOSCOPE_SERVE_BUNDLE": os.pathsep.join(("children", "/models/other")),
    }
    settings = from_env(env, host=None, port=9001)
    assert (settings.host, settings.port, settings.limits.max_files) == ("127.0.0.1", 9001, 7)
    assert (settings.keep_films, settings.max_wait_ms) == (True, 2.5)
    assert settings.bundle == ("children", "/models/other")
    assert from_env(env, bundle=("mine",)).bundle == ("mine",)
    assert settings.folder == tmp_path / "pneumoscope"
    assert settings.database_url == f"sqlite:///{tmp_path}/pneumoscope/reading-room.sqlite"


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
    with pytest.raises(UsageError) as error:
        from_env(env)
    assert error.value.hint


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        ("PORT", "many", "a whole number"),
        ("KEEP_FILMS", "perhaps", "true or false"),
        ("DEADLINE_S", "soon", "a number"),
    ],
)
def test_a_variable_of_another_type_says_what_is_needed(name: str, text: str, wanted: str) -> None:
    with pytest.raises(UsageError) as error:
        from_env({f"PNEUMOSCOPE_SERVE_{name}": text})
    assert error.value.message == f"PNEUMOSCOPE_SERVE_{name}={text}: is not {wanted}"
    assert error.value.hint == f"Give {wanted}, or remove the variable."


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True), ("localhost", True), ("::1", True), ("127.8.9.1", True),
        ("0.0.0.0", False), ("::", False), ("10.0.0.5", False), ("ward.example", False),
    ],
)  # fmt: skip
def test_what_is_loopback(host: str, loopback: bool) -> None:
    assert ServeSettings(host=host).loopback is loopback
