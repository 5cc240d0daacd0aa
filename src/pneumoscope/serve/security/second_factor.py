"""A second factor: one-time codes by time (TOTP, RFC 6238), as authenticator apps make them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import struct
import time
from typing import TYPE_CHECKING
from urllib.parse import quote

from sqlalchemy import update
from sqlalchemy.orm import Session

from pneumoscope.jobs.database import changed_rows
from pneumoscope.serve.security.accounts import Account, Record, no_record, user_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine

    from pneumoscope.jobs.keys import Keys

STEP_S = 30
DIGITS = 6
"""Both as in RFC 6238, 4.1 and 5.3, and in every authenticator app."""
_SECRET_BYTES = 20  # RFC 4226, 4: 160 bits are recommended
_STEPS_OFF = 1  # RFC 6238, 5.2: at most one step for a slow network


def code_at(secret: bytes, step: int) -> str:
    """The code of a time step (RFC 4226, 5.3).

    Args:
        secret: Shared with the app.
        step: Seconds since 1970, divided by `STEP_S`.
    """
    digest = hmac.digest(secret, struct.pack(">Q", step), hashlib.sha1)
    offset = digest[-1] & 0xF
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**DIGITS:0{DIGITS}d}"


class SecondFactor:
    """Secrets of the second factor; the database has them encrypted.

    Args:
        engine: The database; its tables exist.
        keys: Encrypt the secrets.
        clock: Seconds since 1970.
    """

    def __init__(self, engine: Engine, keys: Keys, clock: Callable[[], float] = time.time) -> None:
        self.engine = engine
        self.keys = keys
        self.clock = clock

    def enrol(self, account: Account, record: Record = no_record) -> str:
        """Gives an account a new secret; returns the address that an app reads from a QR code."""
        secret = secrets.token_bytes(_SECRET_BYTES)
        self._store(account, self.keys.seal(secret, sealed_place(account)), record)
        text = base64.b32encode(secret).decode().rstrip("=")
        label = quote(f"pneumoscope:{account.name}")
        return f"otpauth://totp/{label}?secret={text}&issuer=pneumoscope"

    def remove(self, account: Account, record: Record = no_record) -> None:
        """Removes the second factor of an account."""
        self._store(account, None, record)

    def check(self, account: Account, code: str) -> bool:
        """Whether a code is right and was not used before; using it ends its validity."""
        if account.totp is None:
            return True
        try:
            secret = self.keys.open(account.totp, sealed_place(account))
        except ValueError:  # encrypted with another key
            return False
        code = "".join(code.split())
        now = int(self.clock() // STEP_S)
        for step in range(now - _STEPS_OFF, now + _STEPS_OFF + 1):
            if hmac.compare_digest(code_at(secret, step).encode(), code.encode("utf-8", "replace")):
                return self._use(account, step)
        return False

    def _use(self, account: Account, step: int) -> bool:
        with Session(self.engine) as db, db.begin():
            unused = Account.totp_step.is_(None) | (Account.totp_step < step)
            statement = update(Account).where(Account.id == account.id, unused)
            return bool(changed_rows(db, statement.values(totp_step=step)))

    def _store(self, account: Account, sealed: bytes | None, record: Record) -> None:
        with Session(self.engine) as db, db.begin():
            statement = update(Account).where(Account.id == account.id)
            # Sessions and tokens opened without it, or with another one, end.
            generation = Account.generation + 1
            db.execute(statement.values(totp=sealed, totp_step=None, generation=generation))
            record(user_of(account, "command"))


def sealed_place(account: Account) -> str:
    """What the secret of an account is sealed for, see `Keys.seal`."""
    return f"totp {account.id}"
