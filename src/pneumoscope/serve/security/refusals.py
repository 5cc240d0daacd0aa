"""Reasons why a request is not admitted."""

from __future__ import annotations

from pneumoscope.serve.problems import BadRequest, NotAllowed, Unavailable


class WrongHost(BadRequest):
    def __init__(self) -> None:
        super().__init__(
            "this server is not known by that name",
            "Use the address that it was started with, or a name in its certificate.",
        )


class WrongOrigin(NotAllowed):
    def __init__(self) -> None:
        super().__init__(
            "the request does not come from this server's own page",
            "Programs send an API token as bearer and no Origin.",
        )


class NoScope(NotAllowed):
    def __init__(self, scope: str) -> None:
        super().__init__(
            f"this token has no scope {scope!r}",
            f"Make one that has: pneumoscope token add USER --scope {scope}",
        )


class NotForTokens(NotAllowed):
    def __init__(self) -> None:
        super().__init__("a token may not change its account", "Sign in to do this.")


class NoAuditLog(Unavailable):
    def __init__(self) -> None:
        super().__init__(
            "the audit log cannot be written, so the answer is withheld",
            "Is the disk full? `pneumoscope audit-log verify` says more.",
        )


class NotThisRole(NotAllowed):
    def __init__(self, has: str, needs: str) -> None:
        super().__init__(f"the role {has} may not do this", f"Ask for the role {needs}.")
