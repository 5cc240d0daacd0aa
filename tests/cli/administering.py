"""Commands of administration in tests."""

from __future__ import annotations

from collections.abc import Callable

from typer.testing import Result

from pneumoscope.errors import PneumoscopeError

Run = Callable[..., Result]


def good(result: Result) -> str:
    """What a command printed that must have succeeded."""
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout


def refused(result: Result) -> PneumoscopeError:
    """The error of a command that must have failed, with a hint."""
    assert isinstance(result.exception, PneumoscopeError), result.output
    assert result.exception.hint
    return result.exception
