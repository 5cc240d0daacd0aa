"""Optional parts of the package that a command needs."""

from __future__ import annotations

import importlib.util

from pneumoscope.errors import MissingExtra


def require(what: str, extra: str, *modules: str) -> None:
    """Checks that an optional part is installed, without importing it.

    Args:
        what: What needs it, in words.
        extra: Name of the extra that brings it.
        modules: Modules of the extra.

    Raises:
        MissingExtra: The message names the first module that is not installed.
    """
    for module in modules:
        spec = importlib.util.find_spec(module)
        # A folder of that name without a package in it also has a spec, but no origin.
        if spec is None or spec.origin is None:
            raise MissingExtra(f"{what} ({module})", extra)
