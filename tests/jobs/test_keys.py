"""Encryption, keyed hashes, and where the secret comes from."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from pneumoscope.errors import UsageError
from pneumoscope.jobs.keys import VARIABLE, Keys, open_keys

SECRET = bytes(range(32))


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


def test_the_key_of_a_film_names_film_and_bundle_but_shows_neither() -> None:
    keys = Keys(SECRET)
    key = keys.idempotency_key("1.2.840.113", "ab" * 32)
    assert key == keys.idempotency_key(" 1.2.840.113 ", "ab" * 32)
    assert len(key) == 64
    assert "1.2.840" not in key
    others = {
        keys.idempotency_key("1.2.840.114", "ab" * 32),
        keys.idempotency_key("1.2.840.113", "cd" * 32),
        Keys(SECRET[::-1]).idempotency_key("1.2.840.113", "ab" * 32),
    }
    assert len(others | {key}) == 4


def test_where_the_key_comes_from(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    sealed = open_keys(folder, environ={}).seal(b"x", "y")
    made = folder / "key"
    assert made.stat().st_mode & 0o777 == 0o600
    assert open_keys(folder, environ={}).open(sealed, "y") == b"x"
    text = base64.b64encode(SECRET).decode()
    sealed = Keys(SECRET).seal(b"x", "y")
    assert open_keys(folder, environ={VARIABLE: text}).open(sealed, "y") == b"x"
    file = tmp_path / "key"
    file.write_text(text + "\n")
    assert open_keys(folder, file, {}).open(sealed, "y") == b"x"
    for wrong in ("", "short", base64.b64encode(SECRET[:16]).decode(), "\N{SNOWMAN}" * 44):
        file.write_text(wrong)
        with pytest.raises(UsageError, match="key"):
            open_keys(folder, file, {})
    made.unlink()
    made.mkdir()
    with pytest.raises(UsageError, match="the key"):
        open_keys(folder, environ={})
    with pytest.raises(UsageError, match="no such key file"):
        open_keys(folder, tmp_path / "none", {})
