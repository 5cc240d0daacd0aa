"""Encryption, keyed hashes, and where the secret comes from."""

from __future__ import annotations

import base64
import errno
import hmac
import os
from pathlib import Path
from typing import NoReturn

import pytest

from pneumoscope.errors import UsageError
from pneumoscope.jobs.keys import VARIABLE, Keys, open_keys

SECRET = bytes(range(32))


def test_a_signature_that_is_no_text_does_not_fit() -> None:
    assert not Keys(bytes(32)).has_signed(b"manifest", "\ufffd" * 64)


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
    file.chmod(0o600)
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


def test_spaces_and_the_form_of_letters_make_no_difference() -> None:
    keys = Keys(SECRET)
    composed, decomposed = (
        "Bj\N{LATIN SMALL LETTER O WITH DIAERESIS}rk",
        "Bjo\N{COMBINING DIAERESIS}rk",
    )
    assert composed != decomposed
    assert keys.fingerprint(composed) == keys.fingerprint(f"  {decomposed}\n")
    assert keys.fingerprint("Bjork") != keys.fingerprint(composed)
    assert keys.fingerprint("bjork") != keys.fingerprint("Bjork")


def test_the_hash_is_hmac_sha_256_of_a_derived_key() -> None:
    # printf 'pneumoscope fingerprint 1' | openssl dgst -sha256 -mac HMAC -macopt hexkey:000102...1f,
    # and its result as the key of printf 4711.
    mark = hmac.new(SECRET, b"pneumoscope fingerprint 1", "sha256").digest()
    assert Keys(SECRET).fingerprint("4711") == hmac.new(mark, b"4711", "sha256").hexdigest()
    assert Keys(SECRET).audit != mark


@pytest.mark.parametrize("at", [0, 11, 12, -1])
def test_a_changed_byte_is_noticed(at: int) -> None:
    keys = Keys(SECRET)
    sealed = bytearray(keys.seal(b"Doe", "row"))
    sealed[at] ^= 1
    with pytest.raises(ValueError, match="another key, or changed"):
        keys.open(bytes(sealed), "row")


def test_the_key_of_another_process_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = base64.b64encode(SECRET)

    def link(_part: Path, path: Path) -> None:
        path.write_bytes(theirs)  # they were faster
        path.chmod(0o600)
        raise FileExistsError

    monkeypatch.setattr(os, "link", link)
    sealed = open_keys(tmp_path, environ={}).seal(b"x", "y")
    assert Keys(SECRET).open(sealed, "y") == b"x"
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_a_key_that_cannot_be_written_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            open_keys(tmp_path, environ={})
    assert list(tmp_path.iterdir()) == []
    open_keys(tmp_path, environ={})
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_what_a_kill_left_of_a_key_does_not_stop_the_next_start(tmp_path: Path) -> None:
    # In a container, every start has the same process id.
    (tmp_path / f".key.{os.getpid()}.part").write_bytes(b"half")
    sealed = open_keys(tmp_path, environ={}).seal(b"x", "y")
    assert open_keys(tmp_path, environ={}).open(sealed, "y") == b"x"
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_a_key_file_comes_before_the_variable_and_the_variable_before_the_folder(
    tmp_path: Path,
) -> None:
    texts = [base64.b64encode(bytes([i]) * 32).decode() for i in range(3)]
    (tmp_path / "key").write_text(texts[0])
    (tmp_path / "other").write_text(f" {texts[2]} \n")
    for name in ("key", "other"):
        (tmp_path / name).chmod(0o600)

    def used(key: Path | None, environ: dict[str, str]) -> int:
        sealed = open_keys(tmp_path, key, environ).seal(b"x", "y")
        for i in range(3):
            try:
                Keys(bytes([i]) * 32).open(sealed, "y")
            except ValueError:
                continue
            return i
        raise AssertionError("another key")

    assert used(None, {}) == used(None, {VARIABLE: ""}) == 0
    assert used(None, {VARIABLE: texts[1]}) == 1
    assert used(tmp_path / "other", {VARIABLE: texts[1]}) == 2
    with pytest.raises(UsageError, match="the key has 3 bytes") as error:
        open_keys(tmp_path, environ={VARIABLE: base64.b64encode(b"abc").decode()})
    assert "openssl rand -base64 32" in error.value.hint


def test_a_credential_of_the_service_manager_may_look_as_if_a_group_could_read_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As of systemd 254 and later, for services with a user of their own.
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    elsewhere = tmp_path / "key"
    for file in (credentials / "key", elsewhere):
        file.write_bytes(base64.b64encode(SECRET))
        file.chmod(0o440)
    with pytest.raises(UsageError, match="mode 440"):
        open_keys(tmp_path, credentials / "key")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    assert open_keys(tmp_path, credentials / "key").ids == Keys(SECRET).ids
    with pytest.raises(UsageError, match="mode 440"):
        open_keys(tmp_path, elsewhere)
    (credentials / "key").chmod(0o444)
    with pytest.raises(UsageError, match="mode 444"):
        open_keys(tmp_path, credentials / "key")
