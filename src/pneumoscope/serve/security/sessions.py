"""Sessions of the page: a random cookie; the database contains only its hash."""

from __future__ import annotations

import hashlib
import re
import secrets
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from pneumoscope.jobs.clock import steady_s
from pneumoscope.jobs.tables import Base
from pneumoscope.serve.security.accounts import Account, User, user_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sqlalchemy import Engine
    from starlette.responses import Response

IDLE_S = 30 * 60
"""Time without use after which a session ends: OWASP Session Management, low to medium risk."""
ABSOLUTE_S = 12 * 60 * 60
"""Time after which every session ends: one shift."""
_ID_DIGITS = 32
_BACK_S = 300
"""A clock that was set back by more than this ends sessions: their age is not known."""
_MOST_KNOWN = 10_000
_TOUCH_S = 60
"""The time of last use is stored at most once in this time."""
_SECRET = re.compile(rb"[A-Za-z0-9_-]{43}")
"""What `Sessions.open` makes."""


@dataclass(frozen=True, slots=True)
class _Known:
    """When this process has seen a session first and last, by the clock that never jumps."""

    first: float
    seen: float


class Login(Base):
    """One open session, valid for one generation of its account (`Account.generation`)."""

    __tablename__ = "sessions"

    sha256: Mapped[str] = mapped_column(primary_key=True)
    account: Mapped[str] = mapped_column(index=True)
    created: Mapped[float]
    seen: Mapped[float]
    generation: Mapped[int] = mapped_column(server_default="1")

    @property
    def id(self) -> str:
        """What the session is called where it is listed; its cookie cannot be found from it."""
        return session_id(self.sha256)


def session_id(sha256: str) -> str:
    """The id of a session, from the SHA-256 of its cookie: its first 32 digits."""
    return sha256[:_ID_DIGITS]


def cookie_name(tls: bool) -> str:
    """Name of the cookie; ``__Host-`` makes browsers require Secure, this host and the path ``/``."""
    return "__Host-pneumoscope" if tls else "pneumoscope"


def only_session_cookie(
    headers: Iterable[tuple[bytes, bytes]], *, tls: bool
) -> list[tuple[bytes, bytes]]:
    """The headers of a request without any cookie but that of a session.

    Python before 3.11.10 and 3.12.6 takes minutes for a cookie with many backslashes
    (CVE-2024-7592), and whatever uses a request may look at its cookies.

    Args:
        headers: Names, in lower case, and values.
        tls: See `cookie_name`.
    """
    name, secret = cookie_name(tls).encode(), b""
    others = []
    for header, value in headers:
        if header != b"cookie":
            others.append((header, value))
            continue
        for cookie in value.split(b";"):
            key, _, text = (part.strip() for part in cookie.partition(b"="))
            if key == name and _SECRET.fullmatch(text):
                secret = text  # the last counts, as for `Request.cookies`
    return [*others, (b"cookie", name + b"=" + secret)] if secret else others


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
        steady: Seconds of a clock that never jumps: a session ends by both clocks, whichever is first.
        require_second_factor: Whether sessions of accounts without a second factor are not valid.
    """

    def __init__(
        self,
        engine: Engine,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = steady_s,
        *,
        require_second_factor: bool = False,
    ) -> None:
        self.engine = engine
        self.clock = clock
        self.steady = steady
        self._known: dict[str, _Known] = {}  # by SHA-256
        self._lock = threading.Lock()
        self.require_second_factor = require_second_factor

    def open(self, account: Account) -> str:
        """Opens a session; returns the value of its cookie, which is stored nowhere. Deletes ended ones.

        Args:
            account: As it was when its password was checked: if the password is changed meanwhile,
                the session is not valid.
        """
        secret = secrets.token_urlsafe(32)
        now = self.clock()
        self._ended_steadily(digest(secret), use=True)  # its time begins
        with Session(self.engine) as db, db.begin():
            db.execute(
                delete(Login).where(
                    (Login.seen <= now - IDLE_S) | (Login.created <= now - ABSOLUTE_S)
                )
            )
            db.add(
                Login(
                    sha256=digest(secret),
                    account=account.id,
                    created=now,
                    seen=now,
                    generation=account.generation,
                )
            )
        return secret

    def admits(self, account: Account) -> bool:
        """Whether an account may have sessions: not without a second factor where one is required."""
        return account.totp is not None or not self.require_second_factor

    def find(self, secret: str, *, use: bool = True) -> User | None:
        """The user of a session; None if it has ended or the account is disabled.

        Args:
            secret: The value of the cookie.
            use: Whether this counts as a use, so that the session is not idle.
        """
        now = self.clock()
        with Session(self.engine) as db:
            row = db.execute(
                select(Login, Account)
                .join(Account, Account.id == Login.account)
                .where(
                    Login.sha256 == digest(secret),
                    Login.generation == Account.generation,
                    Account.disabled.is_(False),
                )
            ).first()
            if row is None:
                return None
            login, account = row
            if not self.admits(account):
                return None
            if not -_BACK_S <= now - login.seen < IDLE_S:
                return None
            if not -_BACK_S <= now - login.created < ABSOLUTE_S:
                return None
            if self._ended_steadily(login.sha256, use=use):
                return None
            until = account.first_password_until
            if until is not None and now >= until:
                return None
            user = user_of(account)
            if use and now - login.seen >= _TOUCH_S:
                login.seen = now
                db.commit()
            return user

    def _ended_steadily(self, sha256: str, *, use: bool) -> bool:
        """Whether a session has ended by the clock that never jumps, since this process knows it."""
        now = self.steady()
        with self._lock:
            known = self._known.get(sha256) or _Known(now, now)
            if now - known.seen >= IDLE_S or now - known.first >= ABSOLUTE_S:
                return True
            self._known[sha256] = _Known(known.first, now if use else known.seen)
            if len(self._known) > _MOST_KNOWN:
                self._known = {
                    key: value
                    for key, value in self._known.items()
                    if now - value.first < ABSOLUTE_S
                }
        return False

    def list(self, account_id: str | None = None) -> list[Login]:
        """Open sessions of all accounts or of one, last used first."""
        now = self.clock()
        query = (
            select(Login)
            .join(Account, Account.id == Login.account)
            .where(
                Login.generation == Account.generation,
                Account.disabled.is_(False),
                Login.seen > now - IDLE_S,
                Login.created > now - ABSOLUTE_S,
            )
            .order_by(Login.seen.desc(), Login.sha256)
        )
        if account_id is not None:
            query = query.where(Login.account == account_id)
        with Session(self.engine, expire_on_commit=False) as db:
            return [*db.scalars(query)]

    def close_id(self, id_: str, account_id: str | None = None) -> bool:
        """Ends the session with this id, of one account or of any; False if there is none."""
        chosen = [login for login in self.list(account_id) if login.id == id_]
        with Session(self.engine) as db, db.begin():
            for login in chosen:
                db.execute(delete(Login).where(Login.sha256 == login.sha256))
        return bool(chosen)

    def close(self, secret: str) -> None:
        """Ends one session."""
        with Session(self.engine) as db, db.begin():
            db.execute(delete(Login).where(Login.sha256 == digest(secret)))

    def close_all(self, account_id: str, besides: str | None = None) -> int:
        """Ends all sessions of an account; returns their number.

        Args:
            account_id: The account.
            besides: The cookie of a session that stays open.
        """
        kept = "" if besides is None else digest(besides)
        chosen = (Login.account == account_id) & (Login.sha256 != kept)
        with Session(self.engine) as db, db.begin():
            number = db.scalar(select(func.count()).select_from(Login).where(chosen)) or 0
            db.execute(delete(Login).where(chosen))
        return number


def digest(secret: str) -> str:
    """What the database knows of a cookie."""
    # The secret has 256 random bits, so a plain hash cannot be searched.
    return hashlib.sha256(secret.encode()).hexdigest()
