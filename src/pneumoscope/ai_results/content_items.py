"""Content items of a structured report as bytes (PS3.3 C.17.3).

Items that are the same for all films, such as the description of the algorithm, are encoded once.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING

from pneumoscope.ai_results.encoding import data_set

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pydicom.sr.coding import Code

CONTAINS, CONTEXT, MODIFIER = "CONTAINS", "HAS OBS CONTEXT", "HAS CONCEPT MOD"
"""Relationship types (C.17.3.2.4)."""
_KEPT = 1024
"""Items that are kept, the least recently used dropped first."""


@cache
def coded_item(code: Code) -> bytes:
    """A code as an item of a code sequence (8.8)."""
    return data_set(
        CodeValue=code.value,
        CodingSchemeDesignator=code.scheme_designator,
        CodeMeaning=code.meaning,
    )


@lru_cache(_KEPT)
def coded(relation: str, name: Code, value: Code) -> bytes:
    """An item of value type CODE."""
    return data_set(
        RelationshipType=relation,
        ValueType="CODE",
        ConceptNameCodeSequence=[coded_item(name)],
        ConceptCodeSequence=[coded_item(value)],
    )


@lru_cache(_KEPT)
def text(relation: str, name: Code, value: str) -> bytes:
    """An item of value type TEXT."""
    return data_set(
        RelationshipType=relation,
        ValueType="TEXT",
        ConceptNameCodeSequence=[coded_item(name)],
        TextValue=value,
    )


def uid_reference(relation: str, name: Code, value: str) -> bytes:
    """An item of value type UIDREF."""
    return data_set(
        RelationshipType=relation,
        ValueType="UIDREF",
        ConceptNameCodeSequence=[coded_item(name)],
        UID=value,
    )


def number(name: Code, value: float, unit: Code, children: list[bytes]) -> bytes:
    """A contained item of value type NUM.

    Args:
        name: Its concept.
        value: With at most 16 letters as decimal text.
        unit: Its unit.
        children: Items below it.
    """
    measured = data_set(
        MeasurementUnitsCodeSequence=[coded_item(unit)],
        FloatingPointValue=value,
        NumericValue=str(value),
    )
    return data_set(
        RelationshipType=CONTAINS,
        ValueType="NUM",
        ConceptNameCodeSequence=[coded_item(name)],
        MeasuredValueSequence=[measured],
        ContentSequence=children,
    )


def container(name: Code, children: list[bytes], template: str = "") -> bytes:
    """A contained item of value type CONTAINER.

    Args:
        name: Its concept.
        children: Items below it.
        template: Identifier of its template (PS3.16), or empty.
    """
    templates = [template_item(template)] if template else []
    return data_set(
        RelationshipType=CONTAINS,
        ValueType="CONTAINER",
        ConceptNameCodeSequence=[coded_item(name)],
        ContinuityOfContent="CONTINUOUS",
        **({"ContentTemplateSequence": templates} if templates else {}),
        ContentSequence=children,
    )


@cache
def template_item(identifier: str) -> bytes:
    """An item of the Content Template Sequence (C.18.8)."""
    return data_set(MappingResource="DCMR", TemplateIdentifier=identifier)


def polyline(name: Code, points: NDArray[np.float64], film: bytes) -> bytes:
    """A contained item of value type SCOORD.

    Args:
        name: Its concept.
        points: (n, 2) of (column, row) in pixels of the film, with its top left corner at (0, 0).
        film: The item of value type IMAGE that the points lie on.
    """
    return data_set(
        RelationshipType=CONTAINS,
        ValueType="SCOORD",
        ConceptNameCodeSequence=[coded_item(name)],
        ContentSequence=[film],
        GraphicData=points.ravel().tolist(),
        GraphicType="POLYLINE",
    )


def image(relation: str, name: Code, film: bytes) -> bytes:
    """An item of value type IMAGE.

    Args:
        relation: Its relationship type.
        name: Its concept.
        film: The film as an item of a sequence of references.
    """
    return data_set(
        RelationshipType=relation,
        ValueType="IMAGE",
        ConceptNameCodeSequence=[coded_item(name)],
        ReferencedSOPSequence=[film],
    )
