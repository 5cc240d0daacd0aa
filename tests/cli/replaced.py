"""Modules in place of those that need Keras or a web server, for tests of what a command hands to them."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

import pytest


def replace_module(monkeypatch: pytest.MonkeyPatch, name: str, **members: Any) -> None:
    """Lets imports of a module find one with these members only.

    Args:
        monkeypatch: Of the test.
        name: Of the module.
        members: Its content.
    """
    module = ModuleType(name)
    vars(module).update(members)
    monkeypatch.setitem(sys.modules, name, module)
    package, _, last = name.rpartition(".")
    if package:
        # An earlier import may have left the real module in its package.
        monkeypatch.setattr(importlib.import_module(package), last, module, raising=False)
