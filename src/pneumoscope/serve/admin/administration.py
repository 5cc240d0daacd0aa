"""What an administrator does at the machine itself, each with its line in the audit log."""

from __future__ import annotations

import getpass
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pneumoscope.errors import UsageError
from pneumoscope.jobs.film_store import Shelf
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

    from pneumoscope.serve.admin.privacy import Held
    from pneumoscope.serve.settings import ServeSettings


@dataclass(frozen=True, slots=True)
class Office:
    """The parts of a server's folder. The server may run meanwhile.

    Attributes:
        store: The database.
        keys: Open names and films, and fingerprint patients.
        audit: The log.
        accounts: Who there is.
        sessions: Open sessions.
        tokens: API tokens.
        shelf: Films on the disk.
    """

    store: Store
    keys: Keys
    audit: AuditLog
    accounts: Accounts
    sessions: Sessions
    tokens: Tokens
    shelf: Shelf

    def add_user(self, name: str, password: str, role: str) -> User:
        """Makes an account.

        Raises:
            AccountError: See `Accounts.add`.
        """
        user = self.accounts.add(name, password, role)
        self._note("user add", user.id)
        return user

    def set_password(self, name: str, password: str) -> int:
        """Changes a password, and ends the user's sessions; returns how many.

        Raises:
            AccountError: See `Accounts.set_password`.
        """
        user = self.accounts.set_password(name, password)
        ended = self.sessions.close_all(user.id)
        self._note("user password", user.id)
        return ended

    def set_role(self, name: str, role: str) -> User:
        """Changes what a user may do, from its next request on.

        Raises:
            AccountError: See `Accounts.set_role`.
        """
        user = self.accounts.set_role(name, role)
        self._note(f"user role {role}", user.id)
        return user

    def disable(self, name: str) -> tuple[int, int]:
        """Closes an account; returns how many sessions and tokens it ended.

        Raises:
            AccountError: No such user.
        """
        user = self.accounts.set_disabled(name, disabled=True)
        ended = self.sessions.close_all(user.id), self.tokens.revoke_all(user.id)
        self._note("user disable", user.id)
        return ended

    def enable(self, name: str) -> None:
        """Opens an account again; its tokens stay revoked.

        Raises:
            AccountError: No such user.
        """
        user = self.accounts.set_disabled(name, disabled=False)
        self._note("user enable", user.id)

    def add_token(
        self, name: str, purpose: str, scopes: Collection[str], days: float
    ) -> tuple[str, Token]:
        """Makes a token; its text is shown only now.

        Raises:
            AccountError: No such user or scope, or too long a life.
        """
        user = user_of(self.accounts.get(name), "command")
        text, token = self.tokens.add(user, purpose, scopes, days)
        self._note("token add", user.id, token.id)
        return text, token

    def revoke_token(self, token_id: str) -> Token:
        """Ends a token.

        Raises:
            AccountError: There is none of this id.
        """
        token = self.tokens.revoke(token_id)
        self._note("token revoke", token.account, token.id)
        return token

    def purge(self, days: int) -> list[str]:
        """Deletes results of every user that are older, with their films."""
        old = self.store.delete_older(days)
        self.shelf.drop(old)
        privacy.settle(self.store)
        self._note("purge", *old)
        return old

    def export_patient(self, patient: str, out: Path) -> Held:
        """Writes all that is held on a patient as a ZIP.

        Raises:
            DiskFull: It does not fit.
        """
        mark = self.keys.fingerprint(patient)
        self.audit.append(Event("patient export", who=_who(), patient=mark))
        return privacy.export(self.store, self.shelf, self.keys, self.audit, mark, out)

    def erase_patient(self, patient: str) -> Held:
        """Deletes results and films of a patient, whoever sent them in."""
        mark = self.keys.fingerprint(patient)
        held = privacy.erase(self.store, self.shelf, self.audit, mark)
        self.audit.append(Event("patient erase", who=_who(), patient=mark))
        return held

    def _note(self, what: str, *objects: str) -> None:
        self.audit.append(Event(what, who=_who(), objects=objects))


def open_office(settings: ServeSettings) -> Office:
    """Opens a server's folder.

    Raises:
        UsageError: The key or the database cannot be used.
    """
    settings.make_folder()
    keys = open_keys(settings)
    store = Store(settings.database_url)
    films = settings.folder / "films"
    return Office(
        store,
        keys,
        AuditLog(settings.folder, keys.audit),
        Accounts(store.engine),
        Sessions(store.engine),
        Tokens(store.engine),
        Shelf(0, keys, films if films.is_dir() else None),
    )


def check_start(settings: ServeSettings) -> None:
    """Refuses, before a port is opened, what would leave patients unprotected.

    Raises:
        UnsafeAddress: Others could reach the server without TLS or without accounts.
        UsageError: Films are to be kept, and the key would lie beside them.
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
            "--keep-films needs a key of its own: one beside the films would protect nothing",
            f"openssl rand -base64 32 > key, then --key key; or set {VARIABLE}.",
        )


def _who() -> User:
    """Who sits at the machine, as the system knows them."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # no such user in this container
        name = "unknown"
    return User(ADMIN_AT_THE_MACHINE, name, "admin", "command")
