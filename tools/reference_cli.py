"""The reference of the command line and of the environment variables."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

import click
import typer

from pneumoscope.cli.app import app
from pneumoscope.serve.settings import (
    GROUPS,
    PREFIX,
    ConnectionLimits,
    Limits,
    ServeSettings,
)
from reference_records import attributes
from reference_text import code, prose, table

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "pneumoscope"
GUIDES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs" / "tutorial").glob("*.md")),
    *sorted((ROOT / "docs" / "how-to").glob("*.md")),
]
# Its command lines are examples of errors.
GUIDES.remove(ROOT / "docs" / "how-to" / "troubleshooting.md")
MOST_EXAMPLES = 8
_SETTINGS = (ServeSettings, Limits, ConnectionLimits)
OTHERS = {
    "PNEUMOSCOPE_TOKEN": "API token for `pneumoscope predict --server` and `pneumoscope.Client`.",
    "PNEUMOSCOPE_SERVE_SECRET": "The key that encrypts films and names: 32 bytes in base64; "
    "see [accounts](../how-to/accounts.md).",
    "PNEUMOSCOPE_BUNDLES": "Folders that contain bundles, separated as in `PATH`; "
    "`--bundle` takes the names of these bundles.",
    "NO_COLOR": "Any value: no colours in the terminal.",
    "XDG_CACHE_HOME": "Where the cache of decoded films is; `~/.cache` by default.",
    "XDG_STATE_HOME": "Where the folders of the server and of `watch` are; `~/.local/state` by default.",
}
"""Variables that belong to no option."""
DEFAULTS = {"export": "export model"}
"""Groups to the command that they stand for if none is named."""


def leaves() -> Iterator[tuple[str, click.Command]]:
    """Every command with its full name, such as ``"data check"``, in the order of `--help`."""
    yield from _below(_program(), "")


@cache
def _program() -> Any:
    """The whole command line, which takes 20 ms to build."""
    return typer.main.get_command(app)


def _below(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    if not hasattr(command, "commands"):
        yield name, command
        return
    for key, inner in command.commands.items():
        yield from _below(inner, f"{name} {key}".strip())


def panel(name: str) -> str:
    """The heading of `--help` under which a command is listed, or an empty text."""
    first = _program().commands[name.split()[0]]
    shown = getattr(first, "rich_help_panel", None)
    return shown if isinstance(shown, str) else ""


def commands() -> str:
    """Every command with its arguments, options, defaults, variables and examples."""
    groups: defaultdict[str, list[str]] = defaultdict(list)
    used = examples()
    for name, command in leaves():
        groups[panel(name)].append(_command(name, command, used.get(name, {})))
    parts = []
    for group, texts in groups.items():
        parts += [f"## {group}", *texts] if group else texts
    return "\n\n".join(parts)


def _command(name: str, command: Any, used: dict[str, Path]) -> str:
    parts = [f"### pneumoscope {name}", prose(command.help or ""), _usage(name, command)]
    shown = [p for p in command.params if not getattr(p, "hidden", False) and p.name != "help"]
    if shown:
        parts.append(table(("argument, option", "meaning"), map(_parameter, shown)))
    lines = [(line, None) for line in _epilog(command)]
    lines += [(line, page) for line, page in used.items() if line not in dict(lines)]
    if lines:
        shell = "\n".join(line for line, _ in lines[:MOST_EXAMPLES])
        parts.append(f"Examples:\n\n```\n{shell}\n```")
    pages = dict.fromkeys(page for _, page in lines if page and page.parent != ROOT)
    if pages:
        parts.append("See " + ", ".join(f"[{_title(p)}](../{_below_docs(p)})" for p in pages) + ".")
    return "\n\n".join(parts)


def _epilog(command: Any) -> list[str]:
    text = (command.epilog or "").removeprefix("Example:").strip()
    return [text] if text.startswith("pneumoscope") else []


def _usage(name: str, command: Any) -> str:
    options = any(p.param_type_name == "option" for p in command.params)
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    words = ["pneumoscope", name, *(["[OPTIONS]"] if options else []), *map(_argument, arguments)]
    return f"```text\n{' '.join(words)}\n```"


def _argument(parameter: Any) -> str:
    name = parameter.metavar or parameter.name.upper()
    if "]..." in name:  # says itself what may be repeated or left out
        return name
    name = name.strip("[]{}.")
    name += "..." if parameter.nargs == -1 else ""
    return name if parameter.required else f"[{name}]"


def _parameter(parameter: Any) -> tuple[str, str]:
    if parameter.param_type_name == "argument":
        names = [_argument(parameter)]
    else:
        names = [*parameter.opts, *parameter.secondary_opts]
        if not parameter.is_flag:
            names[-1] += f" {parameter.metavar or _placeholder(parameter.type)}"
    default = parameter.default
    if callable(default) or default in (None, False, (), []):
        default = ""
    elif default is True:
        default = parameter.opts[0]
    meaning = [parameter.help or "", "Required." if parameter.required else ""]
    if default != "":
        meaning.append(f"Default: {code(str(default))}.")
    if isinstance(parameter.envvar, str):
        meaning.append(f"Variable: {code(parameter.envvar)}.")
    return ", ".join(map(code, names)), " ".join(word for word in meaning if word)


def _placeholder(kind: Any) -> str:
    choices = getattr(kind, "choices", None)
    if choices:
        return "|".join(map(str, choices))
    return {"int": "N", "flo": "NUMBER", "pat": "PATH"}.get(str(kind.name)[:3], "TEXT")


def examples() -> dict[str, dict[str, Path]]:
    """Command lines in the guides by their command, with the page that explains them."""
    names = sorted((name for name, _ in leaves()), key=len, reverse=True)
    collected: dict[str, dict[str, Path]] = {name: {} for name in names}
    for page in GUIDES:
        for line in command_lines(page.read_text(encoding="utf-8")):
            for name in (*names, *DEFAULTS):
                if re.match(rf"pneumoscope {re.escape(name)}(\s|$)", line):
                    collected[DEFAULTS.get(name, name)].setdefault(line, page)
                    break
    return collected


def command_lines(text: str) -> Iterator[str]:
    """Lines of a page's shell blocks that begin with ``pneumoscope``, continued ones joined."""
    for _, block in re.findall(r"^( *)```(?:sh|console)?\n(.*?)^ *```", text, re.DOTALL | re.M):
        for line in block.replace("\\\n", " ").splitlines():
            words = re.sub(r"\s+", " ", line.strip()).removeprefix("$ ")
            if words.startswith("pneumoscope "):
                yield words


def _title(page: Path) -> str:
    return page.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")


def _below_docs(page: Path) -> str:
    return page.relative_to(ROOT / "docs").as_posix()


def variables() -> str:
    """Every environment variable that the package reads."""
    used_by: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for name, command in leaves():
        for parameter in command.params:
            variable = parameter.envvar
            if isinstance(variable, str):
                used_by[variable][name] = getattr(parameter, "help", None) or ""
    rows = []
    for variable, uses in sorted(used_by.items()):
        if not variable.startswith(PREFIX):
            where = ", ".join(f"`{name}`" for name in uses)
            rows.append((code(variable), where, next(iter(uses.values()))))
    rows += [
        (code(variable), "", text) for variable, text in OTHERS.items() if variable not in used_by
    ]
    server = []
    for kind in _SETTINGS:
        meanings = attributes(kind)
        for field in fields(kind):
            if field.name not in GROUPS:
                meaning = re.sub(r"\bNone\b", "unset", meanings[field.name][1])
                server.append((code(PREFIX + field.name.upper()), _default(field), meaning))
    return (
        table(("variable", "commands", "meaning"), rows)
        + "\n\n## Of the server\n\n"
        + table(("variable", "default", "meaning"), server)
    )


def _default(field: Any) -> str:
    value = field.default
    return code(str(value)) if isinstance(value, (int, float, str)) and value is not False else ""


def named_in_the_code() -> set[str]:
    """Every variable of the package's own prefix that a string of the source is, or is made of."""
    names = {PREFIX + f.name.upper() for kind in _SETTINGS for f in fields(kind)}
    for text in (path.read_text(encoding="utf-8") for path in SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(text)) if "PNEUMOSCOPE_" in text else ():
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                names |= set(re.findall(r"\bPNEUMOSCOPE_[A-Z_]*[A-Z]\b", node.value))
    return names - {PREFIX + group.upper() for group in GROUPS} - {PREFIX + "NAME"}
