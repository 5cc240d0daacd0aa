"""Help whose paragraphs are wrapped at the width of the terminal."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import typer.core

if TYPE_CHECKING:
    import typer


class FlowingCommand(typer.core.TyperCommand):
    """A command whose help has no line breaks inside of paragraphs, which Typer would keep."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Writes the help; the types are click's, of which Typer has a copy."""
        written = self.help
        self.help = flowing(written or "")
        try:
            super().format_help(ctx, formatter)
        finally:
            self.help = written


def flowing(text: str) -> str:
    """A docstring with one line for each paragraph."""
    paragraphs = inspect.cleandoc(text).split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def flow(app: typer.Typer) -> None:
    """Makes the help of all commands of an app, and of its groups, flow."""
    for command in app.registered_commands:
        command.cls = FlowingCommand
    for group in app.registered_groups:
        if group.typer_instance is not None:
            flow(group.typer_instance)
