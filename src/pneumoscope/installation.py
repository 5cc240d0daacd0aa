"""How this package was installed, and the command that adds an optional part to it."""

from __future__ import annotations

import os
from typing import Any

_NAME = "pneumoscope"


def install_command(extra: str) -> str:
    """The command for a shell that adds an extra to the installation as it is.

    A clone, a folder, a wheel or a repository is named as it was when the package was installed
    (PEP 610), so that the command works without an index.

    Args:
        extra: Extra, such as ``"serve"``.
    """
    return " ".join(("pip install", *map(_quoted, _requirement(_origin(), extra))))


def _origin() -> dict[str, Any]:
    """The origin of the package as the installer noted it; empty if it came from an index."""
    # `errors` imports this module, and every command should start without these.
    import json
    from importlib import metadata

    try:
        text = metadata.distribution(_NAME).read_text("direct_url.json")
        origin = json.loads(text) if text else {}
    except (metadata.PackageNotFoundError, ValueError):
        return {}
    return origin if isinstance(origin, dict) and isinstance(origin.get("url"), str) else {}


def _requirement(origin: dict[str, Any], extra: str) -> list[str]:
    """Arguments of ``pip install``."""
    from urllib.parse import urlsplit
    from urllib.request import url2pathname

    if not origin:
        return [f"{_NAME}[{extra}]"]
    url = origin["url"]
    if vcs := origin.get("vcs_info"):
        revision = vcs.get("requested_revision")
        reference = f"@{revision}" if revision else ""
        return [f"{_NAME}[{extra}] @ {vcs['vcs']}+{url}{reference}"]
    if urlsplit(url).scheme != "file":
        return [f"{_NAME}[{extra}] @ {url}"]
    path = f"{url2pathname(urlsplit(url).path)}[{extra}]"
    editable = origin.get("dir_info", {}).get("editable", False)
    return ["-e", path] if editable else [path]


def _quoted(argument: str) -> str:
    import shlex

    # cmd.exe does not accept single quotes.
    if os.name == "nt":
        return argument if argument.startswith("-") else f'"{argument}"'
    return shlex.quote(argument)
