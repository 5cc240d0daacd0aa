"""Bundles of format 1, which did not say what their verdicts mean: kinds, warnings, attribution."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def from_format_1(content: Mapping[str, Any]) -> dict[str, Any]:
    """The content of ``bundle.json`` in the present format.

    What format 1 left to the code that read it comes from the data sheets inside the package: by
    the names of the classes, as that code did, and by the source of the films.

    Args:
        content: Content of a ``bundle.json`` of format 1.

    Raises:
        KeyError, TypeError, AttributeError: The content has another structure.
    """
    # Only bundles of the former format need the data layer.
    from pneumoscope.data.sheet import sheet_for, shipped_sheets

    labels, negative = tuple(content["labels"]), content["negative"]
    sheet = sheet_for(labels, negative)
    kinds = sheet.kinds_of(labels, negative)
    data = dict(content["data"])
    for known in shipped_sheets():
        if data.get("source") == known.source:
            data |= {"attribution": known.attribution, "licence": known.licence}
    return {
        **content,
        "kinds": list(kinds),
        "kinds_warning": sheet.warning_of(kinds),
        "warnings": [],
        "data": data,
    }
