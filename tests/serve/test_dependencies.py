"""A route can require a role."""

from __future__ import annotations

import asyncio

import pytest

from pneumoscope.serve.security.accounts import User
from pneumoscope.serve.security.dependencies import require
from pneumoscope.serve.security.refusals import NotThisRole


def test_require_is_a_dependency_for_single_routes() -> None:
    vera = User("1", "vera", "viewer")
    ada = User("2", "ada", "admin")
    assert asyncio.run(require("admin")(ada)) is ada
    with pytest.raises(NotThisRole, match="viewer"):
        asyncio.run(require("operator")(vera))
