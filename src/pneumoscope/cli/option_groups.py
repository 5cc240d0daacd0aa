"""Options that several commands share, as one value: the fields of a dataclass."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    Command = Callable[..., None]


def with_options(group: type) -> Callable[[Command], Command]:
    """Gives a command the options of a group in place of its parameter of that type.

    Args:
        group: A dataclass whose fields are annotated as options.

    Returns:
        A decorator. The signature of the command that it returns is what typer makes the command
        line from.
    """
    options = inspect.signature(group, eval_str=True).parameters

    def decorated(command: Command) -> Command:
        parameters = inspect.signature(command, eval_str=True).parameters
        [name] = [p.name for p in parameters.values() if p.annotation is group]
        shown = [
            # By keyword: an option may come before an argument that has no default.
            parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            for declared in parameters.values()
            for parameter in (options.values() if declared.name == name else (declared,))
        ]

        @functools.wraps(command)
        def run(**given: Any) -> None:
            value = group(**{option: given.pop(option) for option in options})
            command(**given, **{name: value})

        set_parameters(run, shown)
        return run

    return decorated


def set_parameters(command: Command, parameters: list[inspect.Parameter]) -> None:
    """Makes these the parameters that typer sees."""
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters}
