"""Accounts: names, roles and passwords of the people who use the server.

Every change calls ``record`` before it is committed, in the same transaction: if the line in the audit
log cannot be written, nothing changes.
"""

from __future__ import annotations

import re
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import LargeBinary, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from pneumoscope.errors import AccountError
from pneumoscope.jobs.database import changed_rows
from pneumoscope.jobs.tables import Base
from pneumoscope.serve.security.passwords import MAX_PASSWORD, check_password, normalised

if TYPE_CHECKING:
    from sqlalchemy import Engine

VIEWER, OPERATOR, ADMIN = ROLES = ("viewer", "operator", "admin")
"""A viewer sees results; an operator also sends and deletes films; an admin also sees the
status of a DICOM node."""
FIRST_PASSWORD_DAYS = 7
"""Days for which a password is valid that an administrator has set; ASVS 5.0, 6.4.1: a short time."""
_NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")
_AT_ONCE = threading.BoundedSemaphore(2)
"""Few at a time: argon2id takes 64 MiB for each (RFC 9106, second recommended option)."""


class Account(Base):
    """One person's account.

    Attributes:
        id: Owner of results; never reused.
        name: Name for signing in.
        role: One of `ROLES`.
        password: Its argon2id hash.
        disabled: Whether the account is closed.
        created: Seconds since 1970.
        changed: Time of the last change, likewise.
        generation: Counts changes of the password and closures: a session or token is valid only for
            the generation in which it was opened.
        first_password_until: End of the validity of a password that an administrator has set; None
            for one that the user has chosen.
        totp: Secret of the second factor, encrypted; None without one.
        totp_step: The last time step whose code was used: each code is valid once.
        totp_failures: Wrong codes in a row that came with the right password.
    """

    __tablename__ = "accounts"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    role: Mapped[str]
    password: Mapped[str]
    disabled: Mapped[bool] = mapped_column(default=False)
    created: Mapped[float]
    changed: Mapped[float]
    generation: Mapped[int] = mapped_column(server_default="1")
    first_password_until: Mapped[float | None]
    totp: Mapped[bytes | None] = mapped_column(LargeBinary)
    totp_step: Mapped[int | None]
    totp_failures: Mapped[int] = mapped_column(server_default="0")


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


Record = Callable[[User], object]
"""Writes a line about a user into the audit log."""


def no_record(_user: User) -> None:
    """For changes that leave their line elsewhere."""


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

    def add(
        self, name: str, password: str, role: str = "operator", record: Record = no_record
    ) -> User:
        """Makes an account; its user has to choose another password within `FIRST_PASSWORD_DAYS`.

        Raises:
            AccountError: The name is taken or malformed, the role unknown, the password weak.
        """
        name = _checked_name(name)
        _check_role(role)
        now = self.clock()
        account = Account(
            id=uuid.uuid4().hex, name=name, role=role, password=self._hash(name, password),
            disabled=False, created=now, changed=now, generation=1,
            first_password_until=now + FIRST_PASSWORD_DAYS * 86400, totp_failures=0,
        )  # fmt: skip
        try:
            with Session(self.engine, expire_on_commit=False) as db, db.begin():
                db.add(account)
                db.flush()
                record(user_of(account, "command"))
        except IntegrityError:
            raise _taken(name) from None
        return user_of(account, "command")

    def check_new(self, name: str, role: str) -> None:
        """Whether an account can be made, before anybody types its password.

        Raises:
            AccountError: The name is taken or malformed, or the role unknown.
        """
        name = _checked_name(name)
        _check_role(role)
        if any(account.name == name for account in self.list()):
            raise _taken(name)

    def set_password(self, name: str, password: str, record: Record = no_record) -> User:
        """Sets a password for a user, who has to choose another one within `FIRST_PASSWORD_DAYS`.

        Every session and token that was opened before is no longer valid.

        Raises:
            AccountError: No such user, or the password is weak.
        """
        hashed = self._hash(_checked_name(name), password)
        return self._change(
            name, record, password=hashed, generation=Account.generation + 1,
            first_password_until=self.clock() + FIRST_PASSWORD_DAYS * 86400,
        )  # fmt: skip

    def choose_password(
        self, account: Account, password: str, record: Record = no_record
    ) -> Account:
        """Sets the password that a user has chosen; returns the account of the next generation.

        Every session and token that was opened before is no longer valid.

        Args:
            account: As `check` returned it for the current password.
            password: The new one.
            record: Called before the change is committed.

        Raises:
            AccountError: The password is weak or the current one, or somebody has changed it
                meanwhile.
        """
        with _AT_ONCE:
            present = self._fits(account.password, password)
        if present:
            raise AccountError("the new password is the current one", "Choose another one.")
        hashed = self._hash(account.name, password)
        with Session(self.engine, expire_on_commit=False) as db, db.begin():
            # Somebody who knows an old password must not overwrite a new one at the same moment.
            statement = (
                update(Account)
                .where(Account.id == account.id, Account.generation == account.generation)
                .values(
                    password=hashed, generation=Account.generation + 1, changed=self.clock(),
                    first_password_until=None,
                )
            )  # fmt: skip
            if not changed_rows(db, statement):
                raise AccountError("the password was changed meanwhile", "Sign in again.")
            current = _named(db, account.name)
            record(user_of(current))
        return current

    def set_role(self, name: str, role: str, record: Record = no_record) -> User:
        """Changes what a user may do.

        Raises:
            AccountError: No such user or role.
        """
        _check_role(role)
        return self._change(name, record, role=role)

    def set_disabled(self, name: str, *, disabled: bool, record: Record = no_record) -> User:
        """Disables an account, or enables it again; earlier sessions and tokens stay invalid.

        Raises:
            AccountError: No such user.
        """
        return self._change(
            name, record, disabled=disabled, generation=Account.generation + int(disabled)
        )

    def delete(self, name: str, record: Record = no_record) -> User:
        """Deletes an account; its sessions and tokens are no longer valid.

        Raises:
            AccountError: No such user; or the last account, without which everybody could use the
                server.
        """
        with Session(self.engine, expire_on_commit=False) as db, db.begin():
            account = _named(db, name)
            if db.scalar(select(func.count()).select_from(Account)) == 1:
                raise AccountError(
                    f"user {account.name}: the last account",
                    "Without accounts the server is open. Add another one first, or disable this one.",
                )
            db.delete(account)
            db.flush()
            user = user_of(account, "command")
            record(user)
        return user

    def check(self, name: str, password: str) -> Account | None:
        """The account, if name and password fit; takes the same time if they do not."""
        name = name.strip().lower()
        account = None
        if _NAME.fullmatch(name):
            with Session(self.engine, expire_on_commit=False) as db:
                account = db.scalar(select(Account).where(Account.name == name))
        hashed = account.password if account else self._nobody
        with _AT_ONCE:
            fits = self._fits(hashed, password)
        if account is None or not fits or account.disabled:
            return None
        if self.hasher.check_needs_rehash(hashed):
            self._rehash(account.id, hashed, self.hasher.hash(normalised(password)))
        return account

    def expired(self, account: Account) -> bool:
        """Whether an administrator has set the password, and the time to choose another is over."""
        until = account.first_password_until
        return until is not None and self.clock() >= until

    def _rehash(self, id_: str, old: str, new: str) -> None:
        """Stores a stronger hash, unless the password was changed meanwhile."""
        with Session(self.engine) as db, db.begin():
            statement = update(Account).where(Account.id == id_, Account.password == old)
            db.execute(statement.values(password=new))

    @cached_property
    def _nobody(self) -> str:
        """A hash to compare with if there is no such user."""
        return self.hasher.hash(uuid.uuid4().hex)

    def _fits(self, hashed: str, password: str) -> bool:
        try:
            text = normalised(password)  # may be longer than what was typed
            return self.hasher.verify(hashed, text[:MAX_PASSWORD]) and len(text) <= MAX_PASSWORD
        except (VerificationError, InvalidHashError, UnicodeError):  # half of a surrogate pair
            return False

    def _hash(self, name: str, password: str) -> str:
        password = check_password(name, password)
        with _AT_ONCE:
            return self.hasher.hash(password)

    def _change(self, name: str, record: Record, **values: object) -> User:
        with Session(self.engine, expire_on_commit=False) as db, db.begin():
            account = _named(db, name)
            for key, value in values.items():
                setattr(account, key, value)
            account.changed = self.clock()
            db.flush()
            user = user_of(account, "command")
            record(user)
        return user


def _named(db: Session, name: str) -> Account:
    account = db.scalar(select(Account).where(Account.name == name.strip().lower()))
    if account is None:
        raise AccountError(f"user {name}: no such user", "See `pneumoscope user list`.")
    return account


def _taken(name: str) -> AccountError:
    return AccountError(
        f"user {name}: exists already",
        "Choose another name, or change it with `pneumoscope user password`.",
    )


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
