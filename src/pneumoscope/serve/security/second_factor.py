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
MOST_FAILURES = 50
"""Wrong codes in a row, each with the right password, after which no code is accepted.

NIST SP 800-63B-4, 3.2.2, allows 100. Waiting alone does not suffice: somebody who knows the password could try
thousands of codes a day from several addresses, and three of a million are right at any moment.
"""


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
        strict: A code counts within its own step only; by default also in the step before and the one
            after it, for telephones whose clock is off and for people who type slowly.
    """

    def __init__(
        self,
        engine: Engine,
        keys: Keys,
        clock: Callable[[], float] = time.time,
        *,
        strict: bool = False,
    ) -> None:
        self.engine = engine
        self.keys = keys
        self.clock = clock
        self._steps_off = 0 if strict else _STEPS_OFF

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
        """Whether a code is right and was not used before; using it ends its validity.

        Args:
            account: As it was when its password was found to be right.
            code: As it was typed; an empty one does not count as a wrong one.
        """
        if account.totp is None:
            return True
        if not code or not self._count(account):
            return False
        try:
            secret = self.keys.open(account.totp, sealed_place(account))
        except ValueError:  # encrypted with another key
            return False
        code = "".join(code.split())
        now = int(self.clock() // STEP_S)
        for step in range(now - self._steps_off, now + self._steps_off + 1):
            if hmac.compare_digest(code_at(secret, step).encode(), code.encode("utf-8", "replace")):
                return self._use(account, step)
        return False

    @staticmethod
    def is_locked(account: Account) -> bool:
        """Whether there were too many wrong codes: an administrator has to give a new secret."""
        return account.totp is not None and account.totp_failures >= MOST_FAILURES

    def _count(self, account: Account) -> bool:
        """Counts a code as wrong before it is compared, so that codes at the same moment count, too."""
        with Session(self.engine) as db, db.begin():
            allowed = (Account.id == account.id) & (Account.totp_failures < MOST_FAILURES)
            statement = update(Account).where(allowed)
            more = Account.totp_failures + 1
            return bool(changed_rows(db, statement.values(totp_failures=more)))

    def _use(self, account: Account, step: int) -> bool:
        with Session(self.engine) as db, db.begin():
            unused = Account.totp_step.is_(None) | (Account.totp_step < step)
            statement = update(Account).where(Account.id == account.id, unused)
            return bool(changed_rows(db, statement.values(totp_step=step, totp_failures=0)))

    def _store(self, account: Account, sealed: bytes | None, record: Record) -> None:
        with Session(self.engine) as db, db.begin():
            statement = update(Account).where(Account.id == account.id)
            # Sessions and tokens opened without it, or with another one, end.
            generation = Account.generation + 1
            db.execute(
                statement.values(
                    totp=sealed, totp_step=None, totp_failures=0, generation=generation
                )
            )
            record(user_of(account, "command"))


def sealed_place(account: Account) -> str:
    """What the secret of an account is sealed for, see `Keys.seal`."""
    return f"totp {account.id}"
