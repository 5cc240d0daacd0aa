"""What the security middleware and the sign-in routes work with."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pneumoscope.audit_log.log import AuditLog
from pneumoscope.serve.security import tls
from pneumoscope.serve.security.accounts import Accounts
from pneumoscope.serve.security.audit_setup import open_audit_log
from pneumoscope.serve.security.audit_trail import API
from pneumoscope.serve.security.second_factor import SecondFactor
from pneumoscope.serve.security.sessions import Sessions
from pneumoscope.serve.security.throttle import Rate, Throttle
from pneumoscope.serve.security.tokens import Tokens
from pneumoscope.serve.settings import SMALL_BODY_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import Request
    from sqlalchemy import Engine

    from pneumoscope.jobs.keys import Keys
    from pneumoscope.serve.settings import ServeSettings

UPLOAD_PATH = f"{API}/predictions"
ADDRESS_RATE_FACTOR = 4
"""Requests per address, as a multiple of those per user: several users may share an address."""
CONCURRENT_SIGN_INS = 8
"""Each takes one of some 40 threads that other requests need too."""
EXPORTED_A_MINUTE, EXPORTED_AT_ONCE = 1000, 20_000
"""Results that a user may export: each takes 35 bytes in the audit log, so 50 MB a day at most."""
LINES_A_MINUTE, LINES_AT_ONCE = 10, 20
"""Audit lines, by address, about requests without a user: nobody can fill the disk with them."""


class Openness:
    """Whether a server has no accounts; the first account closes it for good.

    Args:
        accounts: The accounts.
        open: Whether there are none.
    """

    def __init__(self, accounts: Accounts, *, open: bool) -> None:  # noqa: A002 (the state's name)
        self._accounts = accounts
        self.open = open

    def check(self) -> bool:
        """Looks whether there is an account now; returns whether the server is still open."""
        if self.open and self._accounts.any():
            self.open = False
        return self.open


@dataclass(frozen=True, slots=True)
class Security:
    """What the security middleware and the sign-in routes work with.

    Attributes:
        accounts: The accounts.
        sessions: Open sessions.
        tokens: API tokens.
        second_factor: Checks codes of authenticator apps.
        audit: The audit log.
        openness: Whether there are no accounts.
        tls: Whether connections are encrypted.
        hosts: Names by which requests may address the server.
        upload_bytes: Limit on the body of an upload.
        by_user: Rate of requests by user.
        by_address: Rate of requests by address.
        throttle: Wrong passwords and tokens.
        lines: Rate of audit lines about requests without a user.
        exported: Rate of results exported by user: each of them is in a line of the log.
        signing_in: Limits how many passwords are checked at the same time.
    """

    accounts: Accounts
    sessions: Sessions
    tokens: Tokens
    second_factor: SecondFactor
    audit: AuditLog
    openness: Openness
    tls: bool
    hosts: frozenset[str]
    upload_bytes: int
    by_user: Rate
    by_address: Rate
    throttle: Throttle = field(default_factory=Throttle)
    lines: Rate = field(default_factory=lambda: Rate(LINES_A_MINUTE, LINES_AT_ONCE))
    exported: Rate = field(default_factory=lambda: Rate(EXPORTED_A_MINUTE, EXPORTED_AT_ONCE))
    signing_in: threading.BoundedSemaphore = field(
        default_factory=lambda: threading.BoundedSemaphore(CONCURRENT_SIGN_INS)
    )

    @property
    def open(self) -> bool:
        """There are no accounts: everybody who reaches this loopback address is `LOCAL`."""
        return self.openness.open

    def body_limit(self, request: Request) -> int:
        """Largest body of this request, in bytes."""
        upload = request.method == "POST" and request.url.path.rstrip("/") == UPLOAD_PATH
        return self.upload_bytes if upload else SMALL_BODY_BYTES


def make_security(
    settings: ServeSettings,
    engine: Engine,
    keys: Keys,
    clock: Callable[[], float] = time.time,
    audit: AuditLog | None = None,
) -> Security:
    """Makes the parts, and refuses settings that would leave patients unprotected.

    Args:
        settings: The server's settings.
        engine: The database.
        keys: With the key of the audit log.
        clock: Seconds since 1970.
        audit: The audit log; by default it is opened here.

    Raises:
        UnsafeAddress: Others could reach the server without TLS or without accounts.
        UsageError: The certificate cannot be used.
        AuditLogDamaged: The audit log was written with another key.
    """
    accounts = Accounts(engine, clock)
    has_accounts = accounts.any()
    tls.check_address(settings, accounts=has_accounts)
    if audit is None:
        audit = open_audit_log(settings, engine, keys, clock)
    audit.check()  # otherwise every request would be refused
    return Security(
        accounts=accounts,
        sessions=Sessions(engine, clock, require_second_factor=settings.require_second_factor),
        tokens=Tokens(engine, clock),
        second_factor=SecondFactor(engine, keys, clock, strict=settings.strict_codes),
        audit=audit,
        openness=Openness(accounts, open=not has_accounts),
        # Users reach a trusted proxy by TLS.
        tls=settings.tls or bool(settings.trusted_proxy),
        hosts=tls.hosts(settings),
        upload_bytes=settings.limits.max_body_bytes,
        by_user=_rate(settings.rate_limit),
        by_address=_rate(ADDRESS_RATE_FACTOR * settings.rate_limit),
    )


def _rate(per_minute: int) -> Rate:
    """A rate of requests; those of 20 s may come at once: a page may ask for many pictures."""
    return Rate(per_minute, max(1, per_minute // 3))
