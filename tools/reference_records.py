"""The reference of bundle.json, of the recipes' keys and of the gate's reasons, from docstrings."""

from __future__ import annotations

import dataclasses
import json
import re
import typing
from collections.abc import Iterator
from typing import Any

import griffe

from pneumoscope.batch.columns import columns
from pneumoscope.bundle import SHIPPED, BundleMeta, open_bundle
from pneumoscope.bundle.names import SHIPPED_SET
from pneumoscope.decision.gate import REASONS
from pneumoscope.render import export
from pneumoscope.train.recipe.augmentation import Augmentation
from pneumoscope.train.recipe.settings import Recipe
from reference_text import code, prose, table

JSON_TYPES = {str: "string", int: "integer", float: "number", bool: "true or false"}
SAMPLE_CHARACTERS = 60


def attributes(kind: type) -> dict[str, tuple[str, str]]:
    """Name of each field of a dataclass to its JSON type and its meaning.

    Raises:
        KeyError: The docstring does not explain a field.
    """
    explained = {}
    for section in griffe.Docstring(kind.__doc__ or "", parser="google").parse():
        if section.kind is griffe.DocstringSectionKind.attributes:
            explained = {entry.name: prose(entry.description) for entry in section.value}
    hints = typing.get_type_hints(kind, localns=_names())
    return {f.name: (json_type(hints[f.name]), explained[f.name]) for f in dataclasses.fields(kind)}


def _names() -> dict[str, Any]:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pneumoscope.decision.calibration import Calibration
    from pneumoscope.decision.conformal import Scores
    from pneumoscope.records import OperatingPoint, Population

    records = (Calibration, Scores, OperatingPoint, Population)
    return {kind.__name__: kind for kind in records} | {
        "Mapping": Mapping,
        "Sequence": Sequence,
        "Path": Path,
    }


def json_type(hint: Any) -> str:
    """What a type becomes in JSON or TOML, in words."""
    origin, inside = typing.get_origin(hint), typing.get_args(hint)
    if dataclasses.is_dataclass(hint):
        return f"[{hint.__name__}](#{hint.__name__.lower()})"
    if hint in JSON_TYPES:
        return JSON_TYPES[hint]
    if type(None) in inside:
        (other,) = (part for part in inside if part is not type(None))
        return f"{json_type(other)}, or null"
    if origin is tuple:
        many = inside[-1] is Ellipsis
        return f"list of {json_type(inside[0])}" if many else f"list of {len(inside)} values"
    return "object" if origin is not None else getattr(hint, "__name__", str(hint))


def bundle() -> str:
    """Every key of bundle.json, with the values of the shipped one where they are short."""
    sample = json.loads((SHIPPED / "bundle.json").read_text(encoding="utf-8"))
    parts = ["## The whole file"]
    rows = [
        (
            "`format`",
            "integer",
            "Version of the layout. Format 1 is read too; others are refused.",
            _sample(sample["format"]),
        ),
        *_rows(BundleMeta, sample),
        ("`files`", "object", "Name of every other file to its SHA-256.", ""),
    ]
    headers = ("key", "type", "meaning", "in the shipped bundle")
    parts.append(table(headers, rows))
    for kind in list(_inner(BundleMeta))[1:]:
        parts += [f"## {kind.__name__}", _summary(kind), table(headers[:3], _rows(kind))]
    return "\n\n".join(parts)


def _inner(kind: type) -> Iterator[type]:
    """A dataclass, then those that it is made of, each once."""
    waiting, seen = [kind], []
    while waiting:
        current = waiting.pop(0)
        if current in seen:
            continue
        seen.append(current)
        yield current
        hints = typing.get_type_hints(current, localns=_names())
        waiting += [
            part for field in dataclasses.fields(current) for part in _records(hints[field.name])
        ]


def _records(hint: Any) -> Iterator[type]:
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        yield hint
    for part in typing.get_args(hint):
        yield from _records(part)


def _summary(kind: type) -> str:
    return prose((kind.__doc__ or "").partition("\n\n    Attributes:")[0])


def _rows(kind: type, sample: dict[str, Any] | None = None) -> Iterator[tuple[str, ...]]:
    for name, (what, meaning) in attributes(kind).items():
        row = (f"`{name}`", what, re.sub(r"\bNone\b", "null", meaning))
        yield row if sample is None else (*row, _sample(sample.get(name)))


def _sample(value: Any) -> str:
    text = json.dumps(value)
    return code(text) if value is not None and len(text) <= SAMPLE_CHARACTERS else ""


def csv_columns() -> str:
    """The columns of a table of predictions of the shipped bundle."""
    return ", ".join(f"`{name}`" for name in export.columns(open_bundle().meta.labels))


def shard_columns() -> str:
    """The columns of a shard of the shipped bundles, with heatmaps."""
    labels = dict.fromkeys(name for path in SHIPPED_SET for name in open_bundle(path).meta.labels)
    rows = [
        (f"`{column.name}`", f"`{column.type}`", column.meaning)
        for column in columns(tuple(labels), heatmaps=True)
    ]
    return table(("column", "type", "meaning"), rows)


def recipe() -> str:
    """Every key of a recipe with its default."""
    parts = []
    for title, kind in (("Top level", Recipe), ("Augmentation", Augmentation)):
        defaults = {f.name: f.default for f in dataclasses.fields(kind)}
        rows = [
            (f"`{name}`", what, _toml(defaults[name]), meaning)
            for name, (what, meaning) in attributes(kind).items()
        ]
        parts += [f"## {title}"]
        if kind is Augmentation:
            parts.append(f"In the table `[augment]`. {_summary(kind)}")
        parts += [table(("key", "type", "default", "meaning"), rows)]
    return "\n\n".join(parts)


def _toml(value: Any) -> str:
    if value is dataclasses.MISSING:
        return ""
    if isinstance(value, tuple):
        value = list(value)
    return code(json.dumps(value))


def gate_reasons() -> str:
    """Every code of the gate with its sentence and its hint."""
    rows = []
    for reason, words in REASONS.items():
        sentence, hint = words
        rows.append((f'<a id="{reason}"></a>`{reason}`', sentence, hint))
    return table(("code", "sentence", "hint"), rows)
