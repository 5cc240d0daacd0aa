from __future__ import annotations

import inspect
import pickle

import pytest

from pneumoscope import errors
from pneumoscope.errors import PneumoscopeError


def leaves() -> list[type[PneumoscopeError]]:
    return [
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, PneumoscopeError)
    ]


def made(kind: type[PneumoscopeError]) -> PneumoscopeError:
    values = {"rows": 5, "columns": 6, "least": 64, "known": ("a", "b")}
    names = list(inspect.signature(kind.__init__).parameters)[1:]
    return kind(*(values.get(name, name) for name in names))


@pytest.mark.parametrize("kind", leaves(), ids=lambda k: k.__name__)
def test_every_error_has_message_hint_and_code(kind: type[PneumoscopeError]) -> None:
    error = made(kind)
    assert str(error) == error.message != ""
    assert error.hint
    assert error.code == kind.__name__


@pytest.mark.parametrize("kind", leaves(), ids=lambda k: k.__name__)
def test_every_error_survives_the_way_between_processes(kind: type[PneumoscopeError]) -> None:
    error = made(kind)
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert (again.message, again.hint, str(again)) == (error.message, error.hint, str(error))
