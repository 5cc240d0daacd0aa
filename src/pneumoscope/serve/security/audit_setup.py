"""The audit log of a server, with its anchor and its syslog."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from pneumoscope.audit_log.anchor import AuditAnchor
from pneumoscope.audit_log.forwarding import SyslogForwarder
from pneumoscope.audit_log.log import AuditLog
from pneumoscope.errors import UsageError
from pneumoscope.syslog import SyslogAddress

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine

    from pneumoscope.jobs.keys import Keys
    from pneumoscope.serve.settings import ServeSettings


def open_audit_log(
    settings: ServeSettings,
    engine: Engine,
    keys: Keys,
    clock: Callable[[], float] = time.time,
) -> AuditLog:
    """Opens it; writes nothing.

    Args:
        settings: The server's settings.
        engine: The database; its tables exist.
        keys: With the key of the audit log.
        clock: Seconds since 1970.

    Raises:
        UsageError: The address of the syslog is malformed, or others on the network could read lines.
    """
    former = keys.former_audit
    anchor = AuditAnchor(engine, keys.audit, former, settings.audit_anchor)
    log = partial(AuditLog, settings.folder, keys.audit, clock, former_keys=former, anchor=anchor)
    if settings.audit_syslog is None:
        return log()
    if not SyslogAddress.parse(settings.audit_syslog).is_private:
        raise UsageError(
            f"{settings.audit_syslog}: lines of the audit log would be sent without encryption",
            "Use tls://HOST:6514, or a syslog on this machine that forwards them.",
        )
    return log(forward=SyslogForwarder(settings.audit_syslog))
