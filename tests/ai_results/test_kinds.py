"""Names of the objects."""

from __future__ import annotations

from pneumoscope.ai_results.kinds import DEFAULT, KINDS
from pneumoscope.ai_results.objects import _MAKERS


def test_every_kind_has_a_maker_and_every_default_a_kind() -> None:
    assert set(_MAKERS) | {"fhir"} == set(KINDS)
    assert set(DEFAULT) == set(KINDS) - {"gsps"}
    assert [kind for kind, about in KINDS.items() if about.ending != "dcm"] == ["fhir"]
