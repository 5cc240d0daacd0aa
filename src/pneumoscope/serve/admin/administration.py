"""What an administrator does on the server's machine; every action writes a line in the audit log."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from pneumoscope.audit_log.command_user import command_user
from pneumoscope.audit_log.log import MAJOR, AuditLog, Event
from pneumoscope.errors import AccountError, PneumoscopeError, UsageError
from pneumoscope.jobs.clock import SteadyClock
from pneumoscope.jobs.database import empty_write_ahead_log, unusable
from pneumoscope.jobs.film_store import FilmStore
from pneumoscope.jobs.keys import VARIABLE, Keys, open_keys
from pneumoscope.jobs.reserve import PORTION
from pneumoscope.jobs.store import Store
from pneumoscope.jobs.tables import now
from pneumoscope.serve.admin import privacy
from pneumoscope.serve.security import tls
from pneumoscope.serve.security.accounts import (
    LOCAL,
    Accounts,
    Record,
    User,
    user_of,
)
from pneumoscope.serve.security.audit_setup import open_audit_log
from pneumoscope.serve.security.second_factor import SecondFactor
from pneumoscope.serve.security.sessions import Sessions
from pneumoscope.serve.security.tokens import Token, Tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from pathlib import Path

    from pneumoscope.serve.admin.privacy import PatientData
    from pneumoscope.serve.settings import ServeSettings


_P = ParamSpec("_P")
_R = TypeVar("_R")


def _corrected(
    action: Callable[Concatenate[Administration, _P], _R],
) -> Callable[Concatenate[Administration, _P], _R]:
    """A method whose lines are corrected if it fails, see `Administration.corrected`."""

    @wraps(action)
    def run(self: Administration, /, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        with self.corrected():
            return action(self, *args, **kwargs)

    return run


@dataclass(frozen=True, slots=True)
class Administration:
    """The parts of a server's folder. They can be used while the server runs.

    Attributes:
        store: The database.
        keys: Decrypt names and films, and make keyed hashes of patients' keys.
        audit: The audit log.
        accounts: The accounts.
        sessions: Open sessions.
        tokens: API tokens.
        second_factor: Secrets of authenticator apps.
        film_store: Films on the disk.
    """

    store: Store
    keys: Keys
    audit: AuditLog
    accounts: Accounts
    sessions: Sessions
    tokens: Tokens
    second_factor: SecondFactor
    film_store: FilmStore
    _noted: list[Event] = field(default_factory=list)

    @_corrected
    def add_user(self, name: str, password: str, role: str) -> User:
        """Makes an account. The first one closes a running server, and gets all earlier results.

        Raises:
            AccountError: See `Accounts.add`.
        """
        first = not self.accounts.any()
        user = self.accounts.add(name, password, role, self._line("user add"))
        if first:
            self.store.transfer(LOCAL.id, user.id)
        return user

    @_corrected
    def delete_user(self, name: str) -> tuple[User, int]:
        """Deletes an account with its sessions, tokens, results and films.

        Returns:
            The user, and the number of results.

        Raises:
            AccountError: No such user, or the last account.
        """
        user = self.accounts.delete(name, self._line("user delete"))
        self.sessions.close_all(user.id)
        self.tokens.revoke_all(user.id)
        deleted = self.store.delete(user.id, record=lambda ids: self.note("user delete", *ids))
        self.film_store.drop(deleted)
        empty_write_ahead_log(self.store.engine)
        return user, len(deleted)

    @_corrected
    def set_password(self, name: str, password: str) -> int:
        """Changes a password, and ends the user's sessions and tokens; returns the number of sessions.

        Raises:
            AccountError: See `Accounts.set_password`.
        """
        user = self.accounts.set_password(name, password, self._line("user password"))
        self.tokens.revoke_all(user.id)
        return self.sessions.close_all(user.id)

    @_corrected
    def set_role(self, name: str, role: str) -> User:
        """Changes the role of a user, from the next request on.

        Raises:
            AccountError: See `Accounts.set_role`.
        """
        return self.accounts.set_role(name, role, self._line(f"user role {role}"))

    @_corrected
    def disable(self, name: str) -> tuple[int, int]:
        """Disables an account; returns the numbers of sessions and tokens that it ended.

        Raises:
            AccountError: No such user.
        """
        record = self._line("user disable")
        user = self.accounts.set_disabled(name, disabled=True, record=record)
        return self.sessions.close_all(user.id), self.tokens.revoke_all(user.id)

    @_corrected
    def enable(self, name: str) -> None:
        """Enables an account again; its tokens stay revoked.

        Raises:
            AccountError: No such user.
        """
        self.accounts.set_disabled(name, disabled=False, record=self._line("user enable"))

    @_corrected
    def add_second_factor(self, name: str) -> str:
        """Gives an account a second factor; returns the address for the user's authenticator app.

        Raises:
            AccountError: No such user.
        """
        return self.second_factor.enrol(self.accounts.get(name), self._line("user totp on"))

    @_corrected
    def remove_second_factor(self, name: str) -> None:
        """Removes the second factor of an account.

        Raises:
            AccountError: No such user.
        """
        self.second_factor.remove(self.accounts.get(name), self._line("user totp off"))

    @_corrected
    def end_session(self, session_id: str) -> None:
        """Ends one session of any user.

        Raises:
            AccountError: There is no open session with this id.
        """
        if session_id not in {login.id for login in self.sessions.list()}:
            raise AccountError(
                f"session {session_id}: no such open session", "See `pneumoscope session list`."
            )
        self.note("session end", session_id)
        self.sessions.close_id(session_id)

    @_corrected
    def end_sessions(self, name: str) -> int:
        """Ends all sessions of a user; returns their number.

        Raises:
            AccountError: No such user.
        """
        account = self.accounts.get(name)
        self.note("session end", account.id)
        return self.sessions.close_all(account.id)

    @_corrected
    def add_token(
        self, name: str, purpose: str, scopes: Collection[str], days: float
    ) -> tuple[str, Token]:
        """Makes a token; returns its text, which cannot be shown again, and its row.

        Raises:
            AccountError: No such user or scope, or the life is too long.
        """
        user = user_of(self.accounts.get(name), "command")
        return self.tokens.add(
            user, purpose, scopes, days, lambda made: self.note("token add", user.id, made.id)
        )

    @_corrected
    def revoke_token(self, token_id: str) -> Token:
        """Revokes a token.

        Raises:
            AccountError: There is no token with this id.
        """
        return self.tokens.revoke(
            token_id, lambda ended: self.note("token revoke", ended.account, ended.id)
        )

    @_corrected
    def purge(self, days: int, *, trust_clock: bool = False) -> list[str]:
        """Deletes results of all users that are older than some days, with their films; returns their ids.

        Args:
            days: Least age; 0 for all.
            trust_clock: Believe the system's clock, however far it is from the last known time; a
                running server believes it from then on, too.

        Raises:
            UsageError: The clock has jumped, so results may only seem to be old.
        """
        clock = SteadyClock(self.store.engine, self.audit.last_time())
        if trust_clock:
            self.note("clock trusted")
            clock.believe_system()
        elif days and clock.ahead_s():
            raise UsageError(
                f"the clock is {clock.ahead_s() / 86400:+.1f} days from the last known time",
                "Set it; or, if it is right, add --trust-clock.",
            )
        old: list[str] = []
        before = now() - timedelta(days=days)

        def record(ids: Sequence[str]) -> None:
            self.note("purge", *ids)

        # In portions, each of which frees its space: the disk may be full.
        while portion := self.store.delete_before(before, record, limit=PORTION):
            self.film_store.drop(portion)
            empty_write_ahead_log(self.store.engine)
            old += portion
        if not old:
            self.note("purge")
            empty_write_ahead_log(self.store.engine)
        return old

    @_corrected
    def export_patient(self, patient: str, out: Path) -> PatientData:
        """Writes all data of a patient as a ZIP.

        Raises:
            DiskFull: There is not enough space.
        """
        marks = self.keys.fingerprints(patient)
        self._append(Event(what="patient export", who=command_user(), patient=marks[0]))
        return privacy.export(self.store, self.film_store, self.keys, self.audit, marks, out)

    @_corrected
    def erase_patient(self, patient: str) -> PatientData:
        """Deletes results and films of a patient, of all users."""
        marks = self.keys.fingerprints(patient)
        event = Event(what="patient erase", who=command_user(), patient=marks[0])
        return privacy.erase(
            self.store, self.film_store, self.audit, marks, lambda: self._append(event)
        )

    def _line(self, action: str) -> Record:
        return lambda user: self.note(action, user.id)

    def note(self, action: str, *objects: str) -> None:
        """Writes a line about an action of the administrator.

        Args:
            action: The action.
            objects: Ids of what it concerns.
        """
        self._append(Event(what=action, who=command_user(), objects=objects))

    def _append(self, event: Event) -> None:
        self.audit.append(event)
        self._noted.append(event)

    @contextmanager
    def corrected(self) -> Iterator[None]:
        """If this block fails after it has written a line, another one says that the action failed."""
        before = len(self._noted)
        try:
            yield
        except Exception:
            # Each line is followed by its action: those before the last one are true.
            for event in self._noted[before:][-1:]:
                with suppress(PneumoscopeError, OSError, SQLAlchemyError):
                    self.audit.append(replace(event, outcome=MAJOR))
            raise


def open_administration(settings: ServeSettings) -> Administration:
    """Opens a server's folder.

    Raises:
        UsageError: The key or the database cannot be used.
    """
    settings.make_folder()
    keys = open_keys(settings.folder, settings.key)
    store = Store(settings.database_url)
    films = settings.folder / "films"
    audit = open_audit_log(settings, store.engine, keys)
    return Administration(
        store=store,
        keys=keys,
        audit=audit,
        accounts=Accounts(store.engine),
        sessions=Sessions(store.engine),
        tokens=Tokens(store.engine),
        second_factor=SecondFactor(store.engine, keys),
        film_store=FilmStore(0, keys, films if films.is_dir() else None),
    )


def database_error(error: Exception) -> UsageError | None:
    """What an error of the database is for users; None for any other error."""
    return unusable(error) if isinstance(error, SQLAlchemyError) else None


def check_start(settings: ServeSettings) -> None:
    """Refuses settings that would leave patients unprotected, before a port is opened.

    Raises:
        UnsafeAddress: Others could reach the server without TLS or without accounts.
        UsageError: Films are to be kept, and the key would be in the same folder.
    """
    if not settings.loopback or settings.trusted_proxy or settings.require_second_factor:
        settings.make_folder()
        store = Store(settings.database_url)
        try:
            tls.check_address(settings, accounts=Accounts(store.engine).any())
        finally:
            store.close()
    if settings.keep_films and settings.key is None and not os.environ.get(VARIABLE):
        raise UsageError(
            "--keep-films needs a separate key: one next to the films would protect nothing",
            f"openssl rand -base64 32 > key, then --key key; or set {VARIABLE}.",
        )
