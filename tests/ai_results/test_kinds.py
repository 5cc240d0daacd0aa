"""Names of the objects."""

from __future__ import annotations

from pneumoscope.ai_results.kinds import DEFAULT, KINDS
from pneumoscope.ai_results.objects import _MAKERS, objects_of
from pneumoscope.bundle import Bundle
from result_films import result_of


def test_every_kind_has_a_maker_and_every_default_a_kind() -> None:
    assert set(_MAKERS) | {"fhir"} == set(KINDS)
    assert set(DEFAULT) == set(KINDS) - {"gsps"}
    assert [kind for kind, about in KINDS.items() if about.ending != "dcm"] == ["fhir"]


def test_the_table_names_the_classes_that_are_made(tiny_bundle: Bundle) -> None:
    made = {item.kind: item.sop_class_uid for item in objects_of(result_of(tiny_bundle), KINDS)}
    assert made == {kind: about.sop_class_uid for kind, about in KINDS.items()}
