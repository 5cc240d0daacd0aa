"""Accounts: names, roles and passwords of the people who use the server."""

from __future__ import annotations

import re
import threading
import time
import unicodedata
import uuid
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from pneumoscope.errors import AccountError
from pneumoscope.jobs.tables import Base

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine

VIEWER, OPERATOR, ADMIN = ROLES = ("viewer", "operator", "admin")
"""A viewer sees results; an operator also sends and deletes films; an admin also manages others."""
MIN_PASSWORD = 15
"""Characters; NIST SP 800-63B-4, 3.1.1.2, for a password as the only factor."""
MAX_PASSWORD = 256
"""Characters; the same clause requires at least 64, and a limit keeps the check cheap."""
_NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")
_AT_ONCE = threading.BoundedSemaphore(2)
"""Few at a time: argon2id takes 64 MiB for each (RFC 9106, second recommended option)."""


class Account(Base):
    """One person's account."""

    __tablename__ = "accounts"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    role: Mapped[str]
    password: Mapped[str]
    disabled: Mapped[bool] = mapped_column(default=False)
    created: Mapped[float]
    changed: Mapped[float]


@dataclass(frozen=True, slots=True)
class User:
    """The user of a request.

    Attributes:
        id: Owner of results; never reused.
        name: Name for signing in.
        role: One of `ROLES`.
        via: ``"session"``, ``"token:ID"``, ``"local"`` (loopback without accounts) or ``"command"``.
        scopes: Scopes of a token; None for everything that the role allows.
    """

    id: str
    name: str
    role: str
    via: str = "session"
    scopes: frozenset[str] | None = None

    def may(self, role: str) -> bool:
        """Whether the user's role is at least ``role``."""
        return ROLES.index(self.role) >= ROLES.index(role)


LOCAL = User("local", "local", "admin", "local")
"""The user of a server on loopback without accounts."""
ADMIN_AT_THE_MACHINE = "command"
"""Id of the person who runs commands on the server's machine."""


def user_of(account: Account, via: str = "session", scopes: frozenset[str] | None = None) -> User:
    """The user of an account."""
    return User(account.id, account.name, account.role, via, scopes)


class Accounts:
    """Accounts in the database.

    Args:
        engine: The database; its tables exist.
        clock: Seconds since 1970.
    """

    def __init__(self, engine: Engine, clock: Callable[[], float] = time.time) -> None:
        self.engine = engine
        self.clock = clock
        self.hasher = PasswordHasher()

    def any(self) -> bool:
        """Whether there is an account; disabled ones count, or disabling the last would open the server."""
        with Session(self.engine) as db:
            return db.scalar(select(Account.id).limit(1)) is not None

    def list(self) -> list[Account]:
        """All accounts by name."""
        with Session(self.engine, expire_on_commit=False) as db:
            return list(db.scalars(select(Account).order_by(Account.name)))

    def get(self, name: str) -> Account:
        """The account of this name.

        Raises:
            AccountError: There is no such account.
        """
        with Session(self.engine, expire_on_commit=False) as db:
            return _named(db, name)

    def add(self, name: str, password: str, role: str = "operator") -> User:
        """Makes an account.

        Raises:
            AccountError: The name is taken or malformed, the role unknown, the password weak.
        """
        name = _checked_name(name)
        _check_role(role)
        account = Account(
            id=uuid.uuid4().hex, name=name, role=role, password=self._hash(name, password),
            disabled=False, created=self.clock(), changed=self.clock(),
        )  # fmt: skip
        try:
            with Session(self.engine, expire_on_commit=False) as db, db.begin():
                db.add(account)
        except IntegrityError:
            raise AccountError(
                f"user {name}: exists already",
                "Choose another name, or change it with `pneumoscope user password`.",
            ) from None
        return user_of(account, "command")

    def set_password(self, name: str, password: str) -> User:
        """Changes a password; the caller closes the sessions.

        Raises:
            AccountError: No such user, or the password is weak.
        """
        hashed = self._hash(_checked_name(name), password)
        return self._change(name, password=hashed)

    def set_role(self, name: str, role: str) -> User:
        """Changes what a user may do.

        Raises:
            AccountError: No such user or role.
        """
        _check_role(role)
        return self._change(name, role=role)

    def set_disabled(self, name: str, *, disabled: bool) -> User:
        """Disables an account, or enables it again; the caller closes the sessions.

        Raises:
            AccountError: No such user.
        """
        return self._change(name, disabled=disabled)

    def check(self, name: str, password: str) -> User | None:
        """The user, if name and password fit; takes the same time if they do not."""
        name = name.strip().lower()
        with Session(self.engine, expire_on_commit=False) as db:
            account = db.scalar(select(Account).where(Account.name == name))
        hashed = account.password if account else self._nobody
        with _AT_ONCE:
            fits = self._fits(hashed, password)
        if account is None or not fits or account.disabled:
            return None
        if self.hasher.check_needs_rehash(hashed):
            self._change(name, password=self.hasher.hash(_plain(password)))
        return user_of(account)

    @cached_property
    def _nobody(self) -> str:
        """A hash to compare with if there is no such user."""
        return self.hasher.hash(uuid.uuid4().hex)

    def _fits(self, hashed: str, password: str) -> bool:
        try:
            return self.hasher.verify(hashed, _plain(password)[:MAX_PASSWORD])
        except (VerificationError, InvalidHashError):
            return False

    def _hash(self, name: str, password: str) -> str:
        password = _plain(password)
        hint = "A few words that do not belong together are strong and can be remembered."
        if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
            raise AccountError(
                f"the password has {len(password)} characters, from {MIN_PASSWORD} to "
                f"{MAX_PASSWORD} are needed",
                hint,
            )
        if len(set(password)) < 6 or name in password.lower() or "pneumoscope" in password.lower():
            raise AccountError("the password is too easy to guess", hint)
        with _AT_ONCE:
            return self.hasher.hash(password)

    def _change(self, name: str, **values: object) -> User:
        with Session(self.engine, expire_on_commit=False) as db, db.begin():
            account = _named(db, name)
            for key, value in values.items():
                setattr(account, key, value)
            account.changed = self.clock()
        return user_of(account, "command")


def _named(db: Session, name: str) -> Account:
    account = db.scalar(select(Account).where(Account.name == name.strip().lower()))
    if account is None:
        raise AccountError(f"user {name}: no such user", "See `pneumoscope user list`.")
    return account


def _checked_name(name: str) -> str:
    name = name.strip().lower()
    if not _NAME.fullmatch(name) or name == LOCAL.name:
        raise AccountError(
            f"user name {name!r}: cannot be used",
            "Take 1 to 64 letters a to z, digits and . _ @ -, but not `local`.",
        )
    return name


def _check_role(role: str) -> None:
    if role not in ROLES:
        raise AccountError(f"role {role!r}: no such role", f"Choose one of: {', '.join(ROLES)}.")


def _plain(password: str) -> str:
    """One Unicode form for each character (NIST SP 800-63B-4, 3.1.1.2)."""
    return unicodedata.normalize("NFKC", password)
