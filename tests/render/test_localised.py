from __future__ import annotations

from dataclasses import replace
from typing import Any

from pneumoscope.decision.sentences import gate_reasons, of_gate
from pneumoscope.languages.current import speaking
from pneumoscope.records import NO_HEATMAPS, GateReason, GateReport, ZoneHeat
from pneumoscope.render import wording
from pneumoscope.render.localised import localised, localised_result
from pneumoscope.render.serialise import prediction_to_json
from predictions import prediction

UNTESTED = "whether the verdict depends on the marked region was not tested"


def stored(**values: Any) -> dict[str, Any]:
    p = prediction(**values)
    return prediction_to_json(p) | {"words": wording.sentences(p), "lung_outline": True}


def test_english_is_what_is_stored() -> None:
    result = stored()
    assert localised_result(result) is result


def test_a_result_in_german_keeps_its_codes_and_figures() -> None:
    reason = GateReason(
        "too-small",
        "note",
        of_gate("small", columns="90", rows="100"),
        gate_reasons()["too-small"][1],
    )
    unsure = replace(
        prediction().explanation, sentence="75 % of the heat lies on the lungs; " + UNTESTED
    )
    p = stored(
        gate=GateReport("note", (reason,), {"distance": 0.5}),
        explanation=unsure,
        warnings=(NO_HEATMAPS, "Known to nobody."),
        zones=(ZoneHeat("right upper zone", 0.456),),
        prevalence=0.005,
        p_positive=0.125,
    )
    with speaking("de"):
        german = localised_result(p)
    assert german["gate"]["reasons"] == [
        {
            "code": "too-small",
            "level": "note",
            "sentence": "die Aufnahme hat nur 90 x 100 Pixel",
            "hint": "Geben Sie das Original an, keine Vorschau.",
        }
    ]
    assert german["explanation"]["sentence"] == (
        "75 % der Wärme liegen auf den Lungen; ob das Ergebnis von der markierten Stelle abhängt, "
        "wurde nicht geprüft"
    )
    assert german["warnings"] == ["Dieses Modell gibt keine Heatmap.", "Known to nobody."]
    words = german["words"]
    assert words["probability"] == "0,125 bei einer Prävalenz von 0,5 % (0,800 ohne Anpassung)"
    assert words["verdict"] == "PNEUMONIE"
    assert words["kinds"] == "bakteriell (0,50)"
    assert words["zones"] == "rechtes Oberfeld (46 %)"
    assert words["reasons"] == [
        "die Aufnahme hat nur 90 x 100 Pixel. Geben Sie das Original an, keine Vorschau."
    ]
    assert words["marks"] == ["Hinweis"]
    assert german["label"] == "PNEUMONIA"
    assert german["zones"] == [{"name": "right upper zone", "share": 0.456}]
    assert german["operating_point"]["name"] == "balanced"
    assert p["words"]["verdict"] == "PNEUMONIA"


def test_a_result_of_an_earlier_version_keeps_its_words() -> None:
    result = {"label": "NORMAL", "words": {"short": "NORMAL"}, "warnings": [NO_HEATMAPS]}
    with speaking("de"):
        german = localised_result(result)
    assert german["words"] == {"short": "NORMAL"}
    assert german["warnings"] == ["Dieses Modell gibt keine Heatmap."]


def test_only_texts_for_readers_change() -> None:
    point = {"const": "balanced", "title": "balanced", "enum": ["None"], "n": 1}
    with speaking("de"):
        assert localised({"oneOf": [point], "title": "None"}) == {
            "oneOf": [{"const": "balanced", "title": "ausgewogen", "enum": ["None"], "n": 1}],
            "title": "Keine",
        }
    assert localised([point]) == [point]
