"""The order of the worklist: who has to look first."""

from __future__ import annotations

from typing import Any

from pneumoscope.jobs.worklist import worklist
from pneumoscope.records import REFUSED, UNDETERMINED


def film(name: str, label: str | None, p: float | None = None, priority: int = 0) -> dict[str, Any]:
    result = None if label is None else {"label": label, "positive": "PNEUMONIA", "p_positive": p}
    error = {"code": "TooSmall"} if label is None else None
    facts = {"id": name, "name": f"{name}.png", "created": f"2026-01-0{ord(name) - 96}"}
    return facts | {"priority": priority, "result": result, "error": error}


def test_the_most_urgent_film_is_the_first() -> None:
    films = [
        film("a", "NORMAL", 0.1),
        film("b", None),
        film("c", "PNEUMONIA", 0.7),
        film("d", UNDETERMINED, 0.5),
        film("e", REFUSED),
        film("f", "PNEUMONIA", 0.9),
        film("g", "NORMAL", 0.1, priority=5),
    ]
    listed = worklist(films)["films"]
    assert [entry["id"] for entry in listed] == ["g", "f", "c", "d", "b", "e", "a"]
    assert [entry["position"] for entry in listed] == [1, 2, 3, 4, 5, 6, 7]
    assert [entry["group"] for entry in listed[:5]] == [
        "routine", "positive", "positive", "undetermined", "not read",
    ]  # fmt: skip
    assert listed[1]["probability"] == 0.9
    assert listed[4]["error"] == {"code": "TooSmall"}


def test_an_empty_worklist_has_the_notice() -> None:
    assert worklist([])["films"] == []
    assert "not a medical device" in worklist([])["notice"]
