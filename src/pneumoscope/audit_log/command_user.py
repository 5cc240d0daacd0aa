"""The user of the operating system who runs a command, for lines of the audit log."""

from __future__ import annotations

import getpass
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CommandUser:
    """Somebody who runs commands on the machine of a server or node; see `Actor`.

    Attributes:
        name: Name in the operating system.
        id: The same for all of them: they have no account.
        role: They can change everything.
        via: How they have come.
    """

    name: str
    id: str = "command"
    role: str = "admin"
    via: str = "command"


def command_user() -> CommandUser:
    """The user who runs this process."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # no such user in this container
        name = "unknown"
    return CommandUser(name)
