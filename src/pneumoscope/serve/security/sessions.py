"""Sessions of the page: a random cookie; the database contains only its hash."""

from __future__ import annotations

import hashlib
import secrets
import time
from typing import TYPE_CHECKING

from sqlalchemy import delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from pneumoscope.jobs.tables import Base
from pneumoscope.serve.security.accounts import Account, User, user_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine
    from starlette.responses import Response

IDLE_S = 30 * 60
"""Time without use after which a session ends: OWASP Session Management, low to medium risk."""
ABSOLUTE_S = 12 * 60 * 60
"""Time after which every session ends: one shift."""
_TOUCH_S = 60
"""The time of last use is stored at most once in this time."""


class Login(Base):
    """One open session."""

    __tablename__ = "sessions"

    sha256: Mapped[str] = mapped_column(primary_key=True)
    account: Mapped[str] = mapped_column(index=True)
    created: Mapped[float]
    seen: Mapped[float]


def cookie_name(tls: bool) -> str:
    """Name of the cookie; ``__Host-`` makes browsers require Secure, this host and the path ``/``."""
    return "__Host-pneumoscope" if tls else "pneumoscope"


def set_cookie(response: Response, secret: str, *, tls: bool) -> None:
    """Sets the cookie of a session; an empty secret deletes it."""
    response.set_cookie(
        cookie_name(tls), secret, max_age=ABSOLUTE_S if secret else 0, path="/", secure=tls,
        httponly=True, samesite="strict",
    )  # fmt: skip


class Sessions:
    """Sessions in the database.

    Args:
        engine: The database; its tables exist.
        clock: Seconds since 1970.
        idle_s: See `IDLE_S`.
        absolute_s: See `ABSOLUTE_S`.
    """

    def __init__(
        self,
        engine: Engine,
        clock: Callable[[], float] = time.time,
        idle_s: float = IDLE_S,
        absolute_s: float = ABSOLUTE_S,
    ) -> None:
        self.engine = engine
        self.clock = clock
        self.idle_s = idle_s
        self.absolute_s = absolute_s

    def open(self, user: User) -> str:
        """Opens a session; returns the value of its cookie, which is stored nowhere. Deletes ended ones."""
        secret = secrets.token_urlsafe(32)
        now = self.clock()
        with Session(self.engine) as db, db.begin():
            db.execute(
                delete(Login).where(
                    (Login.seen <= now - self.idle_s) | (Login.created <= now - self.absolute_s)
                )
            )
            db.add(Login(sha256=_hash(secret), account=user.id, created=now, seen=now))
        return secret

    def find(self, secret: str) -> User | None:
        """The user of a session; None if it has ended or the account is disabled."""
        now = self.clock()
        with Session(self.engine) as db:
            row = db.execute(
                select(Login, Account)
                .join(Account, Account.id == Login.account)
                .where(Login.sha256 == _hash(secret), Account.disabled.is_(False))
            ).first()
            if row is None:
                return None
            login, account = row
            if now - login.seen >= self.idle_s or now - login.created >= self.absolute_s:
                return None
            user = user_of(account)
            if now - login.seen >= _TOUCH_S:
                login.seen = now
                db.commit()
            return user

    def close(self, secret: str) -> None:
        """Ends one session."""
        with Session(self.engine) as db, db.begin():
            db.execute(delete(Login).where(Login.sha256 == _hash(secret)))

    def close_all(self, account_id: str) -> int:
        """Ends all sessions of an account; returns their number."""
        with Session(self.engine) as db, db.begin():
            sessions = list(db.scalars(select(Login.sha256).where(Login.account == account_id)))
            db.execute(delete(Login).where(Login.account == account_id))
            return len(sessions)


def _hash(secret: str) -> str:
    # The secret has 256 random bits, so a plain hash cannot be searched.
    return hashlib.sha256(secret.encode()).hexdigest()
