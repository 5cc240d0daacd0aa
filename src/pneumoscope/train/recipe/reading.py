"""Reads recipes from TOML, and writes them out in full."""

from __future__ import annotations

import dataclasses
import tomllib
from dataclasses import fields
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_origin, get_type_hints

from pneumoscope.errors import RecipeError
from pneumoscope.files import cause, read_text
from pneumoscope.train.recipe.settings import Recipe

if TYPE_CHECKING:
    from collections.abc import Mapping


def shipped() -> dict[str, Path]:
    """Name to file of the recipes inside the package."""
    folder = Path(str(resources.files("pneumoscope.train") / "recipes"))
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def load(name: str, **overrides: Any) -> Recipe:
    """Reads a recipe.

    Args:
        name: Path of a TOML file, or the name of a shipped recipe.
        overrides: Values that replace those of the file; None keeps the file's value.

    Raises:
        RecipeError: There is no such recipe, a key is unknown, or a value has a wrong type or is out
            of range.
    """
    known = shipped()
    path = known.get(name, Path(name))
    try:
        table = tomllib.loads(read_text(path))
    except OSError as error:
        missing = isinstance(error, FileNotFoundError)
        reason = "no such file and not shipped" if missing else cause(error)
        raise RecipeError(
            f"recipe {name}: {reason}",
            f"Shipped recipes: {', '.join(known)}. Or give the path of a TOML file.",
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"recipe {name}: is not TOML ({error})", _HINT) from error
    return from_json(table | {key: value for key, value in overrides.items() if value is not None})


_HINT = "Correct it as in docs/reference/recipe.md, which has every key with its default."
_KINDS = {
    bool: "true or false", int: "an integer", float: "a number", str: "a string in quotes",
}  # fmt: skip
"""What a reader calls the types of values."""


def from_json(table: dict[str, Any]) -> Recipe:
    """A recipe from plain values, such as `resolved` returns or TOML contains.

    Raises:
        RecipeError: A key is unknown, or a value has a wrong type or is out of range.
    """
    recipe: Recipe = _from_table(Recipe, table, "")
    return recipe


def resolved(recipe: Recipe) -> dict[str, Any]:
    """The whole recipe as JSON-ready values."""
    return dataclasses.asdict(recipe)


def changes(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """How a resolved recipe differs from the shipped one of its name and version, apart from the seed.

    Args:
        recipe: From `resolved`, or from a bundle; settings that are newer than the bundle are not
            compared.

    Returns:
        Setting to value, such as ``{"epochs": 3, "augment.flip": 0.0}``; empty if no recipe of that
        name and version is shipped.
    """
    if recipe.get("name") not in shipped():
        return {}
    standard, given = _flat(resolved(load(recipe["name"]))), _flat(recipe)
    if given.get("version") != standard["version"]:
        return {}
    return {
        key: given[key]
        for key, value in standard.items()
        if key != "seed" and given.get(key, value) != value
    }


def _flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested tables as dotted names; tuples as lists, as in JSON."""
    flat: dict[str, Any] = {}
    for key, value in table.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = list(value) if isinstance(value, tuple) else value
    return flat


def _from_table(kind: type[Any], table: dict[str, Any], prefix: str) -> Any:
    types = get_type_hints(kind)
    known = {f.name for f in fields(kind)}
    values = {}
    for key, value in table.items():
        name = f"{prefix}{key}"
        if key not in known:
            raise RecipeError(f"recipe: unknown key {name}", f"Known: {', '.join(sorted(known))}.")
        values[key] = _convert(types[key], value, name)
    try:
        return kind(**values)
    except ValueError as error:
        if isinstance(error, RecipeError):
            raise
        raise RecipeError(f"recipe: {error}", _HINT) from error


def _convert(wanted: Any, value: Any, name: str) -> Any:
    if dataclasses.is_dataclass(wanted) and isinstance(wanted, type):
        if not isinstance(value, dict):
            raise RecipeError(f"recipe: {name} must be a table, not {value!r}", _HINT)
        return _from_table(wanted, value, f"{name}.")
    if get_origin(wanted) is tuple:
        parts = get_args(wanted)
        if not isinstance(value, list):
            raise RecipeError(f"recipe: {name} must be a list, not {value!r}", _HINT)
        if parts[-1] is Ellipsis:
            parts = parts[:1] * len(value)
        if len(value) != len(parts):
            raise RecipeError(
                f"recipe: {name} must be a list of {len(parts)} values, not {value!r}", _HINT
            )
        return tuple(_convert(t, v, name) for t, v in zip(parts, value, strict=True))
    if wanted is float and type(value) is int:
        return float(value)
    if type(value) is not wanted:
        raise RecipeError(f"recipe: {name} must be {_KINDS[wanted]}, not {value!r}", _HINT)
    return value
