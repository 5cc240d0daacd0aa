"""API tokens for programs, with limited scopes and a limited life."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Mapped, Session, mapped_column

from pneumoscope.errors import AccountError
from pneumoscope.jobs.tables import Base
from pneumoscope.serve.security.accounts import Account, User, user_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from sqlalchemy import Engine

SCOPES = {
    "read": "results, renderings, exports and the model",
    "predict": "films sent in",
    "delete": "results deleted and jobs cancelled",
    "metrics": "/metrics only",
}
"""What a token may be limited to. A token never allows more than the role of its user."""
MAX_DAYS = 365
PREFIX = "pnsc"
"""By this prefix, secret scanners recognise a token that was published by mistake."""
_SHAPE = re.compile(rf"{PREFIX}_([0-9a-f]{{12}})_[A-Za-z0-9_-]{{43}}")
_TOUCH_S = 3600


class Token(Base):
    """One token, valid for one generation of its account. Its text is shown only once."""

    __tablename__ = "tokens"

    id: Mapped[str] = mapped_column(primary_key=True)
    sha256: Mapped[str]
    account: Mapped[str] = mapped_column(index=True)
    name: Mapped[str]
    scopes: Mapped[str]
    created: Mapped[float]
    expires: Mapped[float]
    revoked: Mapped[float | None]
    used: Mapped[float | None]
    generation: Mapped[int] = mapped_column(server_default="1")


class Tokens:
    """Tokens in the database.

    Args:
        engine: The database; its tables exist.
        clock: Seconds since 1970.
    """

    def __init__(self, engine: Engine, clock: Callable[[], float] = time.time) -> None:
        self.engine = engine
        self.clock = clock

    def add(
        self,
        user: User | Account,
        name: str,
        scopes: Collection[str],
        days: float = 90,
        record: Callable[[Token], object] = lambda _token: None,
    ) -> tuple[str, Token]:
        """Makes a token.

        Args:
            user: Its owner.
            name: Its purpose, in words.
            scopes: Keys of `SCOPES`.
            days: Life in days, at most `MAX_DAYS`.
            record: Called before the token is stored, in the same transaction.

        Returns:
            Its text, which is stored nowhere, and its row.

        Raises:
            AccountError: A scope is unknown, there is none, or the life is too long.
        """
        unknown = sorted(set(scopes) - set(SCOPES))
        if unknown or not scopes:
            raise AccountError(
                f"scope {unknown[0]!r}: no such scope" if unknown else "a token needs a scope",
                f"Choose from: {', '.join(SCOPES)}.",
            )
        if not 0 < days <= MAX_DAYS:
            raise AccountError(
                f"{days:g} days: a token is valid for more than 0 and at most {MAX_DAYS} days",
                "Give a number of days such as 30, and make a new token in time.",
            )
        number = secrets.token_hex(6)
        text = f"{PREFIX}_{number}_{secrets.token_urlsafe(32)}"
        now = self.clock()
        row = Token(
            id=number, sha256=_hash(text), account=user.id, name=name,
            scopes=" ".join(sorted(set(scopes))), created=now, expires=now + days * 86400,
            revoked=None, used=None, generation=1,
        )  # fmt: skip
        with Session(self.engine, expire_on_commit=False) as db, db.begin():
            account = db.get(Account, user.id)
            if account is None:
                raise AccountError(
                    f"user {user.name}: no such user", "See `pneumoscope user list`."
                )
            row.generation = account.generation
            db.add(row)
            db.flush()
            record(row)
        return text, row

    def find(self, text: str) -> User | None:
        """The user of a token, with the token's scopes; None if the token is not valid."""
        shape = _SHAPE.fullmatch(text)
        if shape is None:
            return None
        now = self.clock()
        with Session(self.engine) as db:
            row = db.execute(
                select(Token, Account)
                .join(Account, Account.id == Token.account)
                .where(Token.id == shape[1])
            ).first()
            if row is None:
                return None
            token, account = row
            fits = hmac.compare_digest(token.sha256, _hash(text))
            ended = token.revoked or now >= token.expires or token.generation != account.generation
            if not fits or ended or account.disabled:
                return None
            user = user_of(account, f"token:{token.id}", frozenset(token.scopes.split()))
            if token.used is None or now - token.used >= _TOUCH_S:
                token.used = now
                db.commit()
            return user

    def list(self, account_id: str | None = None) -> list[Token]:
        """Tokens of all accounts or of one, newest first, including revoked and expired ones."""
        query = select(Token).order_by(Token.created.desc())
        if account_id is not None:
            query = query.where(Token.account == account_id)
        with Session(self.engine, expire_on_commit=False) as db:
            return list(db.scalars(query))

    def revoke(
        self, token_id: str, record: Callable[[Token], object] = lambda _token: None
    ) -> Token:
        """Revokes a token.

        Args:
            token_id: Its id.
            record: Called before the change is committed, in the same transaction.

        Raises:
            AccountError: There is no token with this id.
        """
        with Session(self.engine, expire_on_commit=False) as db, db.begin():
            token = db.get(Token, token_id)
            if token is None:
                raise AccountError(
                    f"token {token_id}: no such token", "See `pneumoscope token list`."
                )
            token.revoked = token.revoked or self.clock()
            db.flush()
            record(token)
        return token

    def revoke_all(self, account_id: str) -> int:
        """Revokes all tokens of an account; returns their number."""
        valid = [token for token in self.list(account_id) if not token.revoked]
        for token in valid:
            self.revoke(token.id)
        return len(valid)


def _hash(text: str) -> str:
    # The secret has 256 random bits, so a plain hash cannot be searched.
    return hashlib.sha256(text.encode()).hexdigest()
