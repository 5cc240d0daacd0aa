"""What an administrator does on the server's machine; every action writes a line in the audit log."""

from __future__ import annotations

import getpass
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pneumoscope.errors import UsageError
from pneumoscope.jobs.film_store import FilmStore
from pneumoscope.jobs.keys import VARIABLE, Keys, open_keys
from pneumoscope.jobs.store import Store
from pneumoscope.serve.admin import privacy
from pneumoscope.serve.security import tls
from pneumoscope.serve.security.accounts import ADMIN_AT_THE_MACHINE, Accounts, User, user_of
from pneumoscope.serve.security.audit_log import AuditLog, Event
from pneumoscope.serve.security.sessions import Sessions
from pneumoscope.serve.security.tokens import Token, Tokens

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from pneumoscope.serve.admin.privacy import PatientData
    from pneumoscope.serve.settings import ServeSettings


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
        film_store: Films on the disk.
    """

    store: Store
    keys: Keys
    audit: AuditLog
    accounts: Accounts
    sessions: Sessions
    tokens: Tokens
    film_store: FilmStore

    def add_user(self, name: str, password: str, role: str) -> User:
        """Makes an account.

        Raises:
            AccountError: See `Accounts.add`.
        """
        user = self.accounts.add(name, password, role)
        self._note("user add", user.id)
        return user

    def set_password(self, name: str, password: str) -> int:
        """Changes a password and ends the user's sessions; returns their number.

        Raises:
            AccountError: See `Accounts.set_password`.
        """
        user = self.accounts.set_password(name, password)
        ended = self.sessions.close_all(user.id)
        self._note("user password", user.id)
        return ended

    def set_role(self, name: str, role: str) -> User:
        """Changes the role of a user, from the next request on.

        Raises:
            AccountError: See `Accounts.set_role`.
        """
        user = self.accounts.set_role(name, role)
        self._note(f"user role {role}", user.id)
        return user

    def disable(self, name: str) -> tuple[int, int]:
        """Disables an account; returns the numbers of sessions and tokens that it ended.

        Raises:
            AccountError: No such user.
        """
        user = self.accounts.set_disabled(name, disabled=True)
        ended = self.sessions.close_all(user.id), self.tokens.revoke_all(user.id)
        self._note("user disable", user.id)
        return ended

    def enable(self, name: str) -> None:
        """Enables an account again; its tokens stay revoked.

        Raises:
            AccountError: No such user.
        """
        user = self.accounts.set_disabled(name, disabled=False)
        self._note("user enable", user.id)

    def add_token(
        self, name: str, purpose: str, scopes: Collection[str], days: float
    ) -> tuple[str, Token]:
        """Makes a token; returns its text, which cannot be shown again, and its row.

        Raises:
            AccountError: No such user or scope, or the life is too long.
        """
        user = user_of(self.accounts.get(name), "command")
        text, token = self.tokens.add(user, purpose, scopes, days)
        self._note("token add", user.id, token.id)
        return text, token

    def revoke_token(self, token_id: str) -> Token:
        """Revokes a token.

        Raises:
            AccountError: There is no token with this id.
        """
        token = self.tokens.revoke(token_id)
        self._note("token revoke", token.account, token.id)
        return token

    def purge(self, days: int) -> list[str]:
        """Deletes results of all users that are older than some days, with their films; returns their ids."""
        old = self.store.delete_older(days)
        self.film_store.drop(old)
        privacy.empty_write_ahead_log(self.store)
        self._note("purge", *old)
        return old

    def export_patient(self, patient: str, out: Path) -> PatientData:
        """Writes all data of a patient as a ZIP.

        Raises:
            DiskFull: There is not enough space.
        """
        mark = self.keys.fingerprint(patient)
        self.audit.append(Event(what="patient export", who=_who(), patient=mark))
        return privacy.export(self.store, self.film_store, self.keys, self.audit, mark, out)

    def erase_patient(self, patient: str) -> PatientData:
        """Deletes results and films of a patient, of all users."""
        mark = self.keys.fingerprint(patient)
        erased = privacy.erase(self.store, self.film_store, self.audit, mark)
        self.audit.append(Event(what="patient erase", who=_who(), patient=mark))
        return erased

    def _note(self, what: str, *objects: str) -> None:
        self.audit.append(Event(what=what, who=_who(), objects=objects))


def open_administration(settings: ServeSettings) -> Administration:
    """Opens a server's folder.

    Raises:
        UsageError: The key or the database cannot be used.
    """
    settings.make_folder()
    keys = open_keys(settings.folder, settings.key)
    store = Store(settings.database_url)
    films = settings.folder / "films"
    return Administration(
        store=store,
        keys=keys,
        audit=AuditLog(settings.folder, keys.audit),
        accounts=Accounts(store.engine),
        sessions=Sessions(store.engine),
        tokens=Tokens(store.engine),
        film_store=FilmStore(0, keys, films if films.is_dir() else None),
    )


def check_start(settings: ServeSettings) -> None:
    """Refuses settings that would leave patients unprotected, before a port is opened.

    Raises:
        UnsafeAddress: Others could reach the server without TLS or without accounts.
        UsageError: Films are to be kept, and the key would be in the same folder.
    """
    if not settings.loopback:
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


def _who() -> User:
    """The user of the operating system who runs the command."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # no such user in this container
        name = "unknown"
    return User(ADMIN_AT_THE_MACHINE, name, "admin", "command")
