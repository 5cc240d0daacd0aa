"""The reference of the REST API, from its OpenAPI document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from pneumoscope.serve.app import create_app
from pneumoscope.serve.settings import ServeSettings
from reference_text import code, prose, table


@cache
def document() -> dict[str, Any]:
    """The document that the server gives at /api/v1/openapi.json."""
    return create_app(ServeSettings()).openapi()


def routes() -> str:
    """Every method of every route: parameters, body, answers."""
    parts = []
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            parts += [f"### {method.upper()} {path}", *_operation(operation)]
    return "\n\n".join(parts)


def _operation(operation: Mapping[str, Any]) -> Iterator[str]:
    yield prose(operation.get("description") or operation["summary"])
    rows = [
        (
            code(p["name"]),
            p["in"],
            _type(p["schema"]),
            _described(p),
            "yes" if p.get("required") else "",
        )
        for p in operation.get("parameters", ())
    ]
    for media, body in operation.get("requestBody", {}).get("content", {}).items():
        schema = _resolved(body["schema"])
        required = schema.get("required", ())
        rows += [
            (
                code(name),
                f"body, {media}",
                _type(inner),
                _described(inner),
                "yes" if name in required else "",
            )
            for name, inner in schema.get("properties", {}).items()
        ]
    if rows:
        yield table(("parameter", "in", "type", "meaning", "required"), rows)
    yield table(("status", "content", "meaning"), _answers(operation["responses"]))


def _answers(responses: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    problems = []
    for status, response in sorted(responses.items()):
        content = response.get("content", {})
        if "application/problem+json" in content:
            problems.append(status)
            continue
        kinds = [
            f"{media}: {_type(body['schema'])}" if body.get("schema") else media
            for media, body in content.items()
        ]
        words = response["description"]
        yield status, "; ".join(kinds), "" if words == "Successful Response" else words
    if problems:
        yield ", ".join(problems), "application/problem+json: [Problem](#problem)", ""


def schemas() -> str:
    """Every schema of the document with its properties."""
    parts = []
    for name, schema in document()["components"]["schemas"].items():
        required = schema.get("required", ())
        rows = [
            (code(key), _type(inner), _described(inner), "yes" if key in required else "")
            for key, inner in schema.get("properties", {}).items()
        ]
        parts += [f"### {name}", prose(schema.get("description", ""))]
        if rows:
            parts.append(table(("key", "type", "meaning", "always there"), rows))
    return "\n\n".join(part for part in parts if part)


def _resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" in schema:
        target: Mapping[str, Any] = document()["components"]["schemas"][_name(schema)]
        return target
    return schema


def _name(schema: Mapping[str, Any]) -> str:
    return str(schema["$ref"]).rpartition("/")[2]


def _type(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return f"[{_name(schema)}](#{_name(schema).lower()})"
    if "anyOf" in schema:
        return ", or ".join(_type(part) for part in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(code(str(value)) for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}"
    return str(schema.get("format") or schema.get("type") or "any")


def _described(holder: Mapping[str, Any]) -> str:
    schema = holder.get("schema", holder)
    words = [str(holder.get("description") or schema.get("description") or "")]
    limits = {
        "minimum": "at least {}", "maximum": "at most {}", "exclusiveMinimum": "above {}",
        "exclusiveMaximum": "below {}", "maxLength": "at most {} characters",
    }  # fmt: skip
    bounds = [text.format(schema[key]) for key, text in limits.items() if key in schema]
    if "default" in schema:
        bounds.append(f"{code(str(schema['default']))} by default")
    if bounds:
        text = ", ".join(bounds)
        words.append(f"{text[0].upper()}{text[1:]}.")
    return " ".join(word for word in words if word)
